from __future__ import annotations

from fractions import Fraction
from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_runs import sample

from pytest_modal_bench.model import Phases
from pytest_modal_bench.report.timing import Timing, median_interval


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


def test_a_failed_sample_counts_and_is_no_latency() -> None:
    times = Timing.of([sample("warm", 3.0), sample("warm", 600.0, ok=False), sample("warm", 1.0)])
    assert (times.ok, times.n, times.median, times.low, times.high) == (2, 3, 2.0, 1.0, 3.0)


def test_failures_alone_have_no_times() -> None:
    times = Timing.of([sample("warm", 600.0, ok=False, phases=Phases(wait_sec=600.0))])
    assert (times.ok, times.n, times.median, times.interval, times.low, times.high) == (0, 1, *[None] * 4)
    assert times.phases == Phases()


def test_phases_are_medians_over_the_samples_that_had_them() -> None:
    connected = sample(phases=Phases(connect_sec=0.3, wait_sec=1.0))
    kept = [sample(phases=Phases(wait_sec=seconds)) for seconds in (2.0, 9.0)]
    assert Timing.of([connected, *kept]).phases == Phases(connect_sec=0.3, wait_sec=2.0)
