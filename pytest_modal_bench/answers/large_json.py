"""Makes a large JSON text small enough to decode: long texts in it, which are files in base64, are cut short.

It reads in pieces, so that a text of any size takes the same memory.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_KEPT_BYTES = 4096
"""Of each text: more than a message of an error is worth."""
# Characters and escapes (RFC 8259, section 7), of which two in a row may make one character.
_WHOLE = re.compile(
    rb"(?:[^\\]++|\\[^u]|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[0-9a-fA-F]{4}|\\u(?![dD][89abAB])[0-9a-fA-F]{4})*+"
)


def shortened(pieces: Iterable[bytes], at_most: int) -> bytes | None:
    """Return the valid JSON that `pieces` are with long texts cut; None: that takes more than `at_most` bytes."""
    parts: list[bytes] = []
    size = 0
    for part in _parts(pieces):
        size += len(part)
        if size > at_most:
            return None
        parts.append(part)
    return b"".join(parts)


def _parts(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """What is kept, piece by piece. In valid JSON a quotation mark outside a text begins one, and nothing else does."""
    text: bytearray | None = None  # what is kept of the text that is being read
    escaped = False  # whether the piece before ended with half an escape
    for piece in pieces:
        at = 0
        while at < len(piece):
            if text is None:
                start = piece.find(b'"', at)
                end = len(piece) if start < 0 else start + 1
                yield piece[at:end]
                at, text = end, None if start < 0 else bytearray()
                continue
            end, closed, escaped = _end_of_text(piece, at, escaped)
            text += piece[at : min(end, at + max(_KEPT_BYTES + 1 - len(text), 0))]
            at = end
            if closed:
                yield _cut(bytes(text)) if len(text) > _KEPT_BYTES else bytes(text)
                yield b'"'
                at, text = end + 1, None


def _end_of_text(piece: bytes, at: int, escaped: bool) -> tuple[int, bool, bool]:
    """Where a text ends from `at` on, whether it does, and whether what follows the piece is escaped."""
    begin = at + 1 if escaped else at
    end = begin
    while True:
        quote = piece.find(b'"', end)
        stop = len(piece) if quote < 0 else quote
        backslashes = (
            stop - begin - len(piece[begin:stop].rstrip(b"\\")) if piece[stop - 1 : stop] == b"\\" else 0
        )
        if quote < 0:
            return stop, False, backslashes % 2 == 1
        if backslashes % 2 == 0:
            return quote, True, False
        end = quote + 1


def _cut(text: bytes) -> bytes:
    """The beginning of a text as JSON writes it, without half an escape or half a character at its end."""
    whole = _WHOLE.match(text[:_KEPT_BYTES])
    assert whole is not None  # noqa: S101 - it matches nothing as well
    return whole[0].decode("utf-8", "ignore").encode()
