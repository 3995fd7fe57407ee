from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from measure_answers import endpoint
from streams import NDJSON, ROLE, SSE, answer_of, chat, chunk, in_time, ndjson, sse, usage

from pytest_modal_bench.answers import contents
from pytest_modal_bench.answers.inspector import Inspector
from pytest_modal_bench.answers.streaming import reader
from pytest_modal_bench.answers.streaming.reader import Reading, StreamReader
from pytest_modal_bench.call.arrivals import Arrivals
from pytest_modal_bench.model import Expect, Streamed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytest_modal_bench.call.answer import Answer
    from pytest_modal_bench.model import StreamForm


@pytest.fixture(scope="module")
def inspector() -> Iterator[Inspector]:
    with Inspector() as inspector:
        yield inspector


@pytest.fixture
def read(inspector: Inspector) -> Any:
    def read(
        given: Answer | bytes,
        form: StreamForm = "openai",
        expect: Expect | None = None,
        using: StreamReader | None = None,
    ) -> Reading:
        answer = (
            given
            if not isinstance(given, bytes)
            else answer_of(given, **(NDJSON if form == "ndjson" else SSE))
        )
        media = inspector.inspect(answer.body)
        stream = using or StreamReader(endpoint(stream=form, expect=expect))
        return stream.read(answer, media, contents.content(answer.body, media))

    return read


# --- times


def test_the_first_token_is_the_first_event_with_output(read: Any) -> None:
    events = [b": hello\n\n", *(sse(each) for each in (ROLE, chunk(content="a"), chunk(content="b"))), chat()]
    times = read(answer_of(in_time(events))).streamed

    assert times.ttft_sec == pytest.approx(1.2)
    assert times.itl_sec == pytest.approx(0.1)
    assert times.chunks == 2


def test_of_the_times_between_outputs_there_are_the_median_the_95th_percentile_and_the_longest(
    read: Any,
) -> None:
    moments = [1.0, 1.1, 1.2, 1.3, 1.7]
    pieces = [(moment, sse(chunk(content="x"))) for moment in moments]
    times = read(answer_of([*pieces, (2.0, chat())])).streamed

    assert times.itl_sec == pytest.approx(0.1)
    assert times.itl_p95_sec == pytest.approx(0.1 + 0.85 * 0.3)
    assert times.itl_max_sec == pytest.approx(0.4)


def test_tokens_a_second_are_of_the_tokens_behind_the_first_output(read: Any) -> None:
    events = [sse(chunk(content="x")) for _ in range(5)]
    times = read(answer_of([*in_time(events), (3.0, sse(chunk("stop"), usage(21), "[DONE]"))])).streamed

    assert (times.output_tokens, times.input_tokens) == (21, 5)
    assert times.tokens_per_sec == pytest.approx(20 / 0.4)


def test_without_usage_there_are_chunks_and_no_tokens(read: Any) -> None:
    reading = read(answer_of([*in_time([sse(chunk(content="x"))] * 3), (3.0, chat())]))

    assert reading.problem is None
    assert (reading.streamed.chunks, reading.streamed.output_tokens) == (3, None)
    assert reading.streamed.tokens_per_sec is None
    assert "tokens not known: the stream has no usage" in reading.notes[0]


def test_events_in_one_packet_arrive_together_and_one_cut_in_two_with_its_last_byte(read: Any) -> None:
    first, second, third = (sse(chunk(content=word)) for word in "abc")
    pieces = [(1.0, first + second[:-1]), (1.5, second[-1:] + third), (2.0, chat())]
    times = read(answer_of(pieces)).streamed

    assert times.ttft_sec == 1.0
    assert (times.itl_sec, times.itl_max_sec) == (0.25, 0.5)


def test_one_output_has_no_time_between_outputs(read: Any) -> None:
    times = read(answer_of([(1.0, chat("all", tokens=40))])).streamed

    assert times.ttft_sec == 1.0
    assert (times.itl_sec, times.itl_p95_sec, times.itl_max_sec, times.tokens_per_sec) == (None,) * 4


def test_outputs_that_all_come_at_once_are_noted(read: Any) -> None:
    reading = read(answer_of([(1.0, chat("a", "b", "c", tokens=3))]))

    assert reading.problem is None
    assert reading.notes == ("all 3 outputs arrived at once: something on their way holds them back",)
    assert reading.streamed.tokens_per_sec is None


