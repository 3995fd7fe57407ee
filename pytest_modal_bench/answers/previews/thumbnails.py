"""Small pictures of what was decoded, for people to look at: encoded anew, nothing of the file's own bytes in them."""

from __future__ import annotations

import io
import math
from typing import TYPE_CHECKING, Any, NamedTuple

from PIL.Image import Resampling, Transpose

from pytest_modal_bench.answers.previews.limits import FRAMES, ONE_BYTES, SOME_BYTES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PIL import Image

ONE_SIDE = 192
"""Pixels, the longer side, of the one picture of an image."""
SOME_SIDE = 144
"""Pixels of one of several, of an animation or a video."""
_HELD = 2 * FRAMES
_QUALITY = 70
_LESS_QUALITY = 40
WIDE = ("I", "F", "I;16", "I;16L", "I;16B", "I;16N")
"""Modes whose pixels are wider than a byte."""
_SAMPLED = ("1", "P", "PA", *WIDE)
"""Modes in which Pillow can't average pixels, or would need memory for it: so many are taken as they are at first."""
_16_BITS = 0xFFFF
_GAP = 1.0
"""How far whole pixels are averaged first, in sizes of what is wanted: as far as they can be, which is fast."""
ORIENTATION = 0x0112
# Exif 2.32, section 4.6.4: what has to be done to a picture of each orientation to show it upright.
_UPRIGHT = {
    2: Transpose.FLIP_LEFT_RIGHT,
    3: Transpose.ROTATE_180,
    4: Transpose.FLIP_TOP_BOTTOM,
    5: Transpose.TRANSPOSE,
    6: Transpose.ROTATE_270,
    7: Transpose.TRANSVERSE,
    8: Transpose.ROTATE_90,
}


class Moments:
    """Chooses, of frames that come one after the other, a few spread over the time, however many there will be."""

    def __init__(self) -> None:
        self._count = 0
        self._stride = 1
        self._held: list[tuple[float, Image.Image]] = []

    def expect(self, frames: int) -> None:
        """Be told how many frames there are said to be, which saves looking at more of them."""
        self._stride = max(math.ceil(frames / _HELD), 1)

    def wants_next(self) -> bool:
        """Count a frame; whether it is to be added."""
        self._count += 1
        return (self._count - 1) % self._stride == 0

    def add(self, at: float, picture: Image.Image) -> None:
        """Keep a small picture, shown at that moment."""
        self._held.append((at, picture))
        if len(self._held) > _HELD:
            # From now on half as many: the stride doubles, and what is held is what it would have taken.
            self._held = self._held[::2]
            self._stride *= 2

    def pictures(self) -> list[Image.Image]:
        """A few of the pictures, all of the first one's size, in their order."""
        if not self._held:
            return []
        first, last = self._held[0][0], self._held[-1][0]
        wanted = (first + (last - first) * step / (FRAMES - 1) for step in range(FRAMES))
        nearest = {
            min(range(len(self._held)), key=lambda place: abs(self._held[place][0] - moment))
            for moment in wanted
        }
        chosen = [self._held[place][1] for place in sorted(nearest)]
        return [picture for picture in chosen if picture.size == chosen[0].size]


class Encoded(NamedTuple):
    """Pictures as WebP, and their size."""

    frames: tuple[bytes, ...]
    width: int
    height: int


def small(picture: Image.Image, side: int) -> Image.Image:
    """Return a copy in RGB or RGBA as it is to be shown, upright, its longer side at most `side` pixels."""
    turn = _UPRIGHT.get(picture.getexif().get(ORIENTATION, 1))
    if picture.mode in _SAMPLED:
        picture = picture.resize(fitted(*picture.size, 4 * side), Resampling.NEAREST)
    if picture.mode in WIDE:
        picture = _as_bytes(picture)
    if picture.mode in _SAMPLED or picture.has_transparency_data:
        picture = picture.convert("RGBA" if picture.has_transparency_data else "RGB")
    picture = shrunk(picture, side)
    if picture.mode not in ("RGB", "RGBA"):
        picture = picture.convert("RGB")
    return picture if turn is None else picture.transpose(turn)


def shrunk(picture: Image.Image, side: int) -> Image.Image:
    """Return a picture whose pixels can be averaged, its longer side at most `side` pixels."""
    return picture.resize(fitted(*picture.size, side), Resampling.BICUBIC, reducing_gap=_GAP)


def fitted(width: int, height: int, side: int) -> tuple[int, int]:
    """Width and height with the longer one at most `side`; nothing is made larger."""
    factor = min(side / max(width, height), 1.0)
    return max(round(width * factor), 1), max(round(height * factor), 1)


def encoded(pictures: Sequence[Image.Image]) -> Encoded | None:
    """Return pictures of one size as WebP, as good as fits into the bytes that each may take; None: none fits."""
    most_bytes = ONE_BYTES if len(pictures) == 1 else SOME_BYTES
    for part, quality in ((1, _QUALITY), (1, _LESS_QUALITY), (2, _LESS_QUALITY)):
        width, height = (max(side // part, 1) for side in pictures[0].size)
        frames = [_webp(picture, (width, height), quality) for picture in pictures]
        if max(map(len, frames)) <= most_bytes:
            return Encoded(tuple(frames), width, height)
    return None


def _webp(picture: Image.Image, size: tuple[int, int], quality: int) -> bytes:
    buffer = io.BytesIO()
    # Or Pillow would copy what the server's file holds beside its pixels: profiles, EXIF and XMP.
    bare = picture.resize(size) if picture.size != size else picture.copy()
    bare.info.clear()
    bare.save(buffer, "WEBP", quality=quality, method=1)
    return buffer.getvalue()


def _as_bytes(picture: Image.Image) -> Image.Image:
    """Return a picture of wide pixels as one of 256 levels.

    16 bits have a black and a white. Other numbers, such as a map of depths, have none: there they are the least and
    the most.
    """
    is_16_bit = picture.mode.startswith("I;16") or (picture.mode == "I" and picture.format == "PNG")
    numbers = (picture.convert("I") if picture.mode.startswith("I;16") else picture).convert("F")
    edges: Any = numbers.getextrema()  # two numbers, as there is one channel
    low, high = (0, _16_BITS) if is_16_bit else edges
    scale = 255 / ((high - low) or 1)
    return numbers.point(lambda level: level * scale + -low * scale).convert("L")
