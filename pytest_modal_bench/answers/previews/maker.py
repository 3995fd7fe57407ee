"""Makes the preview of what is being decoded, on the way: no frame is decoded for it alone.

A preview is never worth a failure: what goes wrong with it leaves it out, and says nothing of the bytes.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Literal

from pytest_modal_bench.answers.previews import thumbnails
from pytest_modal_bench.answers.previews.peaks import Peaks
from pytest_modal_bench.answers.previews.thumbnails import Moments
from pytest_modal_bench.model import Preview

if TYPE_CHECKING:
    from PIL import Image

    from pytest_modal_bench.model import MediaKind


class PreviewMaker:
    """Is shown each frame as it is decoded."""

    def __init__(self) -> None:
        self._moments = Moments()
        self._peaks = Peaks()

    def expect(self, frames: int | None) -> None:
        """Be told before the first frame how many there are said to be; None: nothing says so."""
        self._moments.expect(frames or 1)

    def see_picture(self, picture: Image.Image, at: float) -> None:
        """Look at a frame of an image, which is loaded, and shown at that moment."""
        with suppress(Exception):
            if self._moments.wants_next():
                self._moments.add(at, thumbnails.small(picture, thumbnails.ONE_SIDE))

    def see_frame(self, frame: Any, at: float) -> None:
        """Look at PyAV's frame of a video, shown at that moment."""
        with suppress(Exception):
            if self._moments.wants_next():
                width, height = thumbnails.fitted(frame.width, frame.height, thumbnails.ONE_SIDE)
                picture = frame.reformat(width, height, format="rgb24", interpolation="AREA").to_image()
                # Degrees, counter-clockwise, as Pillow turns; PyAV tells them since its version 14.
                self._moments.add(at, picture.rotate(getattr(frame, "rotation", 0), expand=True))

    def hear(self, frame: Any) -> None:
        """Take in a frame of sound."""
        with suppress(Exception):
            self._peaks.add(frame)

    def preview(self, kind: MediaKind) -> Preview | None:
        """Return the preview of what was decoded; None: there is nothing to be shown."""
        with suppress(Exception):
            match kind:
                case "image" | "video":
                    return self._of_pictures(kind)
                case "audio":
                    peaks = self._peaks.values()
                    return Preview(kind="audio", peaks=peaks) if peaks else None
        return None

    def _of_pictures(self, kind: Literal["image", "video"]) -> Preview | None:
        pictures = self._moments.pictures()
        if len(pictures) > 1:
            pictures = [thumbnails.shrunk(picture, thumbnails.SOME_SIDE) for picture in pictures]
        made = thumbnails.encoded(pictures) if pictures else None
        if made is None:
            return None
        return Preview(kind=kind, frames=made.frames, width=made.width, height=made.height)