def test_without_arrivals_nothing_is_known_of_times(read: Any) -> None:
    times = read(replace(answer_of(chat("a", "b", tokens=2)), arrivals=None)).streamed

    assert (times.ttft_sec, times.itl_sec, times.tokens_per_sec) == (None, None, None)
    assert (times.chunks, times.output_tokens, times.characters) == (2, 2, 2)


def test_where_pieces_were_too_many_to_time_each_only_the_first_and_the_last_output_are(read: Any) -> None:
    answer = answer_of([(1.0, sse(ROLE, chunk(content="a"))), (3.0, chat("b", tokens=11))])
    assert answer.arrivals is not None
    answer.arrivals.complete = False
    reading = read(answer)

    assert (reading.streamed.ttft_sec, reading.streamed.tokens_per_sec) == (1.0, 5.0)
    assert (reading.streamed.itl_sec, reading.streamed.itl_max_sec) == (None, None)
    assert reading.notes == (
        "too many pieces to keep when each arrived: the times between outputs are not known",
    )


def test_what_a_stream_says_is_counted(read: Any) -> None:
    streamed = read(chat("Hello", " wörld", tokens=2)).streamed

    assert (streamed.characters, streamed.finish_reason) == (11, "stop")


# --- failures


ENDLESS = (ROLE, chunk(content="a"), chunk(content="b"))


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"", "empty: not one byte"),
        (b"<!doctype html><html><body>Bad gateway", "an HTML page, not a stream"),
        (b'{"detail": "no such model"}', "an error instead of a stream: no such model"),
        (
            b'{"object": "chat.completion", "choices": [{"message": {"content": "Hi"}}]}',
            "one JSON answer instead of a stream; does the payload ask for one, as with `stream = true`?",
        ),
        (b"Internal Server Error", "not a stream: text without a server-sent event"),
        (b": ping\n\n: ping\n\n", "not a stream: text without a server-sent event"),
        (b"\0\1\2", "not a stream: other without a server-sent event"),
        (
            sse(*ENDLESS),
            "incomplete: ends after 2 outputs without `[DONE]` or a `finish_reason`",
        ),
        (sse(*ENDLESS) + b'data: {"choi', "incomplete: ends inside an event, after 2 outputs"),
        (sse(*ENDLESS) + b"data: {}\n", "incomplete: ends inside an event, after 2 outputs"),
        (
            sse(*ENDLESS, chunk("stop")) + b"data: [DO",
            "incomplete: ends inside an event, behind a `finish_reason`",
        ),
        (b"data: [DONE]\n\n", "no output in 1 event"),
        (sse(ROLE, chunk("stop"), "[DONE]"), "no output in 3 events"),
        (
            sse(ROLE, chunk(content=""), chunk("stop"), "[DONE]"),
            "no output in 4 events",
        ),
        (sse(ROLE, "oops", "[DONE]"), "event 2 is no JSON object: oops"),
        (sse(ROLE, "[1]", "[DONE]"), "event 2 is no JSON object: [1]"),
        (
            sse(*ENDLESS, chunk("content_filter"), "[DONE]"),
            "ended with `content_filter`: a filter has taken some of the answer",
        ),
        (sse(*ENDLESS, chunk("abort"), "[DONE]"), "ended with `abort`: its server broke it off"),
        (
            sse(*ENDLESS, chunk("stop"), chunk(index=1, content="x")),
            "incomplete: ends after 3 outputs without `[DONE]` or a `finish_reason`",
        ),
    ],
)
def test_an_openai_stream_that_is_not_whole_has_failed(read: Any, body: bytes, problem: str) -> None:
    assert read(body).problem == problem


@pytest.mark.parametrize(
    "ending",
    [
        sse("[DONE]"),
        sse(chunk("stop")),
        sse(chunk("stop"), "[DONE]"),
        sse(chunk("stop")) + b"data: [DONE]",
        sse(chunk("stop")) + b"data: [DONE]\n",
        sse(chunk("stop"), "[DONE]") + b": bye",
        sse(chunk("tool_calls"), usage(3), "[DONE]"),
    ],
)
def test_done_or_a_finish_reason_ends_an_openai_stream(read: Any, ending: bytes) -> None:
    assert read(sse(*ENDLESS) + ending).problem is None


def test_a_limit_of_tokens_is_noted_and_no_failure(read: Any) -> None:
    reading = read(chat("a", finish_reason="length", tokens=1))

    assert reading.problem is None
    assert reading.notes == ("ended with `length`: it was cut off at a limit of tokens",)


