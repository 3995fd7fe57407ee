"""Routes of OpenAI's API, which many servers have, and few describe: what each is sent, and what it answers.

See the API reference at https://platform.openai.com/docs/api-reference.
"""

from __future__ import annotations

from typing import Any, NamedTuple

_CHAT = [{"role": "user", "content": "Say the number {seed} in words."}]
_LARGE_ENOUGH = 128
"""Tokens: enough for a rate, and soon over."""


class Known(NamedTuple):
    """What is known of a route by its path."""

    body: dict[str, Any]
    """What it is sent; a field that the app describes otherwise is the app's."""
    ours: frozenset[str]
    """Fields that are as here in any case."""
    stream: str | None = None
    expect: dict[str, Any] | None = None


_STREAMED = {"stream": True, "stream_options": {"include_usage": True}, "max_tokens": _LARGE_ENOUGH}
_REFUSED = frozenset({"stream_options", "max_tokens"})
"""Servers that take any field may hand these on, and then refuse them: they are sent where they are described."""
_ROUTES = {
    "/chat/completions": Known(
        {"messages": _CHAT, **_STREAMED}, frozenset({"messages", *_STREAMED}), stream="openai"
    ),
    "/completions": Known(
        {"prompt": "Count from {seed} upwards, in words.", **_STREAMED},
        frozenset({"prompt", *_STREAMED}),
        stream="openai",
    ),
    "/embeddings": Known(
        {"input": "A mountain lake at dawn, number {seed}"}, frozenset(), expect={"kind": "json"}
    ),
    "/images/generations": Known(
        {"prompt": "A mountain lake at dawn, number {seed}", "n": 1, "response_format": "b64_json"},
        frozenset({"response_format"}),
        expect={"kind": "image", "at": "data.*.b64_json"},
    ),
    "/audio/speech": Known(
        {"input": "The lake is calm at dawn. Number {seed}.", "voice": "alloy"},
        frozenset(),
        expect={"kind": "audio"},
    ),
}
NEEDED = ("model",)
"""What all of them must be told, and only the server knows."""


def known(path: str) -> Known | None:
    """Return what is known of a POST to `path`, whatever stands before OpenAI's part of it; None: nothing."""
    return next((each for end, each in _ROUTES.items() if path.rstrip("/").endswith(end)), None)


def body(
    known: Known, described: dict[str, Any], properties: dict[str, Any], required: list[str]
) -> dict[str, Any]:
    """Return what such a route is sent, where the app describes some fields of it, or none (`properties` is empty).

    Of the app's own defaults none is repeated: there are dozens.
    """
    ours = {
        name: value
        for name, value in known.body.items()
        if name in (properties or known.body.keys() - _REFUSED)
    }
    kept = {
        name: value
        for name, value in described.items()
        if name not in known.ours
        and (name in required or name in ours or name in NEEDED or value == "{seed}")
    }
    both = {**ours, **kept}
    return {name: both[name] for name in (*NEEDED, *both) if name in both}
