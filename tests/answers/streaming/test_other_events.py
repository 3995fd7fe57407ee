from __future__ import annotations

from typing import NamedTuple

import pytest
from streams import ndjson, sse

from pytest_modal_bench.answers.streaming.listening import listen


class Server(NamedTuple):
    """A stream as some server sends it, and what is to be read in it."""

    body: bytes
    outputs: int
    text: str
    ending: str | None
    tokens: tuple[int | None, int | None] = (None, None)
    form: str = "sse"


def token(text: str, **more: object) -> dict[str, object]:
    return {"index": 1, "token": {"id": 5, "text": text, "logprob": -0.1, "special": False}, **more}


def sglang(text: str, finish_reason: object = None) -> dict[str, object]:
    return {
        "text": text,
        "meta_info": {"finish_reason": finish_reason, "prompt_tokens": 5, "completion_tokens": 9},
    }


SERVERS = {
    "Anthropic": Server(
        sse(
            (
                "message_start",
                {
                    "type": "message_start",
                    "message": {
                        "content": [],
                        "stop_reason": None,
                        "usage": {"input_tokens": 25, "output_tokens": 1},
                    },
                },
            ),
            (
                "content_block_start",
                {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
            ),
            ("ping", {"type": "ping"}),
            (
                "content_block_delta",
                {
                    "type": "content_block_delta",
                    "index": 0,
                    "delta": {"type": "thinking_delta", "thinking": "hm"},
                },
            ),
            (
                "content_block_delta",
                {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hello"}},
            ),
            (
                "content_block_delta",
                {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "!"}},
            ),
            ("content_block_stop", {"type": "content_block_stop", "index": 0}),
            (
                "message_delta",
                {
                    "type": "message_delta",
                    "delta": {"stop_reason": "end_turn", "stop_sequence": None},
                    "usage": {"output_tokens": 15},
                },
            ),
            ("message_stop", {"type": "message_stop"}),
        ),
        3,
        "Hello!",
        "an event `message_stop`",
        (25, 15),
    ),
    "Ollama, chat": Server(
        ndjson(
            {
                "model": "m",
                "created_at": "now",
                "message": {"role": "assistant", "content": "", "thinking": "hm"},
                "done": False,
            },
            {
                "model": "m",
                "created_at": "now",
                "message": {"role": "assistant", "content": "Hi"},
                "done": False,
            },
            {
                "model": "m",
                "created_at": "now",
                "message": {"role": "assistant", "content": ""},
                "done_reason": "stop",
                "done": True,
                "eval_count": 9,
                "prompt_eval_count": 26,
            },
        ),
        2,
        "Hi",
        "a `done_reason`",
        (26, 9),
        "ndjson",
    ),
    "Ollama, generate": Server(
        ndjson(
            {"response": "The", "done": False},
            {"response": " sky", "done": False},
            {"response": "", "done": True, "context": [1, 2]},
        ),
        2,
        "The sky",
        "`done`",
        form="ndjson",
    ),
    "text-generation-inference": Server(
        sse(
            token("Deep", generated_text=None, details=None),
            token(
                " Learning",
                generated_text="Deep Learning",
                details={"finish_reason": "length", "generated_tokens": 2},
            ),
        ),
        2,
        "Deep Learning",
        "a `finish_reason`",
        (None, 2),
    ),
    "llama.cpp": Server(
        sse(
            {"content": "Hi", "stop": False},
            {"content": "", "stop": True, "tokens_predicted": 1, "tokens_evaluated": 3},
        ),
        1,
        "Hi",
        "`stop`",
        (3, 1),
    ),
    "Gemini": Server(
        sse(
            {"candidates": [{"content": {"parts": [{"text": "Hi"}], "role": "model"}, "index": 0}]},
            {
                "candidates": [{"content": {"parts": [{"text": "!"}]}, "finishReason": "STOP"}],
                "usageMetadata": {"promptTokenCount": 4, "candidatesTokenCount": 2},
            },
        ),
        2,
        "Hi!",
        "a `finishReason`",
        (4, 2),
    ),
    "Cohere": Server(
        sse(
            {"type": "message-start", "id": "x", "delta": {"message": {"role": "assistant", "content": []}}},
            {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": "Hi"}}}},
            {"type": "content-end", "index": 0},
            {"type": "message-end", "delta": {"finish_reason": "COMPLETE"}},
        ),
        1,
        "Hi",
        "a `finish_reason`",
    ),
    "Vercel's AI SDK": Server(
        sse(
            {"type": "start"},
            {"type": "text-start", "id": "t"},
            {"type": "text-delta", "id": "t", "delta": "Hi"},
            {"type": "text-end", "id": "t"},
            {"type": "finish"},
            "[DONE]",
        ),
        1,
        "Hi",
        "`[DONE]`",
    ),
    "LangServe": Server(
        sse(
            ("metadata", {"run_id": "x"}), ("data", {"content": "Hi", "type": "AIMessageChunk"}), ("end", "")
        ),
        1,
        "Hi",
        "an event `end`",
    ),
    "Replicate": Server(
        sse(("output", "Hi"), ("output", " you"), ("done", {})), 2, "Hi you", "an event `done`"
    ),
    "bare text": Server(sse("Hel", "lo ", " you", "[DONE]"), 3, "Hello  you", "`[DONE]`"),
    "bare text without an end": Server(sse("Hel", "lo"), 2, "Hello", None),
    "text in JSON": Server(sse('"Hel"', '"lo\\n"'), 2, "Hello\n", None),
    "OpenAI's chunks": Server(
        sse(
            {"choices": [{"index": 0, "delta": {"content": "Hi"}}]},
            {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
        ),
        1,
        "Hi",
        "a `finish_reason`",
    ),
    "SGLang, all the text so far in each event": Server(
        sse(sglang("Hel"), sglang("Hello"), sglang("Hello", {"type": "stop", "matched": 2}), "[DONE]"),
        2,
        "Hello",
        "`[DONE]`",
        (5, 9),
    ),
    "SGLang, what is new in each event": Server(
        sse(sglang("Hel"), sglang("lo"), sglang("!", {"type": "length", "length": 3})),
        3,
        "Hello!",
        "a `finish_reason`",
        (5, 9),
    ),
    "progress, then an image": Server(
        sse(
            {"status": "queued", "position": 2},
            {"status": "processing", "progress": 0.5, "message": "Loading the model"},
            {"status": "completed", "image": "iVBORw0KGgo="},
        ),
        1,
        "",
        "`status`",
    ),
    "speech recognition": Server(
        sse({"text": "he", "is_final": False}, {"text": "hello", "is_final": True}),
        2,
        "hehello",
        "`is_final`",
    ),
    "the whole again at the end": Server(
        sse(
            {"type": "token", "text": "Hel"},
            {"type": "token", "text": "lo"},
            {"type": "done", "text": "Hello"},
        ),
        2,
        "Hello",
        "an event `done`",
    ),
    "names that nobody knows": Server(
        ndjson({"frame_no": 1, "boxen": [1, 2]}, {"frame_no": 2, "boxen": []}),
        2,
        '{"frame_no": 1, "boxen": [1, 2]}{"frame_no": 2, "boxen": []}',
        None,
        form="ndjson",
    ),
    "lists": Server(ndjson([0.1, 0.2], [0.3]), 2, "[0.1, 0.2][0.3]", None, form="ndjson"),
}


@pytest.mark.parametrize("name", SERVERS)
def test_streams_of_many_servers_are_understood(name: str) -> None:
    server = SERVERS[name]
    transcript = listen(server.body, "ndjson" if server.form == "ndjson" else "sse")

    assert transcript.failure is None
    assert (len(transcript.outputs), transcript.text) == (server.outputs, server.text)
    assert transcript.ending == server.ending
    assert (transcript.input_tokens, transcript.output_tokens) == server.tokens


@pytest.mark.parametrize(
    ("name", "awaited"),
    [
        ("Anthropic", "an event `message_stop`"),
        ("Ollama, chat", "`done`"),
        ("text-generation-inference", "`generated_text`"),
        ("llama.cpp", "`stop`"),
        ("SGLang, all the text so far in each event", "a `finish_reason`"),
        ("progress, then an image", "`status`"),
        ("speech recognition", "`is_final`"),
        ("bare text", None),
        ("Replicate", None),
        ("lists", None),
    ],
)
def test_a_stream_shows_whether_it_has_an_end_of_its_own(name: str, awaited: str | None) -> None:
    server = SERVERS[name]
    transcript = listen(server.body, "ndjson" if server.form == "ndjson" else "sse")

    assert transcript.awaited == awaited


@pytest.mark.parametrize(
    "event",
    [
        {"type": "ping"},
        ("heartbeat", {"time": 5}),
        ("status", "Loading the model"),
        {"message": "Loading the model"},
        {"id": "x", "created": 5, "model": "m"},
        {"progress": 0.5, "eta": 3},
        ("ping", ""),
        "",
        "{}",
    ],
)
def test_events_about_the_work_are_no_output(event: object) -> None:
    assert listen(sse(event), "sse").outputs == []


def test_output_after_an_end_takes_it_back() -> None:
    first = {"text": "a", "done": True}

    assert listen(sse(first), "sse").ending == "`done`"
    assert listen(sse(first, {"text": "b", "done": False}), "sse").ending is None


def test_nesting_has_a_limit() -> None:
    deep: object = "x"
    for _ in range(50):
        deep = {"delta": [deep]}

    assert listen(sse(deep), "sse").text == str(deep).replace("'", '"')
