"""Change points: the runs from which on a figure is another one, so that its history has levels instead of one value.

Binary segmentation: the split that separates the values best is kept if chance does not explain it, and both sides are
then searched in the same way. It is looked for in the whole series and in parts of it, half as long, a quarter as long
and so on, each of which overlaps the next by half: so a level that comes and goes again is found, too. Source: Kovacs,
Buehlmann, Li and Munk, Seeded Binary Segmentation, Biometrika 110 (2023), 249-256.

Chance is what the same values do in random orders: a permutation test, which holds whatever the distribution, as long
as runs of one level are alike and independent of each other.

`ruptures` does much more, but needs numpy and scipy, and its penalties have to be tuned to the noise: a level of
significance is what a gate can state. This is small enough to have here.

How often it is wrong and right, by the simulation in `tests/gate/test_change_points.py` with 200 to 1,500 trials. Runs
differ by so much (standard deviation of the logarithm of their medians), and of 12 runs the last 6, 4 or 3 are slower:

| runs differ by | false, no change | +15 %, last 6 | +30 %, last 6 | +30 %, last 4 | +30 %, last 3 | +50 %, last 4 |
|----------------|------------------|---------------|---------------|---------------|---------------|---------------|
| 2 %            | 0.0 %            | 100 %         | 100 %         | 100 %         | 100 %         | 100 %         |
| 4.6 %          | 0.1 %            | 70 %          | 100 %         | 99 %          | 96 %          | 100 %         |
| 8 %            | 0.5 %            | 23 %          | 83 %          | 73 %          | 53 %          | 98 %          |
| 10 %           | 0.7 %            | 10 %          | 57 %          | 51 %          | 33 %          | 93 %          |

Without a least ratio, 1 % are false whatever the noise, heavy tails included (5 % of runs three times as far off, or
Student's t with 3 degrees of freedom). A slow rise comes out as one step or several.
"""

from __future__ import annotations

import math
import random
from functools import lru_cache
from itertools import accumulate, combinations, pairwise
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

LEVEL = 0.01
"""Probability of a change point, at most, in a series without any. Each search inside a found level has half of the
one around it, so that real changes do not add up to false ones."""

FEWEST_BESIDE = 3
"""Runs that a level has, at least."""

FEWEST_RUNS = 10
"""Runs that it takes. Of nine, the clearest split and its mirror image are 2 of 126, and that is above `LEVEL`."""

LEAST_RATIO = 1.10
"""Between two levels, up or down: what is less is not worth a name."""

_EXCEEDED = 20
"""Random orders that may separate as well as the real one before it is given up; enough for a steady p."""

_FAR = 8
"""Standard deviations from the median beyond which a value counts as so far and no farther: one wild run must not hide
a change. It is so many that a new level is not cut off."""
_QN_TO_SIGMA = 2.2219
"""Makes the first quartile of all distances a standard deviation, and hardly any of them are between two levels
(Rousseeuw and Croux, Alternatives to the Median Absolute Deviation, JASA 88, 1993, 1273-1283)."""


class ChangePoint(NamedTuple):
    """Where a series goes from one level to another."""

    at: int
    """Position of the first value of the new level."""
    before: float
    """Median of the level before."""
    after: float
    p: float
    """Probability of so clear a split by chance."""

    @property
    def ratio(self) -> float:
        """After over before."""
        return self.after / self.before


class _Part(NamedTuple):
    """A part of a series, from `start` to before `end`, in which a split is looked for."""

    start: int
    end: int
    weights: list[float]
    """Of each split, beginning with the first that leaves `FEWEST_BESIDE` values before it."""


