from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from streams import ROLE, chunk, sse, usage

from pytest_modal_bench.answers.streaming.listening import listen

if TYPE_CHECKING:
    from pytest_modal_bench.answers.streaming.transcript import Transcript


def read(*events: object) -> Transcript:
    return listen(sse(*events), "openai")


@pytest.mark.parametrize(
    ("delta", "text"),
    [
        ({"content": "Hi"}, "Hi"),
        ({"content": " "}, " "),
        ({"content": "null"}, "null"),
        ({"content": "Hi", "role": "assistant"}, "Hi"),
        ({"refusal": "No"}, "No"),
        ({"reasoning_content": "hm"}, ""),
        ({"content": None, "reasoning": "hm"}, ""),
        ({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}]}, ""),
        ({"content": [{"type": "text", "text": "Hi"}]}, "Hi"),
        (
            {"tool_calls": [{"index": 0, "id": "c1", "function": {"name": "get", "arguments": '{"a"'}}]},
            'get{"a"',
        ),
        ({"function_call": {"name": "get", "arguments": "{}"}}, "get{}"),
        ({"audio": {"data": "AAAA"}}, ""),
    ],
)
def test_content_reasoning_calls_and_sound_are_output(delta: dict[str, Any], text: str) -> None:
    transcript = read(chunk(**delta))

    assert len(transcript.outputs) == 1
    assert (transcript.text, transcript.characters) == (text, len(text))


@pytest.mark.parametrize(
    "event",
    [
        ROLE,
        chunk(),
        chunk("stop"),
        chunk("stop", content=""),
        chunk(content=None, reasoning_content=None, tool_calls=[]),
        usage(3),
        {"choices": []},
        {"choices": [None, 5, {"delta": None}]},
        {"id": "x", "object": "chat.completion.chunk"},
    ],
)
def test_roles_usage_and_empty_deltas_are_no_output(event: object) -> None:
    assert read(event).outputs == []


def test_a_completion_says_its_text() -> None:
    transcript = read(
        {"object": "text_completion", "choices": [{"index": 0, "text": "Once", "finish_reason": None}]},
        {"object": "text_completion", "choices": [{"index": 0, "text": " upon", "finish_reason": "length"}]},
        "[DONE]",
    )

    assert (transcript.text, len(transcript.outputs), transcript.finish_reason) == ("Once upon", 2, "length")


def test_several_choices_are_told_apart() -> None:
    transcript = read(
        chunk(content="a"), chunk(index=1, content="x"), chunk(content="b"), chunk(index=1, content="y")
    )

    assert transcript.text == "ab\nxy"
    assert transcript.choices == {0: False, 1: False}


def test_a_stream_ends_when_each_choice_has_a_reason() -> None:
    assert read(chunk(content="a"), chunk("stop")).ending == "a `finish_reason`"
    assert read(chunk(content="a"), chunk(index=1, content="x"), chunk("stop")).ending is None
    assert read(chunk(content="a"), chunk("stop"), chunk(content="b")).ending is None
    assert read(chunk(content="a"), "[DONE]").ending == "`[DONE]`"


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([usage(7)], (5, 7)),
        ([chunk(content="a") | usage(1), chunk(content="a") | usage(2), usage(3)], (5, 3)),
        ([usage(7), {"choices": [], "usage": None}], (5, 7)),
        ([{"choices": [], "usage": {"completion_tokens": "7", "prompt_tokens": True}}], (None, None)),
        ([{"choices": [], "usage": {"completion_tokens": 0, "prompt_tokens": -1}}], (None, None)),
        ([{"choices": [], "usage": {"completion_tokens": 1 << 90}}], (None, None)),
        ([{"choices": [], "usage": [7]}], (None, None)),
    ],
)
def test_usage_is_the_last_that_makes_sense(
    events: list[object], expected: tuple[int | None, int | None]
) -> None:
    transcript = read(chunk(content="a"), *events, "[DONE]")

    assert (transcript.input_tokens, transcript.output_tokens) == expected


