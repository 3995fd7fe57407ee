"""Student's t distribution: its tail and its quantile, for any degrees of freedom, also fractions and infinitely many.

Own code: all else that is used of scipy would be this one function, and scipy with numpy takes over 100 MB. The tests
hold it against scipy's over the range that the gate uses.
"""

from __future__ import annotations

import math
from functools import lru_cache
from itertools import count
from statistics import NormalDist

_NORMAL = NormalDist()
_TINY = 1e-300
_EXACT = 1e-15
_MANY = 1e6
"""Degrees of freedom from which on the normal distribution is the same to seven digits."""


def upper_tail(t: float, degrees: float) -> float:
    """Return P(T > t) for Student's t with `degrees` of freedom, which may be infinite.

    Half of the regularised incomplete beta function I(x; degrees / 2, 1 / 2), x = degrees / (degrees + t²).
    Source: Abramowitz and Stegun, Handbook of Mathematical Functions, 26.7.1.
    """
    if degrees > _MANY:
        return math.erfc(t / math.sqrt(2)) / 2
    both = degrees + t * t
    half = _incomplete_beta(degrees / both, t * t / both, degrees / 2, 0.5) / 2
    return half if t >= 0 else 1 - half


@lru_cache(maxsize=4096)
def quantile(tail: float, degrees: float) -> float:
    """Return the t that is exceeded with the probability `tail`, above 0 and below 1.

    By bisection of `upper_tail`, between bounds that are widened until they hold it.
    """
    if tail > 0.5:  # noqa: PLR2004 - the distribution is symmetric
        return -quantile(1 - tail, degrees)
    low, high = 0.0, 2 * max(1.0, -_NORMAL.inv_cdf(tail))
    while upper_tail(high, degrees) > tail:
        low, high = high, 2 * high
    while high - low > _EXACT * high:
        middle = (low + high) / 2
        if middle in (low, high):
            break
        if upper_tail(middle, degrees) > tail:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _incomplete_beta(x: float, rest: float, a: float, b: float) -> float:
    """The regularised incomplete beta function I(x; a, b). `rest`: 1 - x, which x near 1 has not kept all digits of.

    Its continued fraction, which converges fast below (a + 1) / (a + b + 2); above, 1 - I(1 - x; b, a).
    Source: NIST Digital Library of Mathematical Functions, 8.17.22 and 8.17.4.
    """
    if not x or not rest:
        return x
    if x > (a + 1) / (a + b + 2):
        return 1 - _incomplete_beta(rest, x, b, a)
    scale = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log(rest)
    return math.exp(scale) / a * _fraction(x, a, b)


def _fraction(x: float, a: float, b: float) -> float:
    """1 / (1 + d1 / (1 + d2 / (1 + …))) of DLMF 8.17.22, by Lentz's method (Applied Optics 15, 1976, 668)."""
    value, c, d = 1.0, 1.0, 0.0
    for number in count(1):
        m = number // 2
        if number % 2:
            term = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        else:
            term = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        d = 1 / (1 + term * d or _TINY)
        c = 1 + term / c or _TINY
        value *= c * d
        if abs(c * d - 1) < _EXACT:
            break
    return 1 / value
