"""Whether a picture shows nothing: one colour, or all but.

For every channel, a window of `WINDOW` neighbouring levels of the 256 must hold `SHARE` of all pixels. Where
that window lies does not matter: black, white and grey are blank alike, and a dark picture with structure in
it is not. FFmpeg's `blackdetect` counts a picture as black from 98 % of its pixels on, within a tenth of the
scale; this is stricter on both counts, because a thin drawing on white, or a mask with one small spot, is a
legitimate answer. Transparent pixels are one colour, whatever colour lies beneath.

Structure settles it where levels alone would not: noise has no solid patch of another level. In a still picture, a
patch outside the window is something drawn. In one whose levels are numbers (a palette's indices, the classes of a
mask), so is a patch of any other number, however close. What lossy coding leaves is made of such patches, too, so that
this does not hold for JPEG, colours and films.
"""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING

from PIL import ImageChops, ImageFilter

if TYPE_CHECKING:
    from PIL import Image

WINDOW = 7
"""Levels: what lossy coding makes of a flat field stays within three of it; they can't be seen apart."""
SHARE = 0.999
"""What is left over is a square of 16 pixels in a picture of 512 x 512: less than a character of text."""

_LEVELS = 256
# Modes whose pixels are wider than a byte: Pillow would clip them, not scale them.
_WIDE = ("I", "F", "I;16", "I;16L", "I;16B", "I;16N")
_WITH_TRANSPARENCY = ("PA", "LA", "RGBA")
_INDICES = ("P", "L", "1")
_PATCH = 3
"""Pixels a side whose neighbours are all alike; four such pixels make a patch of 4 x 4."""
_PATCH_PIXELS = 4
_PATCH_SHARE = 0.1
"""Of the pixels that differ from the most frequent level, as many lie within patches; in noise hardly any do."""


def is_blank(picture: Image.Image, *, still: bool = True) -> bool:
    """Whether every pixel of `picture`, bar one in a thousand, has (almost) the same colour, without structure.

    Of a frame of a film, which is not `still`, structure is not asked.
    """
    if picture.mode in _WIDE:
        # Pillow knows no extremes of 16 bits in the other byte order, but how to widen them.
        low, high = (picture if picture.mode in ("I", "F", "I;16") else picture.convert("I")).getextrema()
        return low == high
    seen = picture
    if picture.has_transparency_data:
        # Premultiplied: what is transparent becomes one and the same nothing.
        seen = picture.convert("RGBA").convert("RGBa")
    elif picture.mode in ("P", "1"):
        seen = picture.convert("RGB")
    counts = seen.histogram()
    enough = SHARE * seen.width * seen.height
    bands = [counts[start : start + _LEVELS] for start in range(0, len(counts), _LEVELS)]
    windows = [_fullest_window(band) for band in bands]
    if any(held < enough for _, held in windows):
        return False
    return not still or not (
        _has_patch_outside(seen, [first for first, _ in windows]) or _has_classes(picture)
    )


def _fullest_window(counts: list[int]) -> tuple[int, int]:
    """The first of the `WINDOW` neighbouring levels that hold most pixels, and how many they hold."""
    up_to = [0, *accumulate(counts)]
    held, end = max((up_to[end] - up_to[end - WINDOW], end) for end in range(WINDOW, len(up_to)))
    return end - WINDOW, held


def _has_patch_outside(picture: Image.Image, firsts: list[int]) -> bool:
    """Whether pixels outside the window of a channel lie together."""
    for band, first in zip(picture.split(), firsts, strict=True):
        outside = band.point([0 if first <= level < first + WINDOW else 255 for level in range(_LEVELS)])
        if outside.getbbox() is None:
            continue
        if outside.filter(ImageFilter.MinFilter(_PATCH)).histogram()[-1] >= _PATCH_PIXELS:
            return True
    return False


def _has_classes(picture: Image.Image) -> bool:
    """Whether the levels of a picture are numbers of classes: whole patches have another one than the rest."""
    if picture.mode not in _INDICES or picture.format == "JPEG":
        return False
    # A palette's indices are compared as they are; filters want them to be called levels.
    levels = picture.convert("L") if picture.mode == "1" else picture.copy()
    if levels.mode == "P":
        levels.putpalette(bytes(value for level in range(_LEVELS) for value in (level, level, level)))
        levels = levels.convert("L")
    counts = levels.histogram()
    most = counts.index(max(counts))
    others = sum(counts) - counts[most]
    if not others:
        return False
    varied = ImageChops.difference(
        levels.filter(ImageFilter.MaxFilter(_PATCH)), levels.filter(ImageFilter.MinFilter(_PATCH))
    )
    differs = levels.point([0 if level == most else 255 for level in range(_LEVELS)])
    within = ImageChops.multiply(differs, varied.point([255] + [0] * (_LEVELS - 1))).histogram()[-1]
    return within >= max(_PATCH_PIXELS, _PATCH_SHARE * others)
