"""How much is decoded at most: a few kilobytes can unfold into more pixels than there is memory or time for."""

from __future__ import annotations

from pytest_modal_bench.answers.decoding.findings import Unusable

MAX_FRAME_PIXELS = 64_000_000
"""An 8K frame is 33 million; at eight bytes a pixel, three copies of this fit into 2 GiB."""
MAX_FRAMES = 20_000
"""Eleven minutes at 30 frames per second."""
MAX_PIXELS = 4_000_000_000
"""Over all frames: a minute of 1920 x 1080 at 30 frames per second."""
MAX_SAMPLES = 1_000_000_000
"""Of sound, over all channels: almost three hours of 48 kHz in stereo. A few kilobytes of FLAC unfold into an hour."""
MAX_ENTRIES = 100_000
"""Files in an archive."""
MAX_UNPACKED_BYTES = 4 << 30
"""Of an archive, over all its files: what takes half a minute to unpack."""
MAX_RATIO = 1032
"""Bytes that a byte of an archive unfolds into at most: DEFLATE's own limit (zlib.net, "zlib Technical Details")."""


def check(width: int, height: int, frames: int) -> None:
    """Raise `Unusable` if `frames` frames of that size are too much to decode."""
    if width * height > MAX_FRAME_PIXELS:
        raise Unusable(f"too many pixels: {width} x {height}")
    if frames > MAX_FRAMES:
        raise Unusable(f"too many frames: {frames}, where {MAX_FRAMES} are decoded at most")
    if frames * width * height > MAX_PIXELS:
        raise Unusable(f"too many pixels: {frames} frames of {width} x {height}")
