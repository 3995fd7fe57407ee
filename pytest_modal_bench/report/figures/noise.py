"""When times of one run differ by more than noise explains."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

CLEAR = 1.4
"""Ratio of two medians from which on they differ for more than noise.

The calls of one run share a container and an hour, so how much they scatter says little. Medians of an unchanged
endpoint differ from run to run by up to 10 % (one standard deviation), and those of two endpoints by the root of two of
it: one pair in a hundred differs by more than e^(2.33 * 0.10 * 1.41) = 1.39 for no reason.
"""


def clearly_less(less: Sequence[float], more: Sequence[float]) -> bool:
    """Whether all of `less` lies below all of `more`, and its median by the ratio `CLEAR`."""
    if not less or not more or max(less) >= min(more):
        return False
    return CLEAR * median(less) <= median(more)
