"""Decodes and encodes what the app works with: data URIs, PNG, animated WebP, MP4; inputs are limited in size."""

from __future__ import annotations

import base64
import binascii
import io
from fractions import Fraction
from itertools import islice
from typing import TYPE_CHECKING

import av
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_PIXELS = 4096 * 4096
"""A larger input is refused before its pixels are decoded."""
MAX_FRAMES = 240
"""Frames of an input video that are decoded; the rest is ignored."""

_ANIMATED = b"\x02\0\0\0"
"""The flags of an extended WebP (RFC 9649, section 2.7)."""
_RIFF_HEADER = 12
"""Bytes of a WebP before its first chunk."""


class BadInputError(ValueError):
    """An input that is not what its field asks for; the message can be sent to the client."""


def from_data_uri(uri: str, field: str) -> bytes:
    """Decode a base64 data URI, or plain base64.

    Raises `BadInputError`, which names `field`.
    """
    head, comma, tail = uri.partition(",")
    if comma and not (head.startswith("data:") and head.endswith(";base64")):
        raise BadInputError(f"{field} must be a base64 data URI")
    try:
        return base64.b64decode(tail if comma else uri, validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadInputError(f"{field} is not valid base64") from error


def read_image(data: bytes, field: str) -> Image.Image:
    """Decode a still image as RGB.

    Raises `BadInputError`, which names `field`.
    """
    try:
        with Image.open(io.BytesIO(data)) as image:
            fits = image.width * image.height <= MAX_PIXELS
            picture = image.convert("RGB") if fits else None
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise BadInputError(f"{field} is not an image") from error
    if picture is None:
        raise BadInputError(f"{field} has more than {MAX_PIXELS} pixels")
    return picture


def read_video(data: bytes, field: str) -> list[av.VideoFrame]:
    """Decode the first `MAX_FRAMES` frames of an MP4.

    Raises `BadInputError`, which names `field`: also for a still image, which FFmpeg would take for a video.
    """
    try:
        with av.open(io.BytesIO(data), "r", format="mp4") as container:
            stream = container.streams.video[0]
            fits = stream.width * stream.height <= MAX_PIXELS
            frames = list(islice(container.decode(stream), MAX_FRAMES)) if fits else []
    except (av.FFmpegError, IndexError) as error:
        raise BadInputError(f"{field} is not a video") from error
    if not fits:
        raise BadInputError(f"{field} has more than {MAX_PIXELS} pixels a frame")
    if not frames:
        raise BadInputError(f"{field} has no frames")
    return frames


def to_picture(frame: av.VideoFrame) -> Image.Image:
    """Turn a video frame into a picture."""
    return frame.to_image()  # type: ignore[no-untyped-call, no-any-return]  # PyAV leaves it untyped


def png(image: Image.Image) -> bytes:
    """Encode one picture as PNG, fast rather than small."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def webp(frames: Iterable[Image.Image], fps: int, *, lossless: bool = False) -> bytes:
    """Encode an animated WebP of opaque pictures of one size, fast rather than small (RFC 9649, section 2.7).

    libwebp's own encoder of animations takes twice as long, to look for what two frames have in common, and makes one
    frame of equal ones.
    """
    duration = round(1000 / fps).to_bytes(3, "little")
    sides, pieces = b"", []
    for frame in frames:
        sides = b"".join((side - 1).to_bytes(3, "little") for side in frame.size)
        pieces.append(
            _chunk(
                b"ANMF",
                bytes(6) + sides + duration + b"\0" + _still_webp(frame, lossless=lossless)[_RIFF_HEADER:],
            )
        )
    head = _chunk(b"VP8X", _ANIMATED + sides) + _chunk(b"ANIM", bytes(6))
    return _chunk(b"RIFF", b"WEBP" + head + b"".join(pieces))


def _still_webp(picture: Image.Image, *, lossless: bool) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "WEBP", lossless=lossless, quality=50, method=0)
    return buffer.getvalue()


def _chunk(name: bytes, payload: bytes) -> bytes:
    return name + len(payload).to_bytes(4, "little") + payload + bytes(len(payload) % 2)


def mp4(frames: Iterable[Image.Image], size: tuple[int, int], fps: int) -> bytes:
    """Encode an H.264 MP4 of pictures, resized to `size` pixels (made even, as 4:2:0 needs)."""
    width, height = (side + side % 2 for side in size)
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=fps)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.thread_count = 1  # the same bytes on every machine
        stream.options = {"preset": "ultrafast", "crf": "28"}
        for number, picture in enumerate(frames):
            frame = av.VideoFrame.from_image(picture)  # type: ignore[no-untyped-call]  # PyAV leaves it untyped
            resized = frame.reformat(width=width, height=height, format="yuv420p")
            resized.pts, resized.time_base = number, Fraction(1, fps)
            container.mux(stream.encode(resized))
        container.mux(stream.encode())
    return buffer.getvalue()
