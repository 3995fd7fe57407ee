from __future__ import annotations

import json
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec import UNSET
from streams import by_httpx_sse

from pytest_modal_bench.answers.streaming.framing import Event, JsonLines, ServerSentEvents, decoded

LINE_ENDS = ("\n", "\r\n", "\r")


def events(body: bytes) -> list[tuple[str, str]]:
    return [(event.name, event.data) for event in ServerSentEvents(body)]


def rest(body: bytes) -> Event | None:
    stream = ServerSentEvents(body)
    list(stream)
    return stream.unfinished


# --- the examples of the standard, section 9.2.6


def test_lines_of_data_are_joined() -> None:
    assert events(b"data: YHOO\ndata: +2\ndata: 10\n\n") == [("", "YHOO\n+2\n10")]


def test_comments_are_no_events_and_one_blank_after_the_colon_is_dropped() -> None:
    body = b": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n"

    assert events(body) == [("", "first event"), ("", "second event"), ("", " third event")]


def test_an_empty_line_of_data_is_data() -> None:
    body = b"data\n\ndata\ndata\n\ndata:"

    assert events(body) == [("", ""), ("", "\n")]
    assert rest(body) is not None


def test_a_blank_after_the_colon_makes_no_difference() -> None:
    assert events(b"data:test\n\ndata: test\n\n") == [("", "test"), ("", "test")]


# --- and what it says in its rules


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"], ids=["lf", "crlf", "cr"])
def test_a_line_ends_in_any_of_three_ways(end: bytes) -> None:
    assert events(b"event: a" + end + b"data: 1" + end + end) == [("a", "1")]


def test_line_ends_may_differ_from_line_to_line() -> None:
    assert events(b"data: 1\r\ndata: 2\rdata: 3\n\r\n") == [("", "1\n2\n3")]


def test_no_other_line_end_is_one() -> None:
    assert events("data: a\x0bb\x0cc\x1cd\x85e\u2028f\n\n".encode()) == [("", "a\x0bb\x0cc\x1cd\x85e\u2028f")]


def test_a_byte_order_mark_at_the_beginning_is_skipped_and_only_there() -> None:
    mark = "\ufeff".encode()

    assert events(mark + b"data: 1\n\n" + mark + b"data: 2\n\n") == [("", "1")]


def test_an_events_name_holds_for_that_event_alone() -> None:
    assert events(b"event: a\ndata: 1\n\ndata: 2\n\n") == [("a", "1"), ("", "2")]


def test_of_two_names_the_last_one_counts() -> None:
    assert events(b"event: a\nevent: b\ndata: 1\n\n") == [("b", "1")]


def test_fields_of_other_names_are_ignored() -> None:
    assert events(b"Data: 1\ndata : 2\n data: 3\nretry: 4\nid: 5\nfoo\n\n") == []


def test_what_is_no_utf8_is_replaced() -> None:
    assert events(b"data: \xff!\n\n") == [("", "\ufffd!")]


def test_a_name_without_data_is_an_event_here() -> None:
    assert events(b"event: done\n\n") == [("done", "")]


# --- where events end


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"], ids=["lf", "crlf", "cr"])
def test_an_event_ends_with_its_empty_line(end: bytes) -> None:
    first, second = b": hi" + end + b"data: 1" + end + end, b"event: x" + end + b"data: 2" + end + end

    ends = [event.end for event in ServerSentEvents(b"\xef\xbb\xbf" + first + second)]

    assert ends == [3 + len(first), 3 + len(first) + len(second)]


@pytest.mark.parametrize(
    ("tail", "expected"),
    [
        (b"", None),
        (b": still here", None),
        (b": still here\n", None),
        (b"\n\n", None),
        (b"  ", None),
        (b"id: 7\n", None),
        (b"data: 2", ("", "2")),
        (b"data: 2\n", ("", "2")),
        (b"event: end\n", ("end", "")),
        (b"dat", ("", "")),
        (b"data: 2\nda", ("", "2")),
    ],
)
def test_what_stands_behind_the_last_empty_line_is_unfinished(
    tail: bytes, expected: tuple[str, str] | None
) -> None:
    body = b"data: 1\n\n" + tail
    left = rest(body)

    assert events(body)[:1] == [("", "1")]
    assert (None if left is None else (left.name, left.data)) == expected
    assert left is None or left.end == len(body)


# --- against a library of others


texts = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0\ufeff"), max_size=12)
fields = st.one_of(
    st.builds("data: {}".format, texts),
    st.builds("data:{}".format, texts),
    st.just("data"),
    st.builds("event: {}".format, texts),
    st.builds(": {}".format, texts),
    st.builds("{}".format, texts.filter(bool)),
)


@given(
    st.lists(st.tuples(st.lists(fields, max_size=5), st.sampled_from(LINE_ENDS)), max_size=8),
    st.lists(st.integers(0, 200), max_size=5),
)
@example([(["event: message", "data: x"], "\r")], [1])
def test_events_are_those_of_httpx_sse(blocks: list[tuple[list[str], str]], cuts: list[int]) -> None:
    body = "".join("".join(line + end for line in (*lines, "")) for lines, end in blocks).encode()
    places = [0, *sorted(min(cut, len(body)) for cut in cuts), len(body)]

    ours = [(name or "message", data) for name, data in events(body) if data]

    assert ours == by_httpx_sse(*(body[start:end] for start, end in pairwise(places)))


@given(st.binary(max_size=300))
def test_any_bytes_have_events_that_end_in_order(body: bytes) -> None:
    for stream in (ServerSentEvents(body), JsonLines(body)):
        ends = [event.end for event in stream]
        assert ends == sorted(set(ends))
        assert not ends or ends[-1] <= len(body)


# --- JSON lines


def lines_of(body: bytes) -> list[tuple[str, int]]:
    return [(event.data, event.end) for event in JsonLines(body)]


def test_a_line_that_holds_something_is_an_event() -> None:
    assert lines_of(b'\xef\xbb\xbf{"a": 1}\r\n\n  \n{"b": 2}\n') == [('{"a": 1}', 13), ('{"b": 2}', 26)]


@pytest.mark.parametrize(
    ("tail", "whole"),
    [
        (b'{"b": 2}', True),
        (b'{"b": 2', False),
        (b'"b', False),
        (b'"b"', True),
        (b"12", False),
        (b"tru", False),
    ],
)
def test_a_last_line_without_its_end_is_one_if_nothing_can_be_missing(tail: bytes, whole: bool) -> None:
    lines = JsonLines(b'{"a": 1}\n' + tail)
    found = list(lines)

    assert len(found) == 1 + whole
    assert (lines.unfinished is None) == whole


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=5))
def test_json_is_decoded(value: object) -> None:
    assert decoded(json.dumps(value)) == value


@pytest.mark.parametrize(
    "text",
    ["", "{", "{'a': 1}", "[" * 100_000, "[" * 500 + "]" * 500, "1" * 5000, "\ud800", "Hello"],
    ids=["nothing", "brace", "python", "open", "deep", "digits", "surrogate", "word"],
)
def test_what_is_no_json_or_nested_too_deep_is_not_decoded(text: str) -> None:
    assert decoded(text) is UNSET


def test_what_python_takes_for_json_is_decoded_too() -> None:
    assert str(decoded('{"a": NaN, "b": Infinity}')) == "{'a': nan, 'b': inf}"
