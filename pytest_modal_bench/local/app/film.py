"""A finished answer taken apart into frames, to be packed again as the same kind of file."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Literal, NamedTuple

from PIL import Image, ImageSequence

from pytest_modal_bench.local.app import codec

if TYPE_CHECKING:
    from collections.abc import Sequence

VP8X = b"\x02\0\0\0"
"""The flags of an extended WebP that say: animated (RFC 9649, section 2.7)."""
RIFF_HEADER = 12


Kind = Literal["png", "webp", "mp4"]


class Film(NamedTuple):
    """The frames of an answer, one or many."""

    kind: Kind
    frames: Sequence[Image.Image]
    fps: int

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.frames[0].size

    def pack(self) -> bytes:
        """Make a file of that kind."""
        match self.kind:
            case "png":
                return codec.png(self.frames[0])
            case "webp":
                return codec.webp(self.frames, self.fps)
            case "mp4":
                return codec.mp4(self.frames, self.size, self.fps)


def unpack(data: bytes) -> Film:
    """Take apart an answer of this workspace: a PNG, an animated WebP, or an MP4."""
    if data[4:8] == b"ftyp":
        scenes = codec.read_video(data, "answer")
        end = scenes[-1].time or 0.0
        fps = round((len(scenes) - 1) / end) if end else 1
        return Film("mp4", [codec.still(scene) for scene in scenes], fps)
    with Image.open(io.BytesIO(data)) as image:
        frames = [frame.convert("RGB") for frame in ImageSequence.Iterator(image)]
        fps = round(1000 / (image.info.get("duration") or 1000))
    return Film("webp" if data.startswith(b"RIFF") else "png", frames, fps)


def frozen_webp(still: Image.Image, length: int, fps: int) -> bytes:
    """Pack an animated WebP of `length` frames that are all `still`: libwebp would merge them into one."""
    buffer = io.BytesIO()
    still.save(buffer, "WEBP", lossless=True, method=0)
    picture = buffer.getvalue()[RIFF_HEADER:]
    width, height = ((side - 1).to_bytes(3, "little") for side in still.size)
    duration = round(1000 / fps).to_bytes(3, "little")
    frame = _chunk(b"ANMF", bytes(6) + width + height + duration + b"\0" + picture)
    head = _chunk(b"VP8X", VP8X + width + height) + _chunk(b"ANIM", bytes(6))
    return _chunk(b"RIFF", b"WEBP" + head + frame * length)


def _chunk(name: bytes, payload: bytes) -> bytes:
    return name + len(payload).to_bytes(4, "little") + payload + bytes(len(payload) % 2)
