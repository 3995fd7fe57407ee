"""What many endpoints together say of how much each varies: variances of few runs, held up by all others.

Source: Smyth, Linear Models and Empirical Bayes Methods for Assessing Differential Expression in Microarray
Experiments, Statistical Applications in Genetics and Molecular Biology 3 (2004), article 3, section 6.2 and appendix.
"""

from __future__ import annotations

import math
from statistics import fmean
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

_LARGE = 10.0
"""From here on the asymptotic series have more than ten digits."""
_CLOSE = 1e-10
_CAUTION = 0.75
"""Standard errors by which the endpoints' unlikeness is put above its best guess, and so the prior's weight below: a
guess that is too sure of it makes false alarms, one that is too unsure costs little."""


class Spread(NamedTuple):
    """A variance, and the degrees of freedom with which it is known."""

    variance: float
    degrees: float

    def moderated(self, prior: Spread) -> Spread:
        """Return both together, each by its degrees of freedom."""
        if math.isinf(prior.degrees):
            return prior
        degrees = prior.degrees + self.degrees
        if not degrees:
            return self
        known = prior.degrees * prior.variance + self.degrees * self.variance
        return Spread(known / degrees, degrees)


NOTHING = Spread(0.0, 0.0)
"""The prior of those who have nobody beside them."""


def prior(spreads: Sequence[Spread]) -> Spread:
    """Return what is to be expected of a variance before it is looked at, from those of all endpoints.

    Its degrees of freedom are infinite if they differ by less than chance has it. A single one says nothing.
    """
    known = [spread for spread in spreads if spread.variance > 0 and spread.degrees > 0]
    if len(known) < 2:  # noqa: PLR2004 - differences take two
        return NOTHING
    levels = [
        math.log(spread.variance) - digamma(spread.degrees / 2) + math.log(spread.degrees / 2)
        for spread in known
    ]
    level = fmean(levels)
    varies = sum((each - level) ** 2 for each in levels) / (len(known) - 1)
    unsure = _CAUTION * varies * math.sqrt(2 / (len(known) - 1))
    beyond_chance = varies - fmean(trigamma(spread.degrees / 2) for spread in known) + unsure
    if beyond_chance <= 0:
        return Spread(math.exp(level), math.inf)
    half = trigamma_inverse(beyond_chance)
    return Spread(math.exp(level + digamma(half) - math.log(half)), 2 * half)


def digamma(x: float) -> float:
    """Return the derivative of log Γ at `x` > 0. Source: NIST DLMF 5.5.2 and 5.11.2."""
    less = 0.0
    while x < _LARGE:
        less += 1 / x
        x += 1
    square = 1 / (x * x)
    series = square * (1 / 12 - square * (1 / 120 - square * (1 / 252 - square * (1 / 240 - square / 132))))
    return math.log(x) - 1 / (2 * x) - series - less


def trigamma(x: float) -> float:
    """Return the derivative of `digamma` at `x` > 0. Source: NIST DLMF 5.15.5 and 5.15.8."""
    more = 0.0
    while x < _LARGE:
        more += 1 / (x * x)
        x += 1
    square = 1 / (x * x)
    series = square * (1 / 6 - square * (1 / 30 - square * (1 / 42 - square * (1 / 30 - square * 5 / 66))))
    return 1 / x + square / 2 + series / x + more


def trigamma_inverse(value: float) -> float:
    """Return the x at which `trigamma` is `value` > 0, by bisection of its logarithm: it falls all the way."""
    low, high = math.log(1e-12), math.log(1e12)
    while high - low > _CLOSE:
        middle = (low + high) / 2
        if trigamma(math.exp(middle)) > value:
            low = middle
        else:
            high = middle
    return math.exp((low + high) / 2)
