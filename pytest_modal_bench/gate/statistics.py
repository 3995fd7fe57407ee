"""Statistics of few samples: no distribution is assumed, and what few samples can't say is None."""

from __future__ import annotations

import math
from fractions import Fraction
from functools import cache
from statistics import NormalDist, fmean, median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

OUTLIER_Z = 3.5
"""Modified z-score of an outlier (Iglewicz and Hoaglin, How to Detect and Handle Outliers, 1993, section 3)."""

_MAD_TO_SIGMA = 0.6745
"""The normal distribution's third quartile: what makes a median deviation comparable to a standard one."""
_MEAN_TO_SIGMA = 1.253314
"""sqrt(pi / 2): the same for a mean deviation, which serves where the median one is zero."""
_FEWEST_FOR_OUTLIERS = 5

_ONE = 2**256
"""The probability 1 as a whole number. Up to 256 values every probability is then a whole number, without an error."""


def median_interval(values: Sequence[float], confidence: float = 0.95) -> tuple[float, float] | None:
    """Return the narrowest symmetric pair of order statistics that holds the true median with `confidence`.

    It is exact and assumes nothing of the distribution: the pair (k, n + 1 - k) misses the median with
    probability 2 P(Bin(n, 1/2) < k). None if even the extremes miss it too often, as for 95 % and n < 6.
    Source: David and Nagaraja, Order Statistics, 3rd edition (2003), section 7.1.
    """
    k = _rank(len(values), confidence)
    ordered = sorted(values)
    return (ordered[k - 1], ordered[-k]) if k else None


def _rank(n: int, confidence: float) -> int:
    """Return the largest k for which 2 P(Bin(n, 1/2) < k) is at most `1 - confidence`; 0 if there is none.

    It starts at the median and goes down, since k is near. Numbers of 256 bits are wrong by less than n / 2**256;
    exact ones have n bits, and take seconds for thousands of values.
    """
    likely = _ONE
    for j in range(1, (n + 1) // 2 + 1):
        likely = likely * (2 * j - 1) // (2 * j)
    # Now `likely` is P(Bin(n, 1/2) = k) for the k in the middle; with an odd n there are two of them.
    k = n // 2
    missed = _ONE - likely * (1 + n % 2)
    while k and missed > (1 - confidence) * _ONE:
        likely = likely * k // (n - k + 1)
        k -= 1
        missed -= 2 * likely
    return k


def wilson_interval(successes: int, n: int, confidence: float = 0.95) -> tuple[float, float] | None:
    """Return the interval of a probability of which `successes` of `n` tries are known; None without a try.

    Source: Wilson, Probable Inference, the Law of Succession, and Statistical Inference, JASA 22 (1927), 209-212.
    """
    if n == 0:
        return None
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    share = successes / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return max(middle - half, 0.0), min(middle + half, 1.0)


@cache
def fewest_for(share: float, confidence: float = 0.95) -> int:
    """Return how many values a percentile takes: with so many, one of them lies above the true one with `confidence`.

    All n lie below it with probability share^n, so it is the least n for which that is at most `1 - confidence`: 5 for
    the median, 29 for the 90th percentile, 59 for the 95th, 299 for the 99th. Source: Wilks, Determination of Sample
    Sizes for Setting Tolerance Limits, Annals of Mathematical Statistics 12 (1941), 91-96.
    """
    n = 1
    while Fraction(repr(share)) ** n > 1 - Fraction(repr(confidence)):
        n += 1
    return n


def percentile(ordered: Sequence[float], share: float) -> float | None:
    """Return the least value that at least `share` of the `ordered` ones do not exceed; None: there are too few.

    It is one of the values, never something between two. Source: Hyndman and Fan, Sample Quantiles in Statistical
    Packages, The American Statistician 50 (1996), 361-365, definition 1.
    """
    if len(ordered) < fewest_for(share):
        return None
    return ordered[math.ceil(Fraction(repr(share)) * len(ordered)) - 1]


def chance_of_more(k: int, n: int, share: float) -> float:
    """Return how likely `k` or more of `n` tries succeed, each of which does so with probability `share`."""
    return math.fsum(math.comb(n, j) * share**j * (1 - share) ** (n - j) for j in range(k, n + 1))


def outliers(values: Sequence[float]) -> list[int]:
    """Return the positions of values whose modified z-score is beyond `OUTLIER_Z`; none of fewer than five values."""
    if len(values) < _FEWEST_FOR_OUTLIERS:
        return []
    middle = median(values)
    deviations = [abs(value - middle) for value in values]
    spread = median(deviations) / _MAD_TO_SIGMA or fmean(deviations) * _MEAN_TO_SIGMA
    if not spread:
        return []
    return [index for index, deviation in enumerate(deviations) if deviation / spread > OUTLIER_Z]
