"""Spoils answers that a container's real work has made: they arrive whole, and are not what was asked for."""

from __future__ import annotations

import random
import struct
import zlib
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from PIL import Image

from pytest_modal_bench.local.app import codec, film
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

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_modal_bench.local.app.film import Kind

PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
SLAB_ROWS = 1000
"""Rows of a bomb that are packed at once."""

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


class Words(NamedTuple):
    """An answer that is no media."""

    status: int
    media_type: str
    body: bytes


def spoil(fault: AnyFault | None, answer: bytes, source: str | None) -> bytes:
    """Make of an answer what the fault does; `source` is the request's image or video, as a data URI."""
    made = answer
    match fault:
        case Blank(frames=frames):
            made = blank(answer, frames)
        case Still():
            whole = film.unpack(answer)
            kind: Kind = "png" if whole.kind == "mp4" else whole.kind
            made = film.Film(kind, whole.frames[:1], whole.fps).pack()
        case TruncateMedia(keep=keep):
            made = answer[: int(len(answer) * keep)]
        case WrongSize():
            whole = film.unpack(answer)
            half = (max(whole.size[0] // 2, 1), max(whole.size[1] // 2, 1))
            made = whole._replace(frames=[frame.resize(half) for frame in whole.frames]).pack()
        case Empty():
            made = b""
        case Bomb(side=side):
            made = bomb(side)
        case Garbage():
            made = random.Random(answer).randbytes(len(answer))  # noqa: S311 - noise, not a secret
        case Echo() if source is not None:
            made = codec.from_data_uri(source, "source")
    return made


def excuse(fault: AnyFault | None) -> Words | None:
    """What a route says in its answer's stead; None: nothing."""
    match fault:
        case Html():
            return Words(200, "text/html", HTML.encode())
        case JsonError():
            return Words(200, "application/json", JSON_ERROR.encode())
        case HostileText(size=size):
            line = HOSTILE.encode()
            return Words(500, "text/plain", (line * (size // len(line) + 1))[:size])
        case _:
            return None


def blank(answer: bytes, frames: int | None) -> bytes:
    """Black out an answer, with that many `frames`; None: as many as it has."""
    whole = film.unpack(answer)
    black = Image.new("RGB", whole.size)
    length = frames or len(whole.frames)
    if whole.kind == "webp":
        return film.frozen_webp(black, length, whole.fps)
    return whole._replace(frames=[black] * length).pack()


@cache
def bomb(side: int) -> bytes:
    """Pack a black PNG of `side` x `side` pixels, of one bit each, without ever having them all."""
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    pixels = b"".join(_packed_rows(side))
    return PNG_MAGIC + _chunk(b"IHDR", header) + _chunk(b"IDAT", pixels) + _chunk(b"IEND", b"")


def _packed_rows(side: int) -> Iterator[bytes]:
    row = bytes(1 + (side + 7) // 8)  # a filter's number, then eight pixels a byte
    packer = zlib.compressobj()
    for first in range(0, side, SLAB_ROWS):
        yield packer.compress(row * min(SLAB_ROWS, side - first))
    yield packer.flush()


def _chunk(name: bytes, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload)) + name + payload + struct.pack(">I", zlib.crc32(name + payload))