ERROR = {"message": "CUDA out of memory", "type": "server_error", "code": 500}


@pytest.mark.parametrize("form", ["openai", "sse", "ndjson"])
@pytest.mark.parametrize(
    "event",
    [
        {"error": ERROR},
        {"error": "CUDA out of memory"},
        {"error": "CUDA out of memory", "error_type": "generation"},
        {"type": "error", "message": "CUDA out of memory"},
        {"type": "error", "error": {"type": "overloaded_error", "message": "CUDA out of memory"}},
        {"object": "error", **ERROR},
        {"detail": "CUDA out of memory"},
        {"choices": [{"index": 0, "delta": {"content": ""}, "finish_reason": "error"}], "error": ERROR},
        {"type": "response.failed", "response": {"status": "failed", "error": ERROR}},
        {"text": "sorry", "error_code": 50001, "message": "CUDA out of memory"},
        {"status": "failed", "message": "CUDA out of memory"},
        {"type": "aborted", "reason": "CUDA out of memory"},
        {"event": "cancelled", "reason": "CUDA out of memory"},
    ],
)
def test_an_error_in_any_usual_form_fails_the_stream_however_well_it_began(
    read: Any, form: StreamForm, event: object
) -> None:
    whole = ndjson if form == "ndjson" else sse
    end: tuple[object, ...] = (chunk("stop"),) if form == "ndjson" else (chunk("stop"), "[DONE]")
    problem = read(whole(*ENDLESS, event, *end), form).problem

    assert problem is not None
    assert problem.startswith("an error in the stream, after 2 outputs: ")
    assert "CUDA out of memory" in problem or event.get("text")  # type: ignore[attr-defined]


@pytest.mark.parametrize("form", ["openai", "sse"])
@pytest.mark.parametrize("data", ["CUDA out of memory", '{"reason": "CUDA out of memory"}', ERROR])
def test_an_event_that_is_named_error_is_one(read: Any, form: StreamForm, data: object) -> None:
    problem = read(sse(*ENDLESS, ("error", data), chunk("stop"), "[DONE]"), form).problem

    assert problem is not None
    assert problem.startswith("an error in the stream, after 2 outputs: ")
    assert "CUDA out of memory" in problem


def test_a_named_error_without_data_is_one(read: Any) -> None:
    assert (
        read(sse("a", "b") + b"event: error\n\n", "sse").problem
        == "an error in the stream, after 2 outputs: `error`"
    )


@pytest.mark.parametrize("form", ["openai", "sse"])
@pytest.mark.parametrize(
    "lines",
    [
        b"Traceback (most recent call last):\nRuntimeError: CUDA out of memory\n",
        b'{"error": "CUDA out of memory"}\n\n',
        b'error: {"code": 500, "message": "CUDA out of memory"}\n\n',
        b"skipped\n\nInternal Server Error: CUDA out of memory",
    ],
)
def test_an_error_that_its_server_wrote_between_events_is_one(
    read: Any, form: StreamForm, lines: bytes
) -> None:
    problem = read(sse(*ENDLESS) + lines, form).problem

    assert problem is not None
    assert problem.startswith("an error in the stream, after 2 outputs: ")
    assert "CUDA out of memory" in problem


def test_other_lines_that_are_no_part_of_an_event_are_skipped(read: Any) -> None:
    body = b"".join(b"vendor: error\nretry: 5\nid: 1\n" + sse(each) for each in (*ENDLESS, chunk("stop")))

    assert read(body).problem is None


@pytest.mark.parametrize("form", ["openai", "sse"])
@pytest.mark.parametrize(
    "last",
    [
        "CUDA out of memory",
        "\n\n[ERROR] CUDA out of memory. Tried to allocate 2.00 GiB",
        "torch.OutOfMemoryError: CUDA out of memory",
        "RuntimeError: CUDA error: device-side assert triggered",
        "**Error**: the engine died",
        "[ERROR] the engine died",
        "Internal Server Error",
        "Traceback (most recent call last):\n  File",
    ],
)
def test_a_stream_whose_last_words_are_an_errors_has_failed(read: Any, form: StreamForm, last: str) -> None:
    problem = read(chat("Hello ", "world", last), form).problem

    assert problem is not None
    assert problem.startswith('it says that it failed; if that is right, say expect.kind = "any": ')
    assert read(chat("Hello ", last), form, Expect(kind="any")).problem is None


