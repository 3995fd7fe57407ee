"""Tells JSON, HTML, text and none of these apart, by the bytes alone."""

from __future__ import annotations

import re

import msgspec

from pytest_modal_bench.answers.decoding.findings import Findings

_BOM = b"\xef\xbb\xbf"
# WHATWG MIME Sniffing Standard, section 7.1: how HTML begins after white space. Its `<!--` and `<?xml` are
# looked past, as they begin HTML and other things alike.
_HTML = re.compile(
    rb"(?:[\t\n\f\r ]|<!--.{0,1000}?-->|<\?xml[^>]{0,200}>)*+"
    rb"<(?:!DOCTYPE HTML|HTML|HEAD|SCRIPT|IFRAME|H1|DIV|FONT|TABLE|A|STYLE|TITLE|B|BODY|BR|P)[\t\n\f\r >]",
    re.IGNORECASE | re.DOTALL,
)
_HTML_HEAD_BYTES = 4096
# The same standard, section 3: bytes that no text holds.
_BINARY = re.compile(rb"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]")


def is_textual(head: bytes) -> bool:
    """Whether `head` may be the beginning of a text: it holds no byte that only binary data do."""
    return not _BINARY.search(head)


def look(data: bytes) -> Findings:
    """What `data` is, if not an image or a video."""
    if not data:
        return Findings(kind="empty", checked=True)
    text = data.removeprefix(_BOM)
    if _HTML.match(text[:_HTML_HEAD_BYTES]):
        return Findings(kind="html", format="HTML", checked=True)
    if not (is_textual(data) and _is_utf8(data)):
        return Findings(kind="other", unchecked="no decoder for these bytes")
    if _is_json(text):
        return Findings(kind="json", format="JSON", checked=True)
    return Findings(kind="text", checked=True)


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _is_json(text: bytes) -> bool:
    try:
        msgspec.json.decode(text, type=msgspec.Raw)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True