def test_what_comes_after_done_is_not_heard() -> None:
    transcript = read(chunk(content="a"), "[DONE]", chunk(content="b"))

    assert (transcript.text, transcript.unfinished) == ("a", None)


@pytest.mark.parametrize("reason", ["x" * 65, "\x1b[31m", "a b", ""])
def test_a_reason_that_is_no_word_is_not_kept(reason: str) -> None:
    assert read(chunk(content="a"), chunk(reason)).finish_reason is None


# --- the Responses API


def response(kind: str, **fields: object) -> tuple[str, dict[str, object]]:
    return f"response.{kind}", {"type": f"response.{kind}", "sequence_number": 1, **fields}


BEGIN = (
    response("created", response={"status": "in_progress", "usage": None, "error": None, "output": []}),
    response("output_item.added", item={"type": "message", "status": "in_progress", "content": []}),
    response("content_part.added", part={"type": "output_text", "text": ""}),
)
END = (
    response("output_text.done", text="Hi there"),
    response(
        "output_item.done", item={"type": "message", "content": [{"type": "output_text", "text": "Hi there"}]}
    ),
)
COMPLETED = response(
    "completed",
    response={
        "status": "completed",
        "error": None,
        "incomplete_details": None,
        "output": [{"type": "message", "content": [{"type": "output_text", "text": "Error: none"}]}],
        "usage": {"input_tokens": 11, "output_tokens": 4, "total_tokens": 15},
    },
)


def test_a_response_says_its_deltas_and_ends_when_it_is_completed() -> None:
    deltas = (response("output_text.delta", delta="Hi"), response("output_text.delta", delta=" there"))
    transcript = read(*BEGIN, *deltas, *END, COMPLETED)

    assert (transcript.text, len(transcript.outputs), transcript.failure) == ("Hi there", 2, None)
    assert (transcript.ending, transcript.finish_reason) == ("`response.completed`", "completed")
    assert (transcript.input_tokens, transcript.output_tokens) == (11, 4)
    assert read(*BEGIN, *deltas, *END).ending is None


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("reasoning_text.delta", ""),
        ("reasoning_summary_text.delta", ""),
        ("refusal.delta", "x"),
        ("function_call_arguments.delta", "x"),
        ("output_audio.delta", ""),
    ],
)
def test_any_delta_of_a_response_is_output(kind: str, text: str) -> None:
    transcript = read(*BEGIN, response(kind, delta="x"))

    assert (len(transcript.outputs), transcript.text) == (1, text)
    assert read(*BEGIN, response(kind, delta="")).outputs == []


@pytest.mark.parametrize("reason", ["max_output_tokens", "content_filter"])
def test_a_response_that_is_incomplete_says_why(reason: str) -> None:
    last = response("incomplete", response={"status": "incomplete", "incomplete_details": {"reason": reason}})
    transcript = read(response("output_text.delta", delta="Hi"), last)

    assert (transcript.ending, transcript.finish_reason) == ("`response.incomplete`", reason)


@pytest.mark.parametrize(
    "event",
    [
        response(
            "failed", response={"status": "failed", "error": {"code": "server_error", "message": "boom"}}
        ),
        ("error", {"type": "error", "code": "server_error", "message": "boom", "param": None}),
        {"type": "error", "code": None, "message": "boom"},
    ],
)
def test_a_response_that_failed_says_why(event: object) -> None:
    assert read(*BEGIN, response("output_text.delta", delta="Hi"), event).failure == "boom"


def test_speech_comes_in_deltas_too() -> None:
    transcript = read(
        {"type": "speech.audio.delta", "audio": "UklGRg=="},
        {"type": "speech.audio.delta", "audio": "AAAA"},
        {"type": "speech.audio.done", "usage": {"input_tokens": 4, "output_tokens": 101}},
    )

    assert (len(transcript.outputs), transcript.text, transcript.output_tokens) == (2, "", 101)
    assert transcript.ending == "an event `speech.audio.done`"