@pytest.mark.parametrize(
    "words",
    [
        ("The word ", "error", ": see", " there"),
        ("An out", " of", " memory", " error"),
        ('{"status": "failed", ', '"error": "none"}'),
        ("I made no error", "."),
        ("It logs an", " error:"),
        ("raise Value", "Error"),
        ("<b>", "bold", "</b>"),
    ],
)
def test_a_stream_that_speaks_of_errors_is_none(read: Any, words: tuple[str, ...]) -> None:
    assert read(chat(*words, tokens=9)).problem is None


def test_a_stream_that_says_nothing_but_a_page_has_failed(read: Any) -> None:
    problem = read(chat("<!DOCTYPE html>\n<html>", "<title>502 Bad Gateway</title>")).problem

    assert problem == 'it says that it failed; if that is right, say expect.kind = "any": an HTML page'


# --- expectations


@pytest.mark.parametrize(
    ("expect", "problem"),
    [
        (Expect(text="wor+ld"), None),
        (Expect(text="^Hello"), None),
        (Expect(text="bye"), "expected a text in which `bye` is found, got: Hello world"),
        (Expect(min_tokens=7), None),
        (Expect(min_tokens=8), "expected at least 8 output tokens, got 7"),
        (Expect(max_bytes=10), "expected at most 10 bytes, got 808"),
        (Expect(status=201), "expected status 201, got 200"),
        (
            Expect(kind="image"),
            "a stream of events is no image; say expect.text or expect.min_tokens, not expect.kind",
        ),
        (Expect(kind="any", text="bye"), "expected a text in which `bye` is found, got: Hello world"),
    ],
)
def test_a_stream_is_held_against_what_is_expected_of_it(
    read: Any, expect: Expect, problem: str | None
) -> None:
    assert read(chat("Hello", " ", "world", tokens=7), expect=expect).problem == problem


def test_tokens_that_the_server_does_not_count_are_not_enough(read: Any) -> None:
    problem = read(chat("Hello"), expect=Expect(min_tokens=1)).problem

    assert problem == (
        "expected at least 1 output token; its server does not count them; "
        "ask for it with `stream_options = { include_usage = true }` in the payload"
    )


# --- streams of a server's own making


def test_events_that_announce_an_end_must_have_one(read: Any) -> None:
    lines = ({"response": "a", "done": False}, {"response": "b", "done": False})
    last = {"response": "", "done": True, "done_reason": "stop", "eval_count": 2, "prompt_eval_count": 9}

    assert read(ndjson(*lines, last), "ndjson").problem is None
    assert read(ndjson(*lines), "ndjson").problem == (
        "incomplete: ends after 2 outputs without `done`, which its events announce"
    )


def test_an_end_that_one_answer_had_is_missed_in_the_next(read: Any) -> None:
    stream = StreamReader(endpoint(stream="sse"))

    assert read(sse("a", "b"), "sse", using=stream).problem is None
    assert read(sse("a", "b", "[DONE]"), "sse", using=stream).problem is None
    assert read(sse("a", "b"), "sse", using=stream).problem == (
        "incomplete: ends after 2 outputs without `[DONE]`, as another answer had it"
    )


def test_a_stream_without_an_end_of_its_own_ends_as_http_says(read: Any) -> None:
    body = sse("Hello", " world")

    assert read(body, "sse").unchecked is None
    assert (
        read(answer_of(body, content_length="31", content_type="text/event-stream"), "sse").unchecked is None
    )
    reading = read(answer_of(body, content_type="text/event-stream"), "sse")
    assert reading.problem is None
    assert (
        reading.unchecked == "end not checked: no event says that it is the last one, and HTTP says no length"
    )
    any_will_do = read(answer_of(body, content_type="text/event-stream"), "sse", Expect(kind="any"))
    assert any_will_do.unchecked is None


def test_a_stream_of_events_ends_within_none(read: Any) -> None:
    assert (
        read(sse("a", "b") + b"data: c", "sse").problem == "incomplete: ends inside an event, after 2 outputs"
    )


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b'{"text": "a"}\n{"te', "incomplete: ends inside an event, after 1 output"),
        (b'{"text": "a"}\noops\n{"text": "b"}\n', "event 2 is no JSON object: oops"),
        (b"oops\n", "not a stream: text without a line of JSON: oops\n".strip()),
        (
            b'{\n "text": "a"\n}\n',
            "one JSON answer instead of a stream; does the payload ask for one, as with `stream = true`?",
        ),
        (b'{"error": "no such model"}\n', "an error in the stream, after 0 outputs: no such model"),
        (b'{"id": 1}\n', "no output in 1 event"),
        (b"<html><body>Bad gateway</body></html>\n", "an HTML page, not a stream"),
    ],
)
def test_lines_that_are_not_whole_have_failed(read: Any, body: bytes, problem: str) -> None:
    assert read(body, "ndjson").problem == problem