def change_points(values: Sequence[float], *, least_ratio: float = LEAST_RATIO) -> list[ChangePoint]:
    """Return the change points of a series of positive figures, one a run, oldest first.

    The same values give the same result: they are the seed of the random orders.
    """
    logs = [math.log(value) for value in values]
    # A report is a pure function of its runs. With one seed for all, what is wrong by chance would be so in all series.
    orders = random.Random(repr(logs))  # noqa: S311 - no secret
    found = sorted(_search(logs, 0, LEVEL, math.log(least_ratio), orders))
    bounds = [0, *(at for at, _ in found), len(values)]
    levels = [median(values[start:end]) for start, end in pairwise(bounds) if start < end]
    return [
        ChangePoint(at, before, after, p)
        for (at, p), (before, after) in zip(found, pairwise(levels), strict=True)
    ]


def _search(
    logs: Sequence[float], offset: int, level: float, least: float, orders: random.Random
) -> Iterator[tuple[int, float]]:
    """Yield the place of each change point of a part of a series that begins at `offset`, and its p."""
    if len(logs) < FEWEST_RUNS:
        return
    parts = _parts(len(logs))
    tamed = _without_wild_ones(logs)
    best, part, split = _separation(tamed, parts)
    if abs(median(logs[split : part.end]) - median(logs[part.start : split])) < least:
        return
    p = _by_chance(tamed, parts, best, level, orders)
    if p is None:
        return
    yield offset + split, p
    yield from _search(logs[:split], offset, level / 2, least, orders)
    yield from _search(logs[split:], offset + split, level / 2, least, orders)


@lru_cache(maxsize=64)
def _parts(n: int) -> list[_Part]:
    """Return the parts of a series of `n` values: all of it, its halves, what lies between them, and so on.

    The shortest have about as many runs as a series must have: more parts find more short levels, and fewer others.
    """
    parts = []
    count = 1
    while n / count >= FEWEST_RUNS:
        for number in range(2 * count - 1):
            start, end = round(number * n / count / 2), round((number + 2) * n / count / 2)
            length = end - start
            splits = range(FEWEST_BESIDE, length - FEWEST_BESIDE + 1)
            weights = [math.sqrt(length / (split * (length - split))) for split in splits]
            parts.append(_Part(start, end, weights))
        count *= 2
    return parts


def _separation(logs: Sequence[float], parts: Sequence[_Part]) -> tuple[float, _Part, int]:
    """Return the largest difference between the means of both sides of a split, in standard errors, and where it is.

    The errors are up to a factor that is the same for every order of the values.
    """
    sums = list(accumulate(logs, initial=0.0))
    best, best_part, best_split = -1.0, parts[0], 0
    for part in parts:
        start, end, weights = part
        before = sums[start]
        mean = (sums[end] - before) / (end - start)
        first = start + FEWEST_BESIDE
        differences = [
            abs(sums[split] - before - mean * (split - start)) * weight
            for split, weight in enumerate(weights, first)
        ]
        largest = max(differences)
        if largest > best:
            best, best_part, best_split = largest, part, first + differences.index(largest)
    return best, best_part, best_split


def _by_chance(
    logs: Sequence[float], parts: Sequence[_Part], best: float, level: float, orders: random.Random
) -> float | None:
    """Return the share of orders of the values that have as good a split; None: it is beyond `level`.

    The real order counts as one of them, which makes the test exact for any number of random ones (Phipson and Smyth,
    Permutation P-values Should Never Be Zero, Statistical Applications in Genetics and Molecular Biology 9, 2010).
    """
    tries = round(_EXCEEDED / level)
    shuffled = list(logs)
    as_good = 1
    for _ in range(tries - 1):
        orders.shuffle(shuffled)
        # Sums in another order may differ in their last digits.
        as_good += _separation(shuffled, parts)[0] >= best * (1 - 1e-9)
        if as_good > _EXCEEDED:
            return None
    return as_good / tries


def _without_wild_ones(logs: Sequence[float]) -> list[float]:
    """Bring values nearer that are far away. It does not depend on the order of the values, so the test is exact."""
    distances = sorted(abs(one - other) for one, other in combinations(logs, 2))
    far = _FAR * _QN_TO_SIGMA * distances[len(distances) // 4]
    middle = median(logs)
    return [min(max(value, middle - far), middle + far) for value in logs] if far else list(logs)
