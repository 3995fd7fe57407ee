"""How much runs differ when nothing has changed, from the earlier runs of all endpoints; and what is beyond that.

Runs are the unit: what is compared is the logarithm of a run's median. An endpoint's own few runs say little of how
much it varies, so its variance is moderated by those of all others (`moderation`). Worse is what lies above a
prediction limit, Student's t at `FALSE_ALARM` for all comparisons of the run together. Two things make up for what few
endpoints and heavy tails hide: the prior counts for less than its best guess, and a limit is never below the largest
deviation that any endpoint's history shows, in units of its own spread.

Error rates: `benchmarks/gate_errors.py`.
"""

from __future__ import annotations

import math
from statistics import fmean
from typing import TYPE_CHECKING, NamedTuple

from pytest_modal_bench.gate.moderation import NOTHING, Spread, prior
from pytest_modal_bench.gate.student import quantile, upper_tail

if TYPE_CHECKING:
    from collections.abc import Sequence

RUNS = 5
"""Earlier runs that it takes to know what is usual."""
FALSE_ALARM = 0.01
"""How often at most any of a run's comparisons may be beyond its limit by chance, at one measurement."""
POWER = 0.9
"""How often a change is found of the size that a comparison says it would have noticed: both times it is measured."""

_LEAST_SQUARES = 1e-18
"""Variances of logarithms below this are rounding."""


class Usual(NamedTuple):
    """What is usual for one endpoint's metric, in natural logarithms, so that up is worse."""

    mean: float
    error: float
    """Standard error of a new run's difference from `mean`."""
    degrees: float
    """Degrees of freedom of `error`."""
    limit: float
    """Differences above this are worse."""
    noticed: float
    """The smallest difference that is found with `POWER`."""

    def tail(self, value: float) -> float:
        """Return how likely a run is to be as far above the mean by chance, or farther; one-sided."""
        if not self.error:
            return 0.0 if value > self.mean else 1.0
        return upper_tail((value - self.mean) / self.error, self.degrees)


class Noise(NamedTuple):
    """What the earlier runs of all endpoints say of one metric's noise."""

    prior: Spread
    largest: float
    """The largest deviation of an earlier run from the others of its endpoint, in standard errors."""
    comparisons: int
    """How many are made in the run, of all metrics together."""

    def usual(self, earlier: Sequence[float], floor: float) -> Usual:
        """Return what `earlier` logarithms, at least `RUNS` of them, say; less than `floor` more is never worse."""
        spread = _spread(earlier).moderated(self.prior)
        error = math.sqrt(spread.variance * (1 + 1 / len(earlier)))
        beyond = max(quantile(FALSE_ALARM / self.comparisons, spread.degrees), self.largest)
        limit = max(beyond * error, floor)
        # Both measurements have to be beyond the limit.
        missed = quantile(1 - math.sqrt(POWER), spread.degrees)
        return Usual(fmean(earlier), error, spread.degrees, limit, limit + missed * error)


def noise(histories: Sequence[Sequence[float]], comparisons: int) -> Noise:
    """Return the noise of one metric, from each endpoint's earlier logarithms; those of too few runs say nothing."""
    known = [history for history in histories if len(history) >= RUNS]
    expected = prior([_spread(history) for history in known])
    deviations = [_largest_deviation(history, expected) for history in known]
    return Noise(expected, max(deviations, default=0.0), max(comparisons, 1))


def _spread(values: Sequence[float]) -> Spread:
    # Not `statistics.variance`: of thousands of small histories it would take seconds, to be exact to the last digit.
    middle, degrees = fmean(values), len(values) - 1
    found = sum((value - middle) ** 2 for value in values) / degrees
    return Spread(found if found > _LEAST_SQUARES else 0.0, degrees)


def _largest_deviation(history: Sequence[float], expected: Spread) -> float:
    """How far one run lies from all others of its history, as a new run would be compared with them."""
    if expected is NOTHING:
        return 0.0
    largest = 0.0
    for index, value in enumerate(history):
        others = [*history[:index], *history[index + 1 :]]
        spread = _spread(others).moderated(expected)
        error = math.sqrt(spread.variance * (1 + 1 / len(others)))
        if error:
            largest = max(largest, abs(value - fmean(others)) / error)
    return largest
