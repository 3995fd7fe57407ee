"""Makes the answers that tests of `measure.media` look at: small, deterministic, and none of them committed."""

from __future__ import annotations

import io
import random
import struct
import zlib
from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING, Any

import av
from PIL import Image, ImageChops

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

SIDE = 64
FRAMES = 17
FPS = 16


@cache
def picture(side: int = SIDE, seed: int = 0) -> Image.Image:
    """Noise over a gradient: nothing that compresses to nothing, and different for every seed."""
    noise = Image.frombytes("RGB", (side, side), random.Random(seed).randbytes(3 * side * side))
    gradient = Image.linear_gradient("L").resize((side, side)).convert("RGB")
    return Image.blend(ImageChops.offset(gradient, 3 * seed, 5 * seed), noise, 0.2)


def flat(colour: str | tuple[int, ...] = "black", side: int = SIDE, mode: str = "RGB") -> Image.Image:
    return Image.new(mode, (side, side), colour)


@cache
def film(frames: int = FRAMES, side: int = SIDE) -> tuple[Image.Image, ...]:
    return tuple(picture(side, seed) for seed in range(frames))


def still(form: str, image: Image.Image | None = None, **options: Any) -> bytes:
    buffer = io.BytesIO()
    # A copy, as Pillow leaves settings of one format in the image that trip up another.
    (image or picture()).copy().save(buffer, form, **options)
    return buffer.getvalue()


def animation(form: str, frames: Sequence[Image.Image] | None = None, **options: Any) -> bytes:
    first, *others = frames or film()
    return still(
        form,
        first,
        save_all=True,
        append_images=[each.copy() for each in others],
        duration=1000 // FPS,
        **options,
    )


def video(container: str, codec: str, frames: Sequence[Image.Image] | None = None, **mux: str) -> bytes:
    frames = frames or film()
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container, options=mux) as output:
        stream: Any = output.add_stream(codec, rate=FPS)
        stream.pix_fmt = "yuv420p"
        stream.width, stream.height = frames[0].size
        for number, image in enumerate(frames):
            frame = av.VideoFrame.from_image(image)  # type: ignore[no-untyped-call]  # PyAV leaves it untyped
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            output.mux(stream.encode(frame))
        output.mux(stream.encode())
    return buffer.getvalue()