@pytest.mark.parametrize(
    ("declared", "note"),
    [
        ("text/event-stream; charset=utf-8", None),
        ("text/plain", None),
        ("application/json", "declared application/json, is a stream of server-sent events"),
        ("\x1b[31m", "declared something malformed, is a stream of server-sent events"),
    ],
)
def test_a_wrong_content_type_is_noted(read: Any, declared: str, note: str | None) -> None:
    reading = read(answer_of(chat("a", tokens=1), content_type=declared))

    assert reading.problem is None
    assert reading.notes == (() if note is None else (note,))


def test_a_wrong_content_type_of_lines_is_noted_too(read: Any) -> None:
    body = ndjson({"response": "a", "done": True})
    reading = read(answer_of(body, content_type="text/event-stream", transfer_encoding="chunked"), "ndjson")

    assert reading.notes == ("declared text/event-stream, is a stream of lines of JSON",)


# --- pieces of a file


def test_of_a_file_in_pieces_the_first_one_behind_the_header_counts(read: Any) -> None:
    header = b"RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0" + bytes(16) + b"data\xff\xff\xff\xff"
    pieces = [(0.5, header), (1.0, b"\1\2"), (1.3, b"\3\4"), (1.4, b"\5\6")]
    reading = read(answer_of(pieces, content_type="audio/wav"), "bytes")

    assert (reading.problem, reading.is_of_events) == (None, False)
    assert (reading.streamed.chunks, reading.streamed.ttft_sec) == (3, 1.0)
    assert (reading.streamed.itl_sec, reading.streamed.itl_max_sec) == (
        pytest.approx(0.2),
        pytest.approx(0.3),
    )
    assert read(answer_of(pieces[:1]), "bytes").problem == "no output: not one byte behind the file's header"


def test_a_large_file_is_not_read_whole(read: Any, tmp_path: Path) -> None:
    path = tmp_path / "sound"
    path.write_bytes(b"fLaC\x80\x20\0\0" + bytes(3 << 20))
    arrivals = Arrivals()
    arrivals.add(2 << 20, 1.0)
    arrivals.add(path.stat().st_size, 2.0)
    answer = replace(answer_of(b""), body=path, size_bytes=path.stat().st_size, arrivals=arrivals)

    assert read(answer, "bytes").streamed.ttft_sec == 2.0


# --- bounds


def test_a_stream_that_is_too_large_to_look_into_has_failed(
    read: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "LARGEST_BYTES", 100)

    assert read(chat("a" * 100)).problem == "a stream of 541 bytes, of which at most 100 are looked into"


def test_a_stream_of_too_many_events_has_failed(read: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pytest_modal_bench.answers.streaming.listening.MOST_EVENTS", 3)

    assert read(chat("a", "b", "c")).problem == "more than the 3 events that are looked into"


# --- answers that failed


def test_of_a_failed_answer_what_had_come_is_timed() -> None:
    pieces = in_time([sse(chunk(content="a")), sse(chunk(content="b")), b"data: {"])
    lost = replace(answer_of(pieces), ok=False, error="connection lost", cause="connection_lost")
    reading = StreamReader(endpoint(stream="openai")).read_failed(lost)

    assert reading is not None
    assert (reading.streamed.ttft_sec, reading.streamed.chunks) == (1.0, 2)


@pytest.mark.parametrize(
    "given", [replace(answer_of(b"{}"), status=500), answer_of(b"")], ids=["500", "empty"]
)
def test_where_nothing_of_a_stream_came_nothing_is_timed(given: Answer) -> None:
    assert StreamReader(endpoint(stream="openai")).read_failed(given) is None


def test_a_finish_reason_is_cleaned_of_secrets() -> None:
    reading = Reading(Streamed(finish_reason="hunter2"), is_of_events=True)

    assert reading.cleaned(lambda text: text.replace("hunter2", "***")).finish_reason == "***"
