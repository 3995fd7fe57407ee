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
WAV = Format("WAV", "audio", ("audio/wav", "audio/x-wav", "audio/wave", "audio/vnd.wave"))
MP3 = Format("MP3", "audio", ("audio/mpeg", "audio/mp3", "audio/mpeg3", "audio/x-mpeg-3"))
FLAC = Format("FLAC", "audio", ("audio/flac", "audio/x-flac"))
OGG = Format("OGG", "audio", ("audio/ogg", "application/ogg", "audio/vorbis", "video/ogg"))
OPUS = Format("OPUS", "audio", ("audio/ogg", "audio/opus", "application/ogg"))
AAC = Format("AAC", "audio", ("audio/aac", "audio/aacp", "audio/x-aac"))
M4A = Format("M4A", "audio", ("audio/mp4", "audio/x-m4a", "audio/m4a", "video/mp4"))
AIFF = Format("AIFF", "audio", ("audio/aiff", "audio/x-aiff"))
ZIP = Format("ZIP", "file", ("application/zip", "application/x-zip-compressed"))
PDF = Format("PDF", "file", ("application/pdf",))
GZIP = Format("GZIP", "file", ("application/gzip", "application/x-gzip"))
TAR = Format("TAR", "file", ("application/x-tar",))
GLB = Format("GLB", "file", ("model/gltf-binary",))
NPY = Format("NPY", "file", ("application/x-npy",))
PARQUET = Format("PARQUET", "file", ("application/vnd.apache.parquet",))

PICTURES = (PNG, JPEG, WEBP, GIF, BMP, TIFF, AVIF, HEIF, MP4, MOV, WEBM, MATROSKA)
SOUNDS = (WAV, MP3, FLAC, OGG, OPUS, AAC, M4A, AIFF)
FILES = (ZIP, PDF, GZIP, TAR, GLB, NPY, PARQUET)
ALL = (*PICTURES, *SOUNDS, *FILES)

_BEGINNINGS = (
    (PNG, (b"\x89PNG\r\n\x1a\n",)),
    (JPEG, (b"\xff\xd8\xff",)),
    (GIF, (b"GIF87a", b"GIF89a")),
    (TIFF, (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")),
    (FLAC, (b"fLaC",)),
    (MP3, (b"ID3\x02", b"ID3\x03", b"ID3\x04")),
    (ZIP, (b"PK\3\4", b"PK\5\6")),  # APPNOTE, sections 4.3.7 and 4.3.16: an empty archive is its end alone
    (PDF, (b"%PDF-",)),
    (GZIP, (b"\x1f\x8b\x08",)),
    (GLB, (b"glTF",)),
    (NPY, (b"\x93NUMPY",)),
    (PARQUET, (b"PAR1",)),
)
_M4A_BRANDS = frozenset((b"M4A ", b"M4B ", b"M4P "))
_OPUS_HEAD = b"OpusHead"  # RFC 7845, section 5.1: at the beginning of the first page's only packet
_TAR_AT, _TAR = 257, b"ustar"  # POSIX, pax interchange format
_RIFF = {b"WEBP": WEBP, b"WAVE": WAV}
_FRAME_HEADER_BYTES = 4
_FRAME_SYNC, _LAYER_3, _NO_RATE = 0x7FF, 0b01, 0b11


def identify(head: bytes) -> Format | None:
    """Return the format of the file that begins with `head`; None: it is none that is known."""
    for form, beginnings in _BEGINNINGS:
        if head.startswith(beginnings):
            return form
    return _container(head) or _iso_format(head) or _mpeg_audio(head)


def _container(head: bytes) -> Format | None:
    """Which container format it is, by what stands somewhat further in."""
    if head[:4] in (b"RIFF", b"RF64"):
        return _RIFF.get(head[8:12])
    if head[:4] == b"FORM":
        return AIFF if head[8:12] in (b"AIFF", b"AIFC") else None
    if head[:4] == b"OggS":
        return OPUS if head[28:36] == _OPUS_HEAD else OGG
    if head.startswith(_EBML):
        return WEBM if b"webm" in head[:64] else MATROSKA  # the DocType follows at once
    if head[_TAR_AT : _TAR_AT + len(_TAR)] == _TAR:
        return TAR
    bitmap = head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in _BMP_HEADERS
    return BMP if bitmap else None


def _mpeg_audio(head: bytes) -> Format | None:
    """Which MPEG audio it is, by its first frame's header (ISO/IEC 11172-3, section 2.4.1; 14496-3, annex 1.A)."""
    header = int.from_bytes(head[:4])
    if len(head) < _FRAME_HEADER_BYTES or header >> 21 != _FRAME_SYNC:
        return None
    layer, rate = header >> 17 & 0b11, header >> 10 & 0b11
    if layer == 0:
        return AAC if header >> 20 & 1 else None
    reserved = header >> 19 & 0b11 == 0b01 or header >> 12 & 0b1111 in (0b0000, 0b1111) or rate == _NO_RATE
    return MP3 if layer == _LAYER_3 and not reserved else None


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
    if major in _M4A_BRANDS:
        return M4A
    return MOV if major == b"qt  " else MP4
