from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from pytest_modal_bench.local.app.shapes import text
from pytest_modal_bench.local.app.shapes.chat import MAX_TOKENS
from pytest_modal_bench.local.workspace import shape_faults as faults
from pytest_modal_bench.local.workspace.faults import AnyFault, Empty, Garbage, Html, JsonError

if TYPE_CHECKING:
    from shape_apps import ShapeApp

CHAT, COMPLETION = "/v1/chat/completions", "/v1/completions"
ASKED = {"messages": [{"role": "user", "content": "Tell me of a lake"}], "seed": 1}
STREAMED = {**ASKED, "stream": True, "stream_options": {"include_usage": True}}


def events(body: bytes) -> list[Any]:
    """The data of a stream's events; `[DONE]` and comments are left out."""
    said = [event.removeprefix(b"data: ") for event in body.split(b"\n\n") if event.startswith(b"data: ")]
    return [json.loads(each) for each in said if each != b"[DONE]"]


def spoken(body: bytes) -> str:
    choices = [choice for event in events(body) for choice in event["choices"]]
    return "".join(choice["delta"].get("content", "") for choice in choices)


def test_a_chat_is_the_same_text_streamed_and_whole(chat: ShapeApp) -> None:
    whole, streamed = chat.post(CHAT, ASKED), chat.post(CHAT, STREAMED)

    assert streamed.headers["content-type"].startswith("text/event-stream")
    assert "content-length" not in streamed.headers
    assert whole.json()["choices"][0]["message"]["content"] == spoken(streamed.content)
    assert whole.json()["usage"] == events(streamed.content)[-1]["usage"]


def test_counts_are_those_of_the_texts_own_tokens(chat: ShapeApp) -> None:
    answer = chat.post(CHAT, ASKED).json()
    said = answer["choices"][0]["message"]["content"]

    assert answer["usage"]["completion_tokens"] == len(text.tokens(said)) < MAX_TOKENS
    assert answer["usage"]["prompt_tokens"] == len(text.tokens("Tell me of a lake")) + 3
    assert len(events(chat.post(CHAT, STREAMED).content)) == len(text.tokens(said)) + 3


def test_another_seed_is_another_text(chat: ShapeApp) -> None:
    assert spoken(chat.post(CHAT, STREAMED).content) != spoken(
        chat.post(CHAT, STREAMED | {"seed": 2}).content
    )


@pytest.mark.parametrize("limit", ["max_tokens", "max_completion_tokens"])
def test_a_text_that_is_cut_says_so(chat: ShapeApp, limit: str) -> None:
    answer = chat.post(CHAT, ASKED | {limit: 4}).json()

    assert answer["choices"][0]["finish_reason"] == "length"
    assert answer["usage"]["completion_tokens"] == 4


def test_a_whole_answer_states_what_it_cost_and_a_stream_cannot(chat: ShapeApp) -> None:
    whole, streamed = chat.post(CHAT, ASKED), chat.post(CHAT, STREAMED)
    steps = whole.json()["usage"]["completion_tokens"] * 0.02

    assert float(whole.headers["X-Execution-Time-Sec"]) == pytest.approx(9.5 + 0.35 + steps, rel=0.04)
    assert whole.headers["X-GPU-Type"] == "H100"
    assert "X-Cost-USD" not in streamed.headers


def test_a_message_may_have_parts(chat: ShapeApp) -> None:
    parts = [{"type": "text", "text": "Tell me"}, {"type": "text", "text": "of a lake"}]
    answer = chat.post(CHAT, {"messages": [{"role": "user", "content": parts}]})

    assert answer.json()["choices"][0]["message"]["content"].startswith("About lake: ")


