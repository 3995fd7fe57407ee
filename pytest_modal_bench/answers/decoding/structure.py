"""Finds what was cut off or damaged by the structure of a file: decoders are lenient, and show what they have.

Bytes after the end are nobody's business: files may be two things at once.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Literal

from pytest_modal_bench.answers.decoding.findings import Unusable
from pytest_modal_bench.model import formats

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
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
# From here on a size stands for one that is not known: 0xFFFFFFFF, or what SoX writes into a pipe (sox, wav.c).
_STREAMED_SIZE = 0x7FFFF000
_OGG_LAST = 4
_ADTS_SYNC, _ADTS_HEADER_BYTES = 0xF, 7
_MPEG_1, _MPEG_2 = 0b11, 0b10
_MPEG_1_KILOBITS = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_MPEG_2_KILOBITS = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_MPEG_1_HERTZ = (44_100, 48_000, 32_000)
_XING_WITHIN, _XING_FRAMES, _XING_BYTES = 256, 1, 2
_PDF_TAIL_BYTES = 2048
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


def _check_wav(data: Data) -> None:
    """Walk the chunks up to the sound (RIFF; EBU Tech 3306 for RF64): whoever streams can't know its size yet."""
    long_size = 0
    for kind, start, size in _chunks(data, "little"):
        if kind == b"ds64":
            long_size = int.from_bytes(data[start + 8 : start + 16], "little")
        elif kind == b"data":
            known = size if size < _STREAMED_SIZE else long_size
            _check_sound(data, start, known)
            return
    raise Unusable("truncated: ends before its sound")


def _check_aiff(data: Data) -> None:
    """Walk the chunks up to the sound (Audio Interchange File Format, version 1.3)."""
    for kind, start, size in _chunks(data, "big"):
        if kind == b"SSND":
            _check_sound(data, start, size)
            return
    raise Unusable("truncated: ends before its sound")


def _chunks(data: Data, order: Literal["little", "big"]) -> Iterator[tuple[bytes, int, int]]:
    """Yield each chunk's name, where its content starts, and how many bytes its header says that there are."""
    at = 12
    while at + 8 <= len(data):
        size = int.from_bytes(data[at + 4 : at + 8], order)
        yield data[at : at + 4], at + 8, size
        at += 8 + size + size % 2


def _check_sound(data: Data, start: int, size: int) -> None:
    if start + size > len(data):
        raise Unusable(f"truncated: holds {len(data) - start} of {size} bytes of sound")


def _check_flac(data: Data) -> None:
    """Walk the blocks before the sound (RFC 9639, section 8.1); frames don't say how long they are."""
    at, is_last = 4, False
    while not is_last:
        is_last = data[at : at + 1] >= b"\x80"
        at += 4 + int.from_bytes(data[at + 1 : at + 4])
        if at >= len(data):
            raise Unusable("truncated: ends before its sound")


def _check_ogg(data: Data) -> None:
    """Walk the pages (RFC 3533, section 6): each of the streams must have had its last one."""
    at = 0
    open_streams: set[bytes] = set()
    while data[at : at + 4] == b"OggS":
        segments = data[at + 26 : at + 27]
        table = data[at + 27 : at + 27 + sum(segments)]
        end = at + 27 + len(table) + sum(table)
        if not segments or len(table) < sum(segments) or end > len(data):
            raise Unusable("truncated: a page is cut off")
        flags, serial = data[at + 5], data[at + 14 : at + 18]
        (open_streams.discard if flags & _OGG_LAST else open_streams.add)(serial)
        at = end
    if open_streams:
        raise Unusable("truncated: ends before the last page of its stream")


def _check_adts(data: Data) -> None:
    """Walk the frames (ISO/IEC 13818-7, section 6.2), each of which says how long it is."""
    at = 0
    while data[at : at + 1] == b"\xff" and int.from_bytes(data[at + 1 : at + 2]) >> 4 == _ADTS_SYNC:
        size = int.from_bytes(data[at + 3 : at + 6]) >> 5 & 0x1FFF
        if at + max(size, _ADTS_HEADER_BYTES) > len(data):
            raise Unusable("truncated: ends in the middle of a frame")
        at += max(size, _ADTS_HEADER_BYTES)


def _check_mp3(data: Data) -> None:
    """Walk the frames, and ask the first how many bytes there are, where an encoder has left Xing's header in it.

    Without that header nothing tells of frames that are missing altogether.
    """
    start = 0
    if data[:3] == b"ID3":
        start = 10 + sum((byte & 0x7F) << 7 * (3 - place) for place, byte in enumerate(data[6:10]))
    at = start
    while (size := _mp3_frame(data[at : at + 4])) is not None:
        at += size
    if at > len(data):
        raise Unusable("truncated: ends in the middle of a frame")
    head = data[start : start + _XING_WITHIN]
    at = max(head.find(b"Xing"), head.find(b"Info"))
    flags = int.from_bytes(head[at + 4 : at + 8])
    if at < 0 or not flags & _XING_BYTES:
        return
    field = at + 8 + (4 if flags & _XING_FRAMES else 0)
    size = int.from_bytes(head[field : field + 4])
    if start + size > len(data):
        raise Unusable(f"truncated: holds {len(data) - start} of {size} bytes")


def _mp3_frame(header: bytes) -> int | None:
    """How many bytes a frame has that begins so (ISO/IEC 11172-3, section 2.4.1, and 13818-3); None: it is no frame."""
    form = formats.identify(header)
    bits = int.from_bytes(header)
    version, bitrate, rate = bits >> 19 & 0b11, bits >> 12 & 0b1111, bits >> 10 & 0b11
    if form is not formats.MP3 or header[:3] == b"ID3":
        return None
    is_first = version == _MPEG_1
    kilobits = (_MPEG_1_KILOBITS if is_first else _MPEG_2_KILOBITS)[bitrate]
    hertz = _MPEG_1_HERTZ[rate] >> {_MPEG_1: 0, _MPEG_2: 1}.get(version, 2)
    return (144 if is_first else 72) * 1000 * kilobits // hertz + (bits >> 9 & 1)


def _check_glb(data: Data) -> None:
    """Ask the header for the length (glTF 2.0 specification, section 4.4.2)."""
    if int.from_bytes(data[8:12], "little") > len(data):
        raise Unusable("truncated: is shorter than its header says")


def _check_parquet(data: Data) -> None:
    """Look for the magic number at the end (Apache Parquet, "File Format"), which is `PARE` in an encrypted one."""
    if data[-4:] not in (b"PAR1", b"PARE"):
        raise Unusable("truncated: ends before its footer")


def _check_pdf(data: Data) -> None:
    """Look for the end's marker (ISO 32000-1, section 7.5.5), behind which readers allow some bytes."""
    if data[-_PDF_TAIL_BYTES:].find(b"%%EOF") < 0:
        raise Unusable("truncated: ends before %%EOF")


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
    formats.WAV: _check_wav,
    formats.AIFF: _check_aiff,
    formats.FLAC: _check_flac,
    formats.OGG: _check_ogg,
    formats.OPUS: _check_ogg,
    formats.AAC: _check_adts,
    formats.MP3: _check_mp3,
    formats.M4A: _check_boxes,
    formats.GLB: _check_glb,
    formats.PARQUET: _check_parquet,
    formats.PDF: _check_pdf,
}