def sound() -> bytes:
    """MP4 that holds a second of silence, and no picture."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as output:
        stream: Any = output.add_stream("aac", rate=48000, layout="mono")
        frame = av.AudioFrame(format="fltp", layout="mono", samples=1024)
        for plane in frame.planes:
            plane.update(bytes(plane.buffer_size))
        frame.sample_rate = 48000
        for number in range(47):
            frame.pts = 1024 * number
            output.mux(stream.encode(frame))
        output.mux(stream.encode())
    return buffer.getvalue()


_GOOD: dict[str, Callable[[], bytes]] = {
    "png": lambda: still("PNG"),
    "apng": lambda: animation("PNG"),
    "jpeg": lambda: still("JPEG"),
    "progressive-jpeg": lambda: still("JPEG", progressive=True),
    "webp": lambda: still("WEBP"),
    "lossless-webp": lambda: still("WEBP", lossless=True),
    "animated-webp": lambda: animation("WEBP"),
    "gif": lambda: still("GIF"),
    "animated-gif": lambda: animation("GIF"),
    "bmp": lambda: still("BMP"),
    "tiff": lambda: still("TIFF"),
    "avif": lambda: still("AVIF"),
    "mp4": lambda: video("mp4", "libx264"),
    "fragmented-mp4": lambda: video("mp4", "libx264", movflags="frag_keyframe+empty_moov"),
    "mov": lambda: video("mov", "libx264"),
    "webm": lambda: video("webm", "libvpx"),
    "vp9-webm": lambda: video("webm", "libvpx-vp9"),
    "live-webm": lambda: video("webm", "libvpx", live="1"),
    "matroska": lambda: video("matroska", "libx264"),
}
GOOD = tuple(_GOOD)


@cache
def good(name: str) -> bytes:
    """One of the whole files `GOOD`, of every kind of image and video."""
    return _GOOD[name]()


_BLANK: dict[str, Callable[[], bytes]] = {
    "black-png": lambda: still("PNG", flat()),
    "grey-png": lambda: still("PNG", flat("grey")),
    "transparent-png": lambda: still("PNG", Image.merge("RGBA", (*picture().split(), flat(mode="L")))),
    "white-jpeg": lambda: still("JPEG", flat("white")),
    "black-webp": lambda: still("WEBP", flat()),
    "fading-webp": lambda: animation("WEBP", shades()),
    "fading-gif": lambda: animation("GIF", shades()),
    "black-mp4": lambda: video("mp4", "libx264", [flat()] * 33),
    "green-webm": lambda: video("webm", "libvpx", [flat("green")] * 33),
}
BLANK = tuple(_BLANK)


@cache
def blank(name: str) -> bytes:
    """One of the files `BLANK`, which show nothing."""
    return _BLANK[name]()


def shades() -> list[Image.Image]:
    return [flat((value, value, value)) for value in range(0, 256, 15)]


@cache
def polyglots() -> dict[str, bytes]:
    """Files that are one thing at their beginning, and something else behind it."""
    page = b"<!DOCTYPE html><title>no picture</title>"
    archive = b"PK\x05\x06" + bytes(18)
    return {
        "PNG": good("png") + page,
        "GIF": good("gif") + b"/*" + archive,
        "JPEG": good("jpeg") + archive,
        "WEBP": good("webp") + page,
        "MP4": good("mp4") + archive,
        "WEBM": good("webm") + archive,
        "HTML": page + good("png"),
    }


def random_files(count: int = 10) -> list[bytes]:
    chance = random.Random(1)
    return [chance.randbytes(chance.randrange(64, 20_000)) for _ in range(count)]


def chunk(kind: bytes, content: bytes) -> bytes:
    """A chunk of a PNG, with its checksum."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(width: int, height: int, *chunks: bytes) -> bytes:
    """A PNG of 8 bits of grey, of that size, whatever its chunks hold."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"".join((b"\x89PNG\r\n\x1a\n", head, *chunks, chunk(b"IEND", b"")))


def bomb_png(side: int) -> bytes:
    """A PNG of a few kilobytes at most that says it has `side` pixels a side; not all of them are in it."""
    return png(side, side, chunk(b"IDAT", zlib.compress(bytes(1000))))


def grey_png(side: int) -> bytes:
    """A whole PNG of one grey."""
    return png(side, side, chunk(b"IDAT", zlib.compress(bytes((side + 1) * side), 1)))


def bomb_apng(declared: int, side: int = 8) -> bytes:
    """An APNG of one frame that declares many more."""
    return png(
        side,
        side,
        chunk(b"acTL", struct.pack(">II", declared, 0)),
        chunk(b"fcTL", struct.pack(">IIIIIHHBB", 0, side, side, 0, 0, 1, 10, 0, 0)),
        chunk(b"IDAT", zlib.compress(bytes((side + 1) * side))),
    )


def bomb_gif(frames: int, side: int) -> bytes:
    """A GIF of many frames, of which each is a few bytes."""
    one = still("GIF", flat("black", side, "L"))
    at = 13 + (3 << (one[10] & 7) + 1)
    at = one.index(b"\x2c\0\0\0\0", at)
    return one[:at] + one[at:-1] * frames + b";"


def reseal_png(data: bytes) -> bytes:
    """A damaged PNG with its checksums made right again, so that the damage reaches the decoder."""
    parts, at = [data[:8]], 8
    while at + 12 <= len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        content = data[at + 8 : at + 8 + size]
        parts.append(chunk(data[at + 4 : at + 8], content))
        at += 12 + size
    return b"".join(parts)
