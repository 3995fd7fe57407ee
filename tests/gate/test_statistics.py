from __future__ import annotations

import time
from bisect import bisect_right
from fractions import Fraction
from itertools import accumulate, pairwise
from math import ceil, comb
from statistics import median
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pytest_modal_bench.gate.statistics import (
    chance_of_more,
    fewest_for,
    median_interval,
    outliers,
    percentile,
    wilson_interval,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

# Here and not in a test: pytester forgets what a test imports, and numpy can't be imported twice.
scipy_stats = pytest.importorskip("scipy.stats")


@pytest.mark.parametrize("n", range(6))
def test_fewer_than_six_values_give_no_interval(n: int) -> None:
    assert median_interval(range(n)) is None


@pytest.mark.parametrize(
    ("n", "low", "high"),
    # The ranks that tables of the sign test give for 95 %.
    [(6, 1, 6), (8, 1, 8), (9, 2, 8), (10, 2, 9), (15, 4, 12), (20, 6, 15), (25, 8, 18), (30, 10, 21)],
)
def test_interval_of_known_ranks(n: int, low: int, high: int) -> None:
    assert median_interval(range(n, 0, -1)) == (low, high)


@given(st.integers(6, 400))
def test_interval_is_the_narrowest_that_covers_enough(n: int) -> None:
    interval = median_interval(range(1, n + 1))
    assert interval is not None
    low, high = interval
    rank = round(low)
    assert high == n + 1 - rank

    def coverage(k: int) -> Fraction:
        return Fraction(2**n - 2 * sum(comb(n, i) for i in range(k)), 2**n)

    assert coverage(rank) >= Fraction(95, 100)
    assert coverage(rank + 1) < Fraction(95, 100)


def exact_interval(n: int, ways: Sequence[int], confidence: float) -> tuple[float, float] | None:
    """Return the interval for the values 1 to `n` by its definition, in whole numbers of any length.

    In `ways[i]` of 2**n cases, i of the values are below the median.
    """
    missed = [0, *accumulate(2 * each for each in ways[: n // 2])]
    k = bisect_right(missed, Fraction(1 - confidence) * 2**n) - 1
    return (k, n + 1 - k) if k else None


def test_the_interval_of_up_to_1000_values_is_that_of_exact_arithmetic() -> None:
    ways = [1]
    for n in range(1, 1001):
        ways = [1, *(a + b for a, b in pairwise(ways)), 1]
        assert median_interval(range(1, n + 1)) == exact_interval(n, ways, 0.95)


@settings(deadline=None)
@given(st.integers(0, 1500), st.floats(0, 1))
@example(3, 0.75)
@example(9, 1 - 2**-8)
@example(1500, 1.0)
@example(1500, 0.0)
def test_any_confidence_has_the_interval_of_exact_arithmetic(n: int, confidence: float) -> None:
    ways = [comb(n, i) for i in range(n // 2)]
    assert median_interval(range(1, n + 1), confidence) == exact_interval(n, ways, confidence)


def test_the_interval_of_a_hundred_thousand_values_takes_less_than_two_seconds() -> None:
    begun = time.perf_counter()
    interval = median_interval(range(1, 100_001))
    took = time.perf_counter() - begun

    assert took < 2
    assert interval == (49_690, 50_311)


@settings(deadline=None)  # the first example imports scipy
@given(st.integers(0, 60), st.integers(0, 60))
def test_wilsons_interval_is_that_of_scipy(successes: int, failures: int) -> None:
    n = successes + failures
    interval = wilson_interval(successes, n)
    if n == 0:
        assert interval is None
        return
    expected = scipy_stats.binomtest(successes, n).proportion_ci(method="wilson")
    assert interval == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_three_of_three_is_no_certainty() -> None:
    low, high = wilson_interval(3, 3) or (0, 0)
    assert (round(low, 2), high) == (0.44, 1.0)


def test_an_outlier_is_far_from_the_median_measured_by_the_others() -> None:
    assert outliers([1.0, 1.1, 0.9, 1.0, 1.05, 9.0]) == [5]
    assert outliers([1.0, 1.1, 0.9, 1.0, 1.05, 1.2]) == []


def test_few_or_equal_values_have_no_outliers() -> None:
    assert outliers([1.0, 1.0, 1.0, 9.0]) == []
    assert outliers([2.0] * 10) == []
    assert outliers([2.0] * 9 + [3.0]) == [9], "the mean deviation serves where the median one is zero"


@given(st.lists(st.floats(0.001, 1000), max_size=30))
def test_outliers_are_few_and_never_the_median(values: list[float]) -> None:
    found = outliers(values)
    assert not any(values[index] == median(values) for index in found)
    assert len(found) * 2 <= len(values)


@pytest.mark.parametrize(("share", "n"), [(0.5, 5), (0.9, 29), (0.95, 59), (0.99, 299)])
def test_a_percentile_takes_so_many_values_that_one_lies_above_the_true_one(share: float, n: int) -> None:
    assert fewest_for(share) == n
    assert 1 - share**n >= 0.95 > 1 - share ** (n - 1)
    assert percentile(range(n - 1), share) is None
    assert percentile(range(n), share) == ceil(share * n) - 1


@given(st.integers(1, 40), st.floats(0.01, 0.99), st.data())
def test_the_chance_of_so_many_successes_is_that_of_the_binomial_distribution(
    n: int, share: float, data: st.DataObject
) -> None:
    k = data.draw(st.integers(0, n))

    assert chance_of_more(k, n, share) == pytest.approx(scipy_stats.binom.sf(k - 1, n, share))
