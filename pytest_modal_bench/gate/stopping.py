"""When an endpoint has had enough warm calls: their median is known well enough to decide what it is held against.

It is looked at after so many calls, and each look may stop it; so each has a part of the error that all may make
together (Bonferroni). More calls to one container say nothing of other runs: what is decided is this run's median.
"""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

from pytest_modal_bench.gate.statistics import median_interval

if TYPE_CHECKING:
    from collections.abc import Sequence

LOOKS = (8, 10, 14, 20, 30)
"""After how many calls it is looked whether they are enough; after the last they are."""
ERROR = 0.05
"""How often at most an interval, of all that are looked at, may miss the median of what is measured."""
NARROW = 0.05
"""Half the width of an interval, as a share of its median, from which on it is narrow, with nothing to be decided."""


def enough(values: Sequence[float], limit: float | None) -> bool:
    """Whether the median of a run's `values` is known well enough.

    `limit`: in their unit, what the median is held against; an interval that lies on one side of it is enough.
    None: there is nothing to decide, and the interval has to be narrow.
    """
    n = len(values)
    if n >= LOOKS[-1]:
        return True
    if n not in LOOKS:
        return False
    interval = median_interval(values, 1 - ERROR / len(LOOKS))
    if interval is None:
        return False
    low, high = interval
    if limit is not None:
        return high < limit or low > limit
    return high - low <= 2 * NARROW * median(values)
