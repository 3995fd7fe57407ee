"""Finds what was cut off or damaged by the structure of a file: decoders are lenient, and show what they have.

Bytes after the end are nobody's business: files may be two things at once.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from pytest_modal_bench.answers.decoding.findings import Unusable
from pytest_modal_bench.model import formats

if TYPE_CHECKING:
    from collections.abc import Callable
    from mmap import mmap

    Data = bytes | mmap
    """What can be sliced and searched: bytes, or a file that is mapped, not read."""

# ISO/IEC 14496-12, table 1, and QuickTime's own: boxes at the top level. Others may be something else's bytes.
_BOXES = frozenset(
    (
        b"ftyp",
        b"styp",
        b"moov",
        b"mdat",
        b"moof",
        b"mfra",
        b"meta",
        b"sidx",
        b"free",
        b"skip",
        b"wide",
        b"udta",
    )
)
_SEGMENT, _CLUSTER = 0x18538067, 0x1F43B675  # RFC 9559, section 5.1
_VINT_BYTES = 8
_GIF_EXTENSION, _GIF_PICTURE, _GIF_END = 0x21, 0x2C, 0x3B  # GIF89a specification, appendix A


def check(data: Data, form: formats.Format) -> None:
    """Raise `Unusable` if bytes of that format are cut off, or differ from their checksums."""
    walk = _WALKS.get(form)
    if walk is not None:
        walk(data)


def _check_png(data: Data) -> None:
    """Walk the chunks up to the last, and sum them up (PNG specification, section 5.3)."""
    at = 8
    while True:
        size, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        end = at + 12 + size
        if end > len(data) or len(kind) < len(b"IEND"):
            raise Unusable("truncated: ends before the chunk IEND")
        if zlib.crc32(data[at + 4 : end - 4]) != int.from_bytes(data[end - 4 : end], "big"):
            raise Unusable(f"corrupt: a wrong checksum, {at} bytes in")
        if kind == b"IEND":
            return
        at = end


def _check_jpeg(data: Data) -> None:
    """Look for the end of the image after its first scan (ITU-T T.81, annex B): before it may be a thumbnail's."""
    at = 2
    while data[at : at + 1] == b"\xff" and data[at + 1 : at + 2] != b"\xda":
        fill = data[at + 1 : at + 2] == b"\xff"
        at += 1 if fill else 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    if data.find(b"\xff\xd9", at) < 0:
        raise Unusable("truncated: ends before the end of the image")


def _check_gif(data: Data) -> None:
    """Walk the blocks up to the trailer."""
    at = 13 + _gif_colours(data[10:11])
    while data[at : at + 1] != bytes((_GIF_END,)):
        introducer = data[at : at + 1]
        if introducer == bytes((_GIF_EXTENSION,)):
            at += 2
        elif introducer == bytes((_GIF_PICTURE,)):
            at += 11 + _gif_colours(data[at + 9 : at + 10])
        else:
            cut = at >= len(data)
            raise Unusable(
                "truncated: ends before its trailer" if cut else f"corrupt: no block, {at} bytes in"
            )
        while size := int.from_bytes(data[at : at + 1], "big"):
            at += 1 + size
        at += 1


def _gif_colours(flags: bytes) -> int:
    """Bytes of the table of colours that these flags announce."""
    (packed,) = flags or (0,)
    return 3 << (packed & 7) + 1 if packed & 0x80 else 0


def _check_riff(data: Data) -> None:
    if 8 + int.from_bytes(data[4:8], "little") > len(data):
        raise Unusable("truncated: is shorter than its header says")


def _check_boxes(data: Data) -> None:
    """Walk the boxes at the top level (ISO/IEC 14496-12, section 4.2)."""
    at = 0
    while at + 8 <= len(data):
        size, kind, header = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8], 8
        if kind not in _BOXES or size == 0:
            return
        if size == 1:
            size, header = int.from_bytes(data[at + 8 : at + 16], "big"), 16
        if size < header:
            raise Unusable(f"corrupt: a box of {size} bytes, {at} bytes in")
        at += size
        if at > len(data):
            raise Unusable(f"truncated: the box {kind.decode()} is cut off")


def _check_ebml(data: Data) -> None:
    """Walk the elements, those of clusters too: FFmpeg skips what is none (RFC 8794, sections 4 to 6)."""
    at, end = 0, len(data)
    while at < end:
        identifier, at = _vint(data, at, keep_marker=True)
        size, at = _vint(data, at, keep_marker=False)
        if identifier == _SEGMENT and size is not None:
            end = at + size
        if identifier not in (_SEGMENT, _CLUSTER):
            at += size or 0
        if max(at, end) > len(data):
            raise Unusable("truncated: is shorter than its elements say")


def _vint(data: Data, at: int, *, keep_marker: bool) -> tuple[int | None, int]:
    """A number of variable length, and where it ends; None: all ones, which means not known."""
    first = int.from_bytes(data[at : at + 1], "big")
    length = _VINT_BYTES + 1 - first.bit_length()
    if length > _VINT_BYTES:
        raise Unusable(f"corrupt: no element, {at} bytes in")
    number = int.from_bytes(data[at : at + length], "big")
    ones = (1 << 7 * length) - 1
    if not keep_marker:
        number &= ones
    return None if number == ones and not keep_marker else number, at + length


_WALKS: dict[formats.Format, Callable[[Data], None]] = {
    formats.PNG: _check_png,
    formats.JPEG: _check_jpeg,
    formats.GIF: _check_gif,
    formats.WEBP: _check_riff,
    formats.AVIF: _check_boxes,
    formats.HEIF: _check_boxes,
    formats.MP4: _check_boxes,
    formats.MOV: _check_boxes,
    formats.WEBM: _check_ebml,
    formats.MATROSKA: _check_ebml,
}
