from __future__ import annotations

import unicodedata

import msgspec
import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st
from urllib3.exceptions import DecodeError, IncompleteRead, ProtocolError

from pytest_modal_bench.call import failures


@pytest.mark.parametrize(
    ("status", "body", "message"),
    [
        (408, b"Missing request, possibly due to expiry or cancellation\n", None),
        (500, b"modal-http: internal error: function was terminated by signal\n", None),
        (404, b"", "HTTP 404 Not Found"),
        (404, b" \r\n", "HTTP 404 Not Found"),
        (599, b"", "HTTP 599"),
        (404, b'{"detail": "LoRA not found: x"}', "HTTP 404: LoRA not found: x"),
        (
            422,
            b'{"detail": [{"loc": ["body", "prompt"], "msg": "Required"}, {"loc": ["a", 0], "msg": "Bad"}]}',
            "HTTP 422: body.prompt: Required; a.0: Bad",
        ),
        (422, b'{"detail": [{"msg": "Bad"}, "worse", 3]}', "HTTP 422: Bad; worse; 3"),
        (400, b'{"detail": {"error": "no face", "code": 7}}', "HTTP 400: no face"),
        (400, b'{"detail": {"code": 7}}', 'HTTP 400: {"code":7}'),
        (
            500,
            b'{"error": "\'prompt\'", "details": "Traceback ...", "type": "KeyError"}',
            "HTTP 500: 'prompt'",
        ),
        (500, b'{"error": "", "details": "Traceback ...", "type": "KeyError"}', "HTTP 500: KeyError"),
        (500, b'{"error": {"message": "overloaded"}}', "HTTP 500: overloaded"),
        (500, b'{"other": 1}', 'HTTP 500: {"other": 1}'),
        (500, b"[1, 2]", "HTTP 500: [1, 2]"),
        (500, b'{"detail": ', 'HTTP 500: {"detail":'),
        (500, b"a\r\n\tb\x00", "HTTP 500: 6 bytes that are no text"),
        (500, b"\x1b[31mred\x1b[0m \x1b]0;title\x07bell\x07", "HTTP 500: red bell"),
        (500, "gr\u00fc\u00dfe \u202eevil".encode(), "HTTP 500: gr\u00fc\u00dfe evil"),
        (500, b"\xff\xfe", "HTTP 500: \ufffd\ufffd"),
        (500, b"[" * 100_000, None),
        (500, b'{"detail":' * 50_000 + b"1" + b"}" * 50_000, None),
    ],
)
def test_an_answer_becomes_a_message(status: int, body: bytes, message: str | None) -> None:
    said = failures.of_answer(status, "", body)
    assert said == (message or f"HTTP {status}: {body.decode().strip()}")


def test_a_servers_own_reason_is_kept() -> None:
    assert failures.of_answer(404, "NOT\tHERE", b"") == "HTTP 404 NOT HERE"


def test_a_huge_answer_says_how_huge() -> None:
    said = failures.of_answer(500, "", b"x" * 3_000_000)
    assert said.startswith("HTTP 500: 3,000,000 bytes that begin with xxx")


@given(st.integers(100, 599), st.text(), st.binary())
def test_every_answer_becomes_one_line(status: int, reason: str, body: bytes) -> None:
    said = failures.of_answer(status, reason, body)
    assert said.startswith(f"HTTP {status}")
    assert said == " ".join(said.split())
    assert not [c for c in said if unicodedata.category(c) in {"Cc", "Cf", "Cs"}]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["detail", "error", "msg", "x"]), inner)
    ),
    max_leaves=20,
)


@given(json_values)
def test_every_json_answer_becomes_one_line(value: object) -> None:
    said = failures.of_answer(500, "Oops", msgspec.json.encode(value))
    assert said.startswith("HTTP 500")
    assert said == " ".join(said.split())


@given(st.text())
def test_one_line_is_stable(text: str) -> None:
    line = failures.one_line(text)
    assert failures.one_line(line) == line


def test_addresses_in_memory_are_left_out() -> None:
    old = "<urllib3.connection.HTTPConnection object at 0x7f2d5c0b1e50>: Failed to establish a new connection"
    new = "<HTTPConnection(host='127.0.0.1', port=1) at 0x7f2d5c0b1e50>: Failed"
    assert failures.of_exception(OSError(old)) == "HTTPConnection: Failed to establish a new connection"
    assert failures.of_exception(OSError(new)) == "HTTPConnection(host='127.0.0.1', port=1): Failed"


def test_an_exception_without_text_is_named() -> None:
    assert failures.of_exception(requests.ConnectionError()) == "ConnectionError"


def test_an_exception_of_what_happened_and_why_reads_as_both() -> None:
    error = DecodeError("content-encoding: br, but failed to decode it.", ValueError("bad header"))
    assert failures.of_exception(error) == "content-encoding: br, but failed to decode it. bad header"


def test_a_lost_connection_says_when_and_how() -> None:
    broken = ProtocolError("Connection broken: noise", IncompleteRead(1234, 5))
    assert failures.of_reading(broken, 1234) == (
        "connection lost after 1,234 bytes: IncompleteRead(1234 bytes read, 5 more expected)"
    )


def test_a_long_message_is_cut_and_says_so() -> None:
    assert failures.bounded("x" * 2000) == "x" * 2000
    assert failures.bounded("x" * 2001) == "x" * 2000 + "… (2,001 characters in all)"


def test_a_server_gives_no_commands_to_whoever_reads_the_log() -> None:
    assert failures.of_answer(500, "", b"boom ##[add-mask]e") == "HTTP 500: boom # #[add-mask]e"
