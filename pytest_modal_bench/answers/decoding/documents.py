"""Tells JSON, HTML, text and none of these apart, by the bytes alone."""

from __future__ import annotations

import codecs
import re
from typing import TYPE_CHECKING

import msgspec

from pytest_modal_bench.answers import large_json
from pytest_modal_bench.answers.decoding.findings import Findings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_modal_bench.answers.decoding.structure import Data

_BOM = b"\xef\xbb\xbf"
# WHATWG MIME Sniffing Standard, section 7.1: how HTML begins after white space. Its `<!--` and `<?xml` are
# looked past, as they begin HTML and other things alike.
_HTML = re.compile(
    rb"(?:[\t\n\f\r ]|<!--.{0,1000}?-->|<\?xml[^>]{0,200}>)*+"
    rb"<(?:!DOCTYPE HTML|HTML|HEAD|SCRIPT|IFRAME|H1|DIV|FONT|TABLE|A|STYLE|TITLE|B|BODY|BR|P)[\t\n\f\r >]",
    re.IGNORECASE | re.DOTALL,
)
_HTML_HEAD_BYTES = 4096
_PIECE_BYTES = 1 << 20
_LARGE_BYTES = 128 << 20
"""A text of more bytes is not copied: of the memory that decoding may take, its own mapping may be half already."""
# The same standard, section 3: bytes that no text holds.
_BINARY = bytes((*range(0x09), 0x0B, *range(0x0E, 0x1B), *range(0x1C, 0x20)))


def is_textual(data: Data) -> bool:
    """Whether `data` may be a text or the beginning of one: it holds no byte that only binary data do."""
    return all(len(piece.translate(None, _BINARY)) == len(piece) for piece in _pieces(data))


def look(data: Data) -> Findings:
    """What `data` is, if not an image or a video."""
    if not len(data):
        return Findings(kind="empty", checked=True)
    start = len(_BOM) if data[: len(_BOM)] == _BOM else 0
    if _HTML.match(data[start : start + _HTML_HEAD_BYTES]):
        return Findings(kind="html", format="HTML", checked=True)
    if not (is_textual(data) and _is_utf8(data)):
        return Findings(kind="other", unchecked="no decoder for these bytes")
    if len(data) > _LARGE_BYTES:
        return _look_at_large(data, start)
    with memoryview(data) as whole, whole[start:] as text:  # which copies nothing
        is_json = _is_json(text)
    return Findings(kind="json" if is_json else "text", format="JSON" if is_json else None, checked=True)


def _look_at_large(data: Data, start: int) -> Findings:
    """What a text is that can't be copied: JSON is judged by what is left of it without its long texts."""
    if data[start : start + _PIECE_BYTES].lstrip()[:1] not in (b"{", b"[", b'"'):
        return Findings(kind="text", checked=True)
    short = large_json.shortened(_pieces(data, start), _LARGE_BYTES)
    if short is None:
        return Findings(kind="json", format="JSON", unchecked="JSON by its beginning, and too large to check")
    is_json = _is_json(short)
    return Findings(kind="json" if is_json else "text", format="JSON" if is_json else None, checked=True)


def _pieces(data: Data, start: int = 0) -> Iterator[bytes]:
    for at in range(start, len(data), _PIECE_BYTES):
        yield data[at : at + _PIECE_BYTES]


def _is_utf8(data: Data) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for piece in _pieces(data):
            decoder.decode(piece)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _is_json(text: bytes | memoryview) -> bool:
    try:
        msgspec.json.decode(text, type=msgspec.Raw)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True
