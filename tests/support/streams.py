"""Streams as servers send them, and their answers as the client hands them over."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import httpx
import httpx_sse
import measure_answers

from pytest_modal_bench.call.arrivals import Arrivals

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pytest_modal_bench.call.answer import Answer

SSE = {"content_type": "text/event-stream", "transfer_encoding": "chunked"}
NDJSON = {"content_type": "application/x-ndjson", "transfer_encoding": "chunked"}


def sse(*data: object, end: str = "\n") -> bytes:
    """Return server-sent events: of each text as it is, of anything else as JSON; of a pair, with the first as name."""
    return b"".join(map(str.encode, (_event(each, end) for each in data)))


def _event(data: object, end: str) -> str:
    name, data = data if isinstance(data, tuple) else ("", data)
    text = data if isinstance(data, str) else json.dumps(data)
    return (f"event: {name}{end}" if name else "") + f"data: {text}{end}{end}"


def ndjson(*data: object) -> bytes:
    """Return lines of JSON."""
    return b"".join(json.dumps(each).encode() + b"\n" for each in data)


def chunk(finish_reason: str | None = None, index: int = 0, **delta: object) -> dict[str, object]:
    """Return a chunk of a chat."""
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "choices": [{"index": index, "delta": delta, "finish_reason": finish_reason}],
    }


ROLE = chunk(role="assistant", content="")


def usage(tokens: int, prompt: int = 5) -> dict[str, object]:
    """Return the last chunk of a chat that was asked for its usage: it has no choices."""
    return {"choices": [], "usage": {"prompt_tokens": prompt, "completion_tokens": tokens}}


def chat(*words: str, finish_reason: str = "stop", tokens: int | None = None) -> bytes:
    """Return a whole chat."""
    counted = [] if tokens is None else [usage(tokens)]
    chunks = [chunk(content=word) for word in words]
    return sse(ROLE, *chunks, chunk(finish_reason), *counted, "[DONE]")


def answer_of(pieces: bytes | Sequence[tuple[float, bytes]], **headers: str) -> Answer:
    """Return an answer whose pieces arrived at their times; a body alone comes at once, after a second."""
    arrived = [(1.0, pieces)] if isinstance(pieces, bytes) else pieces
    arrivals, body = Arrivals(), b""
    for seconds, piece in arrived:
        body += piece
        arrivals.add(len(body), seconds)
    given: Any = headers or SSE
    return replace(measure_answers.answer(body, **given), arrivals=arrivals)


def by_httpx_sse(*pieces: bytes) -> list[tuple[str, str]]:
    """Return the names and data of the events that httpx-sse finds in a body that comes in pieces.

    It has events without data, too, other than the standard: those are left out.
    """
    response = httpx.Response(200, headers={"content-type": "text/event-stream"}, content=iter(pieces))
    return [(event.event, event.data) for event in httpx_sse.EventSource(response).iter_sse() if event.data]


def in_time(events: Iterable[bytes], first: float = 1.0, every: float = 0.1) -> list[tuple[float, bytes]]:
    """Return events with the times at which they arrive, in seconds."""
    return [(first + number * every, event) for number, event in enumerate(events)]
