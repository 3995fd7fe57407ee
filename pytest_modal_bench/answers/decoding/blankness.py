"""Whether a picture shows nothing: one colour, or all but.

For every channel, a window of `WINDOW` neighbouring levels of the 256 must hold `SHARE` of all pixels. Where
that window lies does not matter: black, white and grey are blank alike, and a dark picture with structure in
it is not. FFmpeg's `blackdetect` counts a picture as black from 98 % of its pixels on, within a tenth of the
scale; this is stricter on both counts, because a thin drawing on white, or a mask with one small spot, is a
legitimate answer. Transparent pixels are one colour, whatever colour lies beneath.
"""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image

WINDOW = 7
"""Levels: what lossy coding makes of a flat field stays within three of it; they can't be seen apart."""
SHARE = 0.999
"""What is left over is a square of 16 pixels in a picture of 512 x 512: less than a character of text."""

_LEVELS = 256
# Modes whose pixels are wider than a byte: Pillow would clip them, not scale them.
_WIDE = ("I", "F", "I;16", "I;16L", "I;16B", "I;16N")


def is_blank(picture: Image.Image) -> bool:
    """Whether every pixel of `picture`, bar one in a thousand, has (almost) the same colour."""
    if picture.mode in _WIDE:
        low, high = picture.getextrema()
        return low == high
    seen = picture
    if picture.has_transparency_data:
        # Premultiplied: what is transparent becomes one and the same nothing.
        seen = picture.convert("RGBA").convert("RGBa")
    elif picture.mode not in ("L", "RGB"):
        seen = picture.convert("RGB")
    counts = seen.histogram()
    enough = SHARE * seen.width * seen.height
    return all(
        _fullest_window(counts[start : start + _LEVELS]) >= enough for start in range(0, len(counts), _LEVELS)
    )


def _fullest_window(counts: list[int]) -> int:
    """How many pixels the `WINDOW` neighbouring levels hold that hold most."""
    up_to = [0, *accumulate(counts)]
    return max(up_to[end] - up_to[end - WINDOW] for end in range(WINDOW, len(up_to)))
