"""How loud a sound is over its time, for people to look at: a few numbers, whatever its length."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

from PIL import Image

from pytest_modal_bench.answers.previews.limits import PEAKS

_FIRST_BLOCK = 64
"""Samples of each channel in a block, of which there are twice as many as peaks at most; then they are joined."""
# FFmpeg's samples by name: Pillow's mode and raw mode, the middle, and full scale. Pillow finds extremes in C.
_SAMPLES = {
    "u8": ("L", "L", 1 << 7, 1 << 7),
    "s16": ("I", "I;16NS", 0, 1 << 15),
    "s32": ("I", "I;32NS", 0, 1 << 31),
    "flt": ("F", "F;32NF", 0, 1),
    "dbl": ("F", "F;64NF", 0, 1),
}


class Peaks:
    """The loudest of each of so many equal parts of a sound, whose length is not known before its end."""

    def __init__(self) -> None:
        self._block = _FIRST_BLOCK
        self._filled = 0
        """Samples in the last block."""
        self._peaks: list[float] = []

    def add(self, frame: Any) -> None:
        """Take a frame of sound in."""
        kind = frame.format.packed.name
        if kind not in _SAMPLES:
            return
        step = frame.format.bytes * (1 if frame.format.is_planar else frame.layout.nb_channels)
        planes = [memoryview(plane).cast("B") for plane in frame.planes]
        at = 0
        while at < frame.samples:
            end = at + min(self._block - self._filled, frame.samples - at)
            self._take(max(_loudest(kind, plane[at * step : end * step]) for plane in planes), end - at)
            at = end

    def values(self) -> tuple[float, ...]:
        """The loudest of each part, 0 to 1."""
        parts = min(PEAKS, len(self._peaks))
        ends = [len(self._peaks) * part // parts for part in range(parts + 1)] if parts else []
        return tuple(round(max(self._peaks[start:end]), 3) for start, end in pairwise(ends))

    def _take(self, level: float, samples: int) -> None:
        if self._filled:
            self._peaks[-1] = max(self._peaks[-1], level)
        else:
            self._peaks.append(level)
        self._filled = (self._filled + samples) % self._block
        if len(self._peaks) == 2 * PEAKS and not self._filled:
            self._peaks = [max(pair) for pair in zip(self._peaks[::2], self._peaks[1::2], strict=True)]
            self._block *= 2


def _loudest(kind: str, data: memoryview) -> float:
    """How far samples move from the middle, as a part of full scale."""
    mode, raw, middle, full_scale = _SAMPLES[kind]
    width = {"u8": 1, "s16": 2, "dbl": 8}.get(kind, 4)
    image = Image.frombytes(mode, (len(data) // width, 1), bytes(data), "raw", raw, 0, 1)
    edges: Any = image.getextrema()  # two numbers, as there is one channel
    level = max(abs(edge - middle) for edge in edges) / full_scale
    return min(level, 1.0) if math.isfinite(level) else 0.0