def test_completions_events_and_lines_answer_too(chat: ShapeApp) -> None:
    asked = {"prompt": "Once there was a garden"}
    completion = chat.post(COMPLETION, asked | {"stream": True})
    own, lines = chat.post("/events", asked), chat.post("/api/generate", asked)

    assert "".join(event["choices"][0]["text"] for event in events(completion.content)).startswith(
        "About garden: "
    )
    assert chat.post(COMPLETION, asked).json()["choices"][0]["text"].startswith("About garden: ")
    assert "".join(event.get("text", "") for event in events(own.content)).startswith("About garden: ")
    said = [json.loads(line) for line in lines.content.splitlines()]
    assert "".join(line["response"] for line in said).startswith("About garden: ")
    assert [line["done"] for line in said] == [*[False] * (len(said) - 1), True]
    assert lines.headers["content-type"] == "application/x-ndjson"
    whole = chat.post("/api/generate", asked | {"stream": False})
    assert whole.json()["response"].startswith("About garden: ")


def test_there_is_one_model_and_no_other(chat: ShapeApp) -> None:
    (model,) = chat.play(lambda client: client.get("/v1/models")).json()["data"]

    assert chat.post(CHAT, ASKED | {"model": model["id"]}).status_code == 200
    for path, asked in ((CHAT, ASKED), (COMPLETION, {"prompt": "x"}), ("/api/generate", {"prompt": "x"})):
        refused = chat.post(path, {**asked, "model": "another"})
        assert (refused.status_code, refused.json()["error"]["code"]) == (404, "model_not_found")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (CHAT, {"messages": []}),
        (CHAT, {}),
        (COMPLETION, {}),
        ("/events", {}),
        (CHAT, ASKED | {"max_tokens": 0}),
    ],
)
def test_a_request_that_lacks_something_is_refused(chat: ShapeApp, path: str, body: object) -> None:
    assert chat.post(path, body).status_code == 422


@pytest.mark.parametrize(
    "fault",
    [
        *(
            faults.StreamError(),
            faults.Unfinished(),
            faults.CutEvent(),
            faults.NoOutput(),
            faults.Unstreamed(),
        ),
        *(faults.WrongText(), faults.FewTokens(), Html(), JsonError(), Empty(), Garbage()),
    ],
)
def test_a_fault_changes_the_stream_and_leaves_the_whole_answer_alone(
    chat: ShapeApp, fault: AnyFault
) -> None:
    assert chat.post(CHAT, STREAMED, fault).content != chat.post(CHAT, STREAMED).content
    answer = chat.post(CHAT, ASKED, fault)
    assert answer.json()["choices"][0]["message"]["content"].startswith("About lake: ")


def test_a_stream_can_come_whole_as_html_as_an_error_or_not_at_all(chat: ShapeApp) -> None:
    whole = chat.post(CHAT, STREAMED, faults.Unstreamed())
    html, error = (chat.post(CHAT, STREAMED, fault) for fault in (Html(), JsonError()))

    assert whole.json()["choices"][0]["message"]["content"].startswith("About lake: ")
    assert (html.status_code, html.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert error.json()["type"] == "OutOfMemoryError"
    assert chat.post(CHAT, STREAMED, Empty()).content == b""


def test_a_text_can_be_wrong_or_short(chat: ShapeApp) -> None:
    assert spoken(chat.post(CHAT, STREAMED, faults.WrongText()).content) == text.REFUSAL
    short = events(chat.post(CHAT, STREAMED, faults.FewTokens(3)).content)
    assert short[-1]["usage"]["completion_tokens"] == 3
    assert short[-2]["choices"][0]["finish_reason"] == "stop"


def test_the_schema_says_that_answers_may_be_streams(chat: ShapeApp) -> None:
    paths = chat.play(lambda client: client.get("/openapi.json")).json()["paths"]

    assert "text/event-stream" in paths[CHAT]["post"]["responses"]["200"]["content"]
    assert "application/x-ndjson" in paths["/api/generate"]["post"]["responses"]["200"]["content"]
    assert list(paths["/v1/models"]) == ["get"]
