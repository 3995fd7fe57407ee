"""Which format bytes have, by how they begin: no header and no file name is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pytest_modal_bench.model import MediaKind

HEAD_BYTES = 512
"""How much of the beginning `identify` looks at."""

_EBML = b"\x1aE\xdf\xa3"  # RFC 8794, section 11.2.1
# Lengths of the header that follows a BMP's 14 bytes, oldest to newest: `BM` alone begins a text, too.
_BMP_HEADERS = frozenset((12, 16, 40, 52, 56, 64, 108, 124))
# Brands of ISO media files that hold pictures instead of films (mp4ra.org, "Brands").
_AVIF_BRANDS = frozenset((b"avif", b"avis"))
_HEIF_BRANDS = frozenset((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"))
# QuickTime files older than `ftyp` begin with one of these (QuickTime File Format, "Movie Atoms").
_OLD_QUICKTIME = frozenset((b"moov", b"mdat", b"wide"))


class Format(NamedTuple):
    """A format that is known by its first bytes."""

    name: str
    kind: MediaKind
    media_types: tuple[str, ...]
    """What a Content-Type may call it."""


PNG = Format("PNG", "image", ("image/png", "image/apng", "image/vnd.mozilla.apng"))
JPEG = Format("JPEG", "image", ("image/jpeg", "image/jpg", "image/pjpeg"))
WEBP = Format("WEBP", "image", ("image/webp",))
GIF = Format("GIF", "image", ("image/gif",))
BMP = Format("BMP", "image", ("image/bmp", "image/x-bmp", "image/x-ms-bmp"))
TIFF = Format("TIFF", "image", ("image/tiff",))
AVIF = Format("AVIF", "image", ("image/avif", "image/avif-sequence"))
HEIF = Format("HEIF", "image", ("image/heif", "image/heic", "image/heif-sequence", "image/heic-sequence"))
MP4 = Format("MP4", "video", ("video/mp4", "application/mp4", "video/x-m4v", "audio/mp4"))
MOV = Format("MOV", "video", ("video/quicktime",))
WEBM = Format("WEBM", "video", ("video/webm", "audio/webm"))
MATROSKA = Format("MATROSKA", "video", ("video/matroska", "video/x-matroska", "audio/x-matroska"))
ALL = (PNG, JPEG, WEBP, GIF, BMP, TIFF, AVIF, HEIF, MP4, MOV, WEBM, MATROSKA)

_BEGINNINGS = (
    (PNG, (b"\x89PNG\r\n\x1a\n",)),
    (JPEG, (b"\xff\xd8\xff",)),
    (GIF, (b"GIF87a", b"GIF89a")),
    (TIFF, (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")),
)


def identify(head: bytes) -> Format | None:
    """Return the format of an image or a video that begins with `head`; None: it is none that is known."""
    for form, beginnings in _BEGINNINGS:
        if head.startswith(beginnings):
            return form
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return WEBP
    if head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in _BMP_HEADERS:
        return BMP
    if head.startswith(_EBML):
        return WEBM if b"webm" in head[:64] else MATROSKA  # the DocType follows at once
    return _iso_format(head)


def _iso_format(head: bytes) -> Format | None:
    """Which ISO base media file it is (ISO/IEC 14496-12, section 4.3): its first box lists its brands."""
    if head[4:8] in _OLD_QUICKTIME:
        return MOV
    if head[4:8] != b"ftyp":
        return None
    major = head[8:12]
    brands = head[16 : int.from_bytes(head[:4], "big")]
    every = {major, *(brands[at : at + 4] for at in range(0, len(brands), 4))}
    if every & _AVIF_BRANDS:
        return AVIF
    if major in _HEIF_BRANDS:
        return HEIF
    return MOV if major == b"qt  " else MP4
