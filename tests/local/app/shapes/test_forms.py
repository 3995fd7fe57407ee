from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from pytest_modal_bench.local.app.shapes.forms import (
    Answer,
    Chunks,
    CompletionChunks,
    Events,
    Form,
    Lines,
    sse_error,
)
from pytest_modal_bench.local.workspace.shape_faults import StreamError

if TYPE_CHECKING:
    from collections.abc import Callable

TOKENS = ("About", " lakes", ".")
USAGE = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}


def answer(finish_reason: str = "stop") -> Answer:
    return Answer(7, TOKENS, finish_reason)


def chunks(*, include_usage: bool = False) -> Chunks:
    return Chunks(answer(), include_usage=include_usage)


def completion_chunks() -> CompletionChunks:
    return CompletionChunks(answer(), include_usage=False)


def data(event: bytes) -> Any:
    assert event.startswith(b"data: ")
    assert event.endswith(b"\n\n")
    return json.loads(event.removeprefix(b"data: "))


FORMS: list[Callable[[], Form]] = [
    chunks,
    completion_chunks,
    lambda: Events(answer()),
    lambda: Lines(answer()),
]


def test_a_chat_begins_with_a_role_and_ends_with_a_reason_and_done() -> None:
    form = chunks()
    (opening,) = map(data, form.opening())
    token = data(form.token(" lakes"))
    *closing, done = form.closing()
    (finish,) = map(data, closing)

    assert opening["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert token["choices"][0]["delta"] == {"content": " lakes"}
    assert token["choices"][0]["finish_reason"] is None
    assert (finish["choices"][0]["delta"], finish["choices"][0]["finish_reason"]) == ({}, "stop")
    assert done == b"data: [DONE]\n\n"
    assert {event["object"] for event in (opening, token, finish)} == {"chat.completion.chunk"}
    assert len({event["id"] for event in (opening, token, finish)}) == 1
    assert "usage" not in token


def test_usage_comes_in_a_chunk_of_its_own_if_it_is_asked_for() -> None:
    form = chunks(include_usage=True)
    _, usage, _ = form.closing()

    assert data(usage)["choices"] == []
    assert data(usage)["usage"] == USAGE
    assert data(form.token("x"))["usage"] is None


def test_a_completion_has_a_text_in_place_of_a_delta_and_no_role() -> None:
    form = completion_chunks()

    assert list(form.opening()) == []
    choice = data(form.token(" lakes"))["choices"][0]
    assert choice == {"index": 0, "text": " lakes", "logprobs": None, "finish_reason": None}
    assert data(form.closing()[0])["object"] == "text_completion"


def test_whole_answers_hold_the_text_and_what_it_counts() -> None:
    chat, completion = (json.loads(form.whole()) for form in (chunks(), completion_chunks()))

    assert chat["choices"][0]["message"] == {"role": "assistant", "content": "About lakes."}
    assert completion["choices"][0]["text"] == "About lakes."
    assert chat["usage"] == completion["usage"] == USAGE
    assert (chat["object"], completion["object"]) == ("chat.completion", "text_completion")


def test_events_of_its_own_begin_with_a_comment_and_say_when_they_are_done() -> None:
    form = Events(answer())
    comment, start = form.opening()
    (end,) = form.closing()

    assert comment.startswith(b":")
    assert start.startswith(b"event: start\n")
    assert data(form.token(" lakes")) == {"text": " lakes", "done": False}
    assert data(end) == {"done": True, "usage": USAGE}


def test_lines_are_written_as_ollama_writes_them() -> None:
    form = Lines(Answer(7, TOKENS, "length"))
    (end,) = form.closing()
    line, last = (json.loads(each) for each in (form.token(" lakes"), end))

    assert (line["response"], line["done"]) == (" lakes", False)
    assert (last["response"], last["done"], last["done_reason"]) == ("", True, "length")
    assert (last["prompt_eval_count"], last["eval_count"]) == (7, 3)
    assert form.token("x").count(b"\n") == end.count(b"\n") == 1
    assert json.loads(form.whole())["response"] == "About lakes."


@pytest.mark.parametrize(
    ("form", "written"),
    [
        ("openai", b'data: {"error":{"message":"lost","type":"server_error","code":500}}\n\n'),
        ("vllm", b'data: {"object":"error","message":"lost","type":"InternalServerError","code":500}\n\n'),
        ("event", b'event: error\ndata: {"message":"lost"}\n\n'),
        ("detail", b'data: {"detail":"lost"}\n\n'),
        ("text", b"data: lost\n\n"),
    ],
)
def test_an_error_is_written_in_one_of_the_usual_forms(form: Any, written: bytes) -> None:
    fault = StreamError(form=form, message="lost")

    assert sse_error(fault) == chunks().error(fault) == Events(answer()).error(fault) == written
    assert Lines(answer()).error(fault) == b'{"error":"lost"}\n'


@pytest.mark.parametrize("make", FORMS)
def test_no_token_breaks_its_event(make: Callable[[], Form]) -> None:
    token = make().token("a\n\ndata: [DONE]\n\n\u2028")

    assert token.count(b"\n") == (2 if token.startswith(b"data: ") else 1)
