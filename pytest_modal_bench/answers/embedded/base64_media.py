"""Turns a text of a JSON answer into the file that it stands for: base64, or a data URI (RFC 2397).

Piece by piece, from the text as JSON writes it: it may be larger than there is memory for copies of it.
"""

from __future__ import annotations

import binascii
import re
from typing import TYPE_CHECKING, BinaryIO, NamedTuple
from urllib.parse import unquote_to_bytes

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator

_PIECE_BYTES = 1 << 20
_HEAD_BYTES = 1024
_LONGEST_LINK = 8192
_SHOWN = 40
_SHORTEST_FILE = 64
"""Letters of base64: a shorter text is rather some words than a file in lines, or one that was cut off."""
_WHAT = {b"{": "an object", b"[": "a list", b"t": "true", b"f": "false", b"n": "null", b"": "nothing"}
_SCHEME = re.compile(rb"\s*([a-z][a-z0-9+.-]{0,40})://", re.IGNORECASE)
_DATA_URI = re.compile(rb"\s*data:", re.IGNORECASE)
_NEVER_BASE64 = b"\x80"
# What a piece must not end in: half an escape of JSON, of six bytes at most, or of a URI, of three; half a letter.
_HALF = re.compile(rb"(?:\\.{0,4}|%.?|[\xc0-\xff][\x80-\xbf]{0,2})\Z", re.DOTALL)
_LONGEST_HALF = 5
# RFC 4648, section 5: the alphabet for URLs. Blanks are left out, as in MIME, where base64 has lines.
_STANDARD = bytes.maketrans(b"-_", b"+/")
_BLANKS = b" \t\r\n\f\v"


class NotMedia(ValueError):
    """A value that stands for no file; the message is one line."""


class Text(NamedTuple):
    """A text that stands for a file."""

    written: memoryview
    """What holds the file, as JSON writes it, without quotation marks."""
    link: str | None = None
    """The address, http or https, that it is; None: it holds the file itself."""
    declared: str | None = None
    """The media type that a data URI names."""
    is_uri: bool = False
    is_base64: bool = True
    """Whether it is base64, and not the file's bytes in a data URI."""


def read(written: memoryview) -> Text:
    """Say what the JSON value `written` is. Raises NotMedia for one that stands for no file."""
    first = bytes(written[:1])
    if first != b'"':
        way_out = "; .* at the end of the place stands for each item" if first == b"[" else ""
        raise NotMedia(f"{_WHAT.get(first, 'a number')}, where a text was expected{way_out}")
    inside = written[1:-1]
    head = _head(inside)
    scheme = _SCHEME.match(head)
    if scheme is not None:
        if scheme[1].lower() not in (b"http", b"https"):
            raise NotMedia(f"a link that is neither http nor https: {_shown(head)}")
        if len(inside) > _LONGEST_LINK:
            raise NotMedia(f"a link of {len(inside):,} bytes")
        try:
            return Text(inside, link=msgspec.json.decode(written, type=str).strip())
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise NotMedia(f"a link that is not valid: {_shown(head)}") from None
    if _DATA_URI.match(head):
        return _data_uri(inside)
    if len(inside) < _SHORTEST_FILE and b" " in head.strip():
        raise _neither(head)  # words of letters alone would pass for base64 in lines
    return Text(inside)


def write(text: Text, file: BinaryIO) -> None:
    """Write the file that `text` holds. Raises NotMedia where it is no base64, and OSError on a full disk."""
    pieces = _unescaped(text.written, _PIECE_BYTES)
    if text.is_uri:
        pieces = (unquote_to_bytes(piece) if b"%" in piece else piece for piece in pieces)
    try:
        file.writelines(_decoded(pieces) if text.is_base64 else pieces)
    except binascii.Error:
        raise _neither(_head(text.written)) from None


def _neither(head: bytes) -> NotMedia:
    return NotMedia(f"neither base64 nor a link, but a text that begins with {_shown(head)}")


def _data_uri(inside: memoryview) -> Text:
    header, comma, _ = bytes(inside[:_HEAD_BYTES]).partition(b",")
    if not comma:
        raise NotMedia("a data URI without a comma")
    _, _, said = _head(memoryview(header)).decode("latin-1").partition(":")
    declared, *parameters = (part.strip() for part in said.split(";"))
    is_base64 = any(part.lower() == "base64" for part in parameters)
    return Text(inside[len(header) + 1 :], declared=declared or None, is_uri=True, is_base64=is_base64)


def _unescaped(written: memoryview, piece_bytes: int) -> Iterator[bytes]:
    """What a text of JSON says, piece by piece; what it can't say comes as a byte that base64 does not have."""
    at = 0
    while at < len(written):
        piece = bytes(written[at : at + piece_bytes])
        at += len(piece)
        if at < len(written) and (half := _HALF.search(piece, max(len(piece) - _LONGEST_HALF, 1))):
            piece, at = piece[: half.start()], at - len(half[0])
        try:
            yield msgspec.json.decode(b'"%b"' % piece, type=str).encode() if b"\\" in piece else piece
        except (msgspec.DecodeError, UnicodeError):
            yield _NEVER_BASE64


def _decoded(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """What base64 stands for, in either alphabet, padding or not. Raises binascii.Error for what is none."""
    rest, size, ended = b"", 0, False
    for piece in pieces:
        written = piece.translate(_STANDARD, _BLANKS)
        letters = written.rstrip(b"=")
        if ended and letters:
            raise binascii.Error
        ended = ended or len(letters) < len(written)
        size += len(letters)
        letters = rest + letters
        whole = len(letters) - len(letters) % 4
        yield binascii.a2b_base64(letters[:whole], strict_mode=True)
        rest = letters[whole:]
    if len(rest) == 1 and size >= _SHORTEST_FILE:
        raise NotMedia("base64 that is cut off: a letter is left over at its end")
    yield binascii.a2b_base64(rest.ljust(-(-len(rest) // 4) * 4, b"="), strict_mode=True)


def _head(written: memoryview) -> bytes:
    return next(_unescaped(written, _HEAD_BYTES), b"")


def _shown(head: bytes) -> str:
    text = head.decode("utf-8", "replace").strip()
    return f"`{text[:_SHOWN]}…`" if len(text) > _SHOWN else f"`{text}`"
