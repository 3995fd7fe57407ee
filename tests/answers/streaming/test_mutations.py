"""Streams that were damaged at random: nothing crashes, and none passes that lacks its end."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING

import pytest
from measure_answers import endpoint
from streams import NDJSON, ROLE, SSE, answer_of, by_httpx_sse, chat, chunk, ndjson, sse

from pytest_modal_bench.answers import contents
from pytest_modal_bench.answers.inspector import Inspector
from pytest_modal_bench.answers.streaming.reader import StreamReader

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_modal_bench.model import StreamForm

MUTATIONS = 2000
WORDS = ("Hello", ",", " wörld", " 😀", ".\n", " It", " ends", " here")

STREAMS: dict[str, tuple[StreamForm, bytes]] = {
    "chat": ("openai", chat(*WORDS, tokens=8)),
    "chat without [DONE]": ("openai", sse(ROLE, *(chunk(content=word) for word in WORDS), chunk("stop"))),
    "chat, crlf": ("openai", chat(*WORDS, tokens=8).replace(b"\n", b"\r\n")),
    "response": (
        "openai",
        sse(
            ("response.created", {"type": "response.created", "response": {"status": "in_progress"}}),
            *(
                ("response.output_text.delta", {"type": "response.output_text.delta", "delta": word})
                for word in WORDS
            ),
            ("response.completed", {"type": "response.completed", "response": {"status": "completed"}}),
        ),
    ),
    "chunks as plain events": (
        "sse",
        sse(*(chunk(content=word) for word in WORDS), chunk("stop"), "[DONE]"),
    ),
    "anthropic": (
        "sse",
        sse(
            ("message_start", {"type": "message_start", "message": {"stop_reason": None}}),
            *(
                (
                    "content_block_delta",
                    {"type": "content_block_delta", "delta": {"type": "text_delta", "text": word}},
                )
                for word in WORDS
            ),
            ("message_delta", {"type": "message_delta", "delta": {"stop_reason": "end_turn"}}),
            ("message_stop", {"type": "message_stop"}),
        ),
    ),
    "ollama": (
        "ndjson",
        ndjson(
            *({"response": word, "done": False} for word in WORDS),
            {"response": "", "done": True, "done_reason": "stop"},
        ),
    ),
}


def mutated(body: bytes, draw: random.Random) -> bytes:
    """Damage a body once or a few times."""
    for _ in range(draw.choice((1, 1, 1, 2, 4))):
        data = bytearray(body)
        start, end = sorted(draw.randrange(len(data) + 1) for _ in range(2))
        match draw.randrange(7):
            case 0:
                del data[start:]
            case 1:
                del data[start:end]
            case 2:
                del data[start : start + 1]
            case 3 if start < len(data):
                data[start] = draw.randrange(256)
            case 4:
                data[start:start] = data[start:end]
            case 5:
                data[start:start] = draw.choice(
                    (b"\n", b"\r", b"\n\n", b"\0", b"}", b'"', b": ping\n\n", b"\xff")
                )
            case _:
                events = bytes(data).split(b"\n\n")
                draw.shuffle(events)
                data = bytearray(b"\n\n".join(events))
        body = bytes(data)
        if not body:
            break
    return body


def has_end(body: bytes, form: StreamForm) -> bool:
    """Whether any event says that the stream is complete, as a library of others and a plain look at it find."""
    if form == "ndjson":
        parts = body.decode("utf-8", "replace").split("\n")
    else:
        text = body.decode("utf-8", "replace")
        # A last event without its empty line is taken for an end if it is `[DONE]`.
        if text.rstrip("\r\n").endswith("[DONE]"):
            return True
        found = by_httpx_sse(body)
        parts = [data for _, data in found]
        if any(name in ("message_stop", "response.completed") for name, _ in found):
            return True
    return any(part.strip() == "[DONE]" or says_end(part) for part in parts)


def says_end(part: str) -> bool:
    try:
        value = json.loads(part)
    except ValueError:
        return False
    if not isinstance(value, dict):
        return False
    choices, delta = value.get("choices"), value.get("delta")
    first = choices[0] if isinstance(choices, list) and choices else None
    return bool(
        value.get("done")
        or value.get("done_reason")
        or value.get("type") in ("message_stop", "response.completed")
        or (isinstance(first, dict) and first.get("finish_reason"))
        or (isinstance(delta, dict) and delta.get("stop_reason"))
    )


@pytest.fixture(scope="module")
def inspector() -> Iterator[Inspector]:
    with Inspector() as inspector:
        yield inspector


def problem_of(body: bytes, form: StreamForm, inspector: Inspector) -> str | None:
    answer = answer_of(body, **(NDJSON if form == "ndjson" else SSE))
    media = inspector.inspect(body)
    content = contents.content(body, media)
    return StreamReader(endpoint(stream=form)).read(answer, media, content).problem


@pytest.mark.parametrize("name", STREAMS)
def test_the_streams_that_are_damaged_are_whole_before(name: str, inspector: Inspector) -> None:
    form, body = STREAMS[name]

    assert problem_of(body, form, inspector) is None
    assert has_end(body, form)


def test_no_damaged_stream_crashes_and_none_passes_without_its_end(inspector: Inspector) -> None:
    draw = random.Random(2026)
    verdicts = {True: 0, False: 0}
    for number in range(MUTATIONS):
        form, body = list(STREAMS.values())[number % len(STREAMS)]
        damaged = mutated(body, draw)
        problem = problem_of(damaged, form, inspector)
        verdicts[problem is None] += 1

        assert problem is not None or has_end(damaged, form), damaged

    assert verdicts[True] > 200, "some damage leaves a stream whole"
    assert verdicts[False] > 1000


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_fails_wherever_it_is_cut_off_before_its_end(name: str, inspector: Inspector) -> None:
    form, body = STREAMS[name]
    passed = [size for size in range(len(body)) if problem_of(body[:size], form, inspector) is None]

    assert all(has_end(body[:size], form) for size in passed)
    assert not passed or passed[0] > len(body) / 2
