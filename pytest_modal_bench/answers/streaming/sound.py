"""Where the sound begins in a file that arrives bit by bit: behind headers, tags and tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_modal_bench.model import formats

if TYPE_CHECKING:
    from collections.abc import Callable
    from mmap import mmap

    Data = bytes | mmap

_RIFF_HEADER, _CHUNK_HEADER = 12, 8
_ID3_HEADER, _ID3_FOOTER = 10, 0x10
_OGG_HEADER = 27
_WHOLE_SEGMENT = 255
_FLAC_LAST = 0x80


def beginning(data: Data) -> int:
    """Return how many bytes stand before the first one of sound; of what is no sound that is known: 0.

    If there is no sound in it yet, that is all of them.
    """
    start = _behind_tags(data)
    form = formats.identify(data[start : start + formats.HEAD_BYTES])
    walk = None if form is None else _WALKS.get(form)
    return min(start if walk is None else walk(data, start), len(data))


def _behind_tags(data: Data) -> int:
    """Skip ID3v2 tags (id3.org, *ID3 tag version 2.4.0*, section 3.1): seven bits a byte, with or without a footer."""
    at = 0
    while data[at : at + 3] == b"ID3" and len(data) >= at + _ID3_HEADER:
        flags, *size = data[at + 5 : at + _ID3_HEADER]
        length = sum((byte & 0x7F) << shift for byte, shift in zip(size, (21, 14, 7, 0), strict=True))
        at += _ID3_HEADER + length + (_ID3_HEADER if flags & _ID3_FOOTER else 0)
    return at


def _wav(data: Data, start: int) -> int:
    """Walk the chunks up to `data`. Its own size is 0xFFFFFFFF, or 0, where a server could not know it."""
    at = start + _RIFF_HEADER
    while at + _CHUNK_HEADER <= len(data) and data[at : at + 4] != b"data":
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        at += _CHUNK_HEADER + size + size % 2
    return at + _CHUNK_HEADER


def _flac(data: Data, start: int) -> int:
    """Walk the blocks of metadata (RFC 9639, section 8.1)."""
    at, is_last = start + 4, False
    while not is_last and at + 4 <= len(data):
        is_last = bool(data[at] & _FLAC_LAST)
        at += 4 + int.from_bytes(data[at + 1 : at + 4])
    return at if is_last else len(data)


def _ogg(data: Data, start: int) -> int:
    """Walk the pages (RFC 3533, section 6) up to the first one behind the headers' last, and to what is in it.

    How many packets are headers depends on the codec: Vorbis has three, Opus two (RFC 7845, section 3), FLAC says it.
    """
    at, packets, headers = start, 0, 0
    while data[at : at + 4] == b"OggS":
        lengths = data[at + _OGG_HEADER : at + _OGG_HEADER + data[at + 26]] if at + 26 < len(data) else b""
        content = at + _OGG_HEADER + len(lengths)
        if at == start:
            headers = _ogg_headers(data[content : content + 16])
        if packets >= headers:
            return content
        packets += sum(length < _WHOLE_SEGMENT for length in lengths)
        at = content + sum(lengths)
    return len(data)


def _ogg_headers(first: bytes) -> int:
    if first.startswith(b"OpusHead"):
        return 2
    if first.startswith(b"\x01vorbis"):
        return 3
    if first.startswith(b"\x7fFLAC"):
        return 1 + int.from_bytes(first[7:9])
    return 2 if first.startswith(b"Speex   ") else 1


_WALKS: dict[formats.Format, Callable[[Data, int], int]] = {
    formats.WAV: _wav,
    formats.FLAC: _flac,
    formats.OGG: _ogg,
    formats.OPUS: _ogg,
}
