"""A history in a few characters: a block a run, as high as its figure."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_BLOCKS = "▁▂▃▄▅▆▇█"
"""Unicode, Block Elements, U+2581 to U+2588: one to eight eighths."""

UNKNOWN_RUN = "·"
"""Stands for a run without the figure."""

_LEAST_RANGE = math.log(1.5)
"""From the lowest block to the highest lies a ratio of 1.5 at least, so that noise of a few per cent looks flat."""


def sparkline(values: Sequence[float | None]) -> str:
    """Return one character for each of `values`, by their logarithms; none if not one is a positive number."""
    logs = [_log(value) for value in values]
    known = [value for value in logs if value is not None]
    if not known:
        return ""
    middle = (min(known) + max(known)) / 2
    low = min(*known, middle - _LEAST_RANGE / 2)
    step = max(max(known) - low, _LEAST_RANGE) / len(_BLOCKS)
    return "".join(
        UNKNOWN_RUN if value is None else _BLOCKS[min(int((value - low) / step), len(_BLOCKS) - 1)]
        for value in logs
    )


def _log(value: float | None) -> float | None:
    return math.log(value) if value is not None and 0 < value < math.inf else None
