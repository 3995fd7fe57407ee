"""What an endpoint's answer is, as far as its route says: a kind to expect, or a stream."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_modal_bench.init.openapi import media
from pytest_modal_bench.init.openapi.references import table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_modal_bench.init.draft import Entry
    from pytest_modal_bench.init.openapi.references import References, Schema
    from pytest_modal_bench.init.openapi.routes import Route

_KINDS = {
    "image/": "image",
    "video/": "video",
    "audio/": "audio",
    "application/zip": "file",
    "application/pdf": "file",
    "application/octet-stream": "file",
    "model/": "file",
}
_EVENTS = "text/event-stream"
_LINES = ("application/x-ndjson", "application/jsonl", "application/x-jsonlines", "application/ndjson")
_SAID = ("type", "properties", "items", "required")
"""Without any of these a schema says nothing: FastAPI declares JSON for whatever a route returns."""
_DEEPEST = 6
_MOST_FIELDS = 50


def add(made: Entry, result: Route, references: References) -> None:
    """Add to an endpoint what the route says whose answer is its result."""
    if "stream" in made.fields or "expect" in made.fields:
        return
    kind = next(
        (kind for begin, kind in _KINDS.items() for each in result.answers if each.startswith(begin)), None
    )
    if "svg" in result.words or any("svg" in each for each in result.answers):
        kind = None  # a drawing in XML, which no image is expected to be
    switch = _switch(made)
    stream = _stream(result, kind, switch=switch is not None)
    if stream is not None and "poll" not in made.fields:
        made.fields["stream"] = stream
        if switch is not None:
            switch["stream"] = True
        if kind == "audio":
            made.fields["expect"] = {"kind": "audio"}
        return
    if switch is not None:
        made.suggested.append(
            (
                "It can stream, and does not say how: sse, ndjson, openai or bytes; with stream = true below",
                "stream",
                "sse",
            )
        )
    if kind is not None:
        made.fields["expect"] = {"kind": kind}
        return
    schema = references.plain(result.answers_json)
    if not any(keyword in schema for keyword in _SAID):
        made.suggested.append(
            (
                "The app does not say what it answers; an endpoint that expects something can fail",
                "expect",
                {"kind": "image"},
            )
        )
        return
    found = next(_places(schema, (), references), None)
    if found is None:
        made.fields["expect"] = {"kind": "json"}
    else:
        at, kind = found
        why = f"Its answer seems to hold the {kind}; with this it is decoded and checked"
        made.suggested.append((why, "expect", {"kind": kind, "at": at}))


def _switch(made: Entry) -> dict[str, Any] | None:
    """The body whose field `stream` chooses between a stream and a whole answer; None: there is none."""
    for field in ("payload", "form"):
        body = made.fields.get(field)
        if isinstance(body, dict) and isinstance(body.get("stream"), bool):
            return body
    return None


def _stream(result: Route, kind: str | None, *, switch: bool) -> str | None:
    if _EVENTS in result.answers:
        return "sse"
    if any(each in _LINES for each in result.answers):
        return "ndjson"
    return "bytes" if switch and kind == "audio" else None


def _places(schema: Schema, names: tuple[str, ...], references: References) -> Iterator[tuple[str, str]]:
    """Yield where in an answer there may be media, as `expect.at` writes it, and their kind."""
    if len(names) > _DEEPEST:
        return
    kind = media.kind_in_answer([name for name in names if name != "*"], schema)
    if kind is not None and names:
        yield ".".join(names), kind
    items = schema.get("items")
    if isinstance(items, dict):
        yield from _places(references.plain(items), (*names, "*"), references)
    for name, each in [*table(schema.get("properties")).items()][:_MOST_FIELDS]:
        if name and "." not in name and name.isprintable():
            yield from _places(references.plain(each), (*names, name), references)
