"""Makes a finished answer wrong as a scenario asks for; its HTTP transfer stays complete."""

from __future__ import annotations

import random
import struct
import zlib
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from PIL import Image

from pytest_modal_bench.local.app import codec, media
from pytest_modal_bench.local.identifiers import identifier
from pytest_modal_bench.local.workspace.faults import (
    AnyFault,
    Blank,
    Bomb,
    Echo,
    Empty,
    Garbage,
    HostileText,
    Html,
    JsonError,
    Still,
    TruncateMedia,
    WrongSize,
)
from pytest_modal_bench.local.workspace.shape_faults import Accepted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_modal_bench.local.app.media import Kind

PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
ROWS_PER_CHUNK = 1000
"""Rows of a decompression bomb that are compressed at a time."""

HTML = (
    "<!DOCTYPE html>\n<html><head><title>502 Bad Gateway</title></head>\n"
    "<body><center><h1>502 Bad Gateway</h1></center><hr></body></html>\n"
)
JSON_ERROR = '{"error":"CUDA out of memory. Tried to allocate 2.25 GiB","type":"OutOfMemoryError"}'
HOSTILE = (
    "| a | cell | `code` ```fence\n| --- | :-: |\r\n</td></details><script>alert(1)</script>"
    " <img src=x onerror=alert(2)> <!-- @team @everyone closes #1 [x](javascript:alert(3)) ![y](http://192.0.2.1/z)"
    "\x1b[2J\x1b[31mred\x1b]0;title\x07 \b\b\0\x85\u2028\u202etxet\u202c ]]> &amp; ::error::forged\n"
    "::set-output name=x::y %0A ${{ github.token }} $(id) '\"\\ \t~~~ ***\n# heading\n- [ ] todo\n"
)


class TextAnswer(NamedTuple):
    """An answer in text, in place of an image or a video."""

    status: int
    media_type: str
    body: bytes


def with_fault(fault: AnyFault | None, answer: bytes, source: str | None) -> bytes:
    """Change an answer as the fault asks for; other faults leave it as it is.

    `source` is the request's image or video, as a data URI; None: it has none.
    """
    changed = answer
    match fault:
        case Blank(frames=frames):
            changed = blacked_out(answer, frames)
        case Still():
            real = media.decode(answer)
            kind: Kind = "png" if real.kind == "mp4" else real.kind
            changed = media.Media(kind, real.frames[:1], real.fps).encode()
        case TruncateMedia(keep=keep):
            changed = answer[: int(len(answer) * keep)]
        case WrongSize():
            real = media.decode(answer)
            half = (max(real.size[0] // 2, 1), max(real.size[1] // 2, 1))
            changed = real._replace(frames=[frame.resize(half) for frame in real.frames]).encode()
        case Empty():
            changed = b""
        case Bomb(side=side):
            changed = decompression_bomb(side)
        case Garbage():
            changed = random.Random(answer).randbytes(len(answer))  # noqa: S311 - noise, not a secret
        case Echo() if source is not None:
            changed = codec.from_data_uri(source, "source")
    return changed


def replacement(fault: AnyFault | None) -> TextAnswer | None:
    """The text that a route answers in place of its image or video; None: the fault does not replace it."""
    match fault:
        case Html():
            return TextAnswer(200, "text/html", HTML.encode())
        case JsonError():
            return TextAnswer(200, "application/json", JSON_ERROR.encode())
        case HostileText(size=size):
            line = HOSTILE.encode()
            return TextAnswer(500, "text/plain", (line * (size // len(line) + 1))[:size])
        case Accepted():
            return TextAnswer(202, "application/json", f'{{"call_id":"{identifier("fc")}"}}'.encode())
        case _:
            return None


def blacked_out(answer: bytes, frames: int | None) -> bytes:
    """Make all frames of an answer black, and as many as `frames`; None: as many as it has."""
    real = media.decode(answer)
    black = Image.new("RGB", real.size)
    length = frames or len(real.frames)
    if real.kind == "webp":
        return codec.webp([black] * length, real.fps, lossless=True)
    return real._replace(frames=[black] * length).encode()


@cache
def decompression_bomb(side: int) -> bytes:
    """Encode a black PNG of `side` x `side` pixels, of one bit each, without holding all of them in memory."""
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    pixels = b"".join(_compressed_rows(side))
    return PNG_MAGIC + _chunk(b"IHDR", header) + _chunk(b"IDAT", pixels) + _chunk(b"IEND", b"")


def _compressed_rows(side: int) -> Iterator[bytes]:
    row = bytes(1 + (side + 7) // 8)  # the filter type, then eight pixels a byte
    compressor = zlib.compressobj()
    for first in range(0, side, ROWS_PER_CHUNK):
        yield compressor.compress(row * min(ROWS_PER_CHUNK, side - first))
    yield compressor.flush()


def _chunk(name: bytes, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload)) + name + payload + struct.pack(">I", zlib.crc32(name + payload))
