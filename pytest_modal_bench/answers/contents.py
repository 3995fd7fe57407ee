"""What a JSON answer or a text says: decoded where that takes a bounded amount of memory."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

import msgspec
from msgspec import UNSET

from pytest_modal_bench.answers import large_json

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_modal_bench.model import Media

LARGEST_JSON = 8 << 20
"""Bytes of JSON that are decoded at most; of a larger one, long texts are cut short first."""
_LARGEST_TEXT = 1 << 20
_PIECE_BYTES = 1 << 18
_HEAD_BYTES = 1 << 10
_SHORT_TEXT = 1 << 14
"""Bytes of a text that may be no more than a word or two, such as `pending`."""
_DEEPEST = 100
"""Levels of JSON that is looked into. Python allows a thousand calls within another; model servers nest five."""
_BOM = b"\xef\xbb\xbf"


def content(body: bytes | Path, media: Media) -> object:
    """Return what a JSON answer or a text was decoded to; UNSET: it is something else, or too large.

    A text of JSON lines, of server-sent events or with Python's `NaN` is decoded as the JSON that it nearly is.
    """
    if media.kind == "json":
        return _decoded(_small(body, media.size_bytes))
    if media.kind == "text" and media.size_bytes <= _LARGEST_TEXT:
        return _text(body if isinstance(body, bytes) else body.read_bytes())
    return UNSET


def plain_content(body: bytes | Path, size: int) -> object:
    """Return what JSON or a short text was decoded to, whatever else is known of it; UNSET: it is something else.

    Of a large body this is a matter of reading it once: nobody has to look into a file to know that it is one.
    """
    with io.BytesIO(body) if isinstance(body, bytes) else body.open("rb") as file:
        head = file.read(_HEAD_BYTES).removeprefix(_BOM)
    found = _decoded(_small(body, size)) if head.lstrip()[:1] in (b"{", b"[") else UNSET
    if found is UNSET and size <= _SHORT_TEXT:
        data = body if isinstance(body, bytes) else body.read_bytes()
        found = _decoded(data)
        return _text(data) if found is UNSET else found
    return found


def _small(body: bytes | Path, size: int) -> bytes | None:
    if size <= LARGEST_JSON:
        return body if isinstance(body, bytes) else body.read_bytes()
    with io.BytesIO(body) if isinstance(body, bytes) else body.open("rb") as file:
        return large_json.shortened(iter(lambda: file.read(_PIECE_BYTES), b""), LARGEST_JSON)


def _decoded(data: bytes | None) -> object:
    if data is None:
        return UNSET
    try:
        value = msgspec.json.decode(data.removeprefix(_BOM))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return UNSET
    return UNSET if is_deep(value) else value


def is_deep(value: object) -> bool:
    """Whether lists and objects are nested so deep that functions which call themselves can't go through them."""
    level = [value]
    for _ in range(_DEEPEST):
        level = [
            inner
            for each in level
            if isinstance(each, dict | list)
            for inner in (each.values() if isinstance(each, dict) else each)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return False
    return True


def _text(data: bytes) -> object:
    text = data.removeprefix(_BOM).decode("utf-8", "replace").strip()
    if text[:1] in ("{", "["):
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            pass
        else:
            return text if is_deep(value) else value
    events = [event for line in text.splitlines() if (event := _event(line)) is not UNSET]
    return events or text


def _event(line: str) -> object:
    """The object in a line of its own, or in one of server-sent events (WHATWG HTML, section 9.2)."""
    line = line.strip().removeprefix("data:").lstrip()
    return _decoded(line.encode()) if line.startswith("{") else UNSET
