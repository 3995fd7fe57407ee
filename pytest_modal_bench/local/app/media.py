"""An image or video answer decoded into frames, and encoded again as the same kind of file."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Literal, NamedTuple

from PIL import Image, ImageSequence

from pytest_modal_bench.local.app import codec

if TYPE_CHECKING:
    from collections.abc import Sequence

Kind = Literal["png", "webp", "mp4"]


class Media(NamedTuple):
    """The frames of an image or a video, one or many."""

    kind: Kind
    frames: Sequence[Image.Image]
    fps: int

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.frames[0].size

    def encode(self) -> bytes:
        """Encode the frames as a file of that kind."""
        match self.kind:
            case "png":
                return codec.png(self.frames[0])
            case "webp":
                return codec.webp(self.frames, self.fps)
            case "mp4":
                return codec.mp4(self.frames, self.size, self.fps)


def decode(data: bytes) -> Media:
    """Decode what an app of this workspace answers: a PNG, an animated WebP, or an MP4.

    Raises `OSError` for what is neither, and `codec.BadInputError` for an MP4 that cannot be decoded.
    """
    if data[4:8] == b"ftyp":
        frames = codec.read_video(data, "answer")
        end = frames[-1].time or 0.0
        fps = round((len(frames) - 1) / end) if end else 1
        return Media("mp4", [codec.to_picture(frame) for frame in frames], fps)
    with Image.open(io.BytesIO(data)) as image:
        pictures = [frame.convert("RGB") for frame in ImageSequence.Iterator(image)]
        fps = round(1000 / (image.info.get("duration") or 1000))
    return Media("webp" if data.startswith(b"RIFF") else "png", pictures, fps)
