from __future__ import annotations

from fractions import Fraction
from statistics import median
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_runs import result, sample

from pytest_modal_bench.model.series import calls, reaches, series, sum_up

if TYPE_CHECKING:
    from pytest_modal_bench.model import Sample


def timed_out(deadline_sec: float = 5.0) -> Sample:
    return sample(elapsed_sec=deadline_sec, ok=False, cause="timeout", error="Timeout")


@given(st.lists(st.floats(0.001, 4.0), max_size=9), st.integers(0, 9), st.integers(0, 3))
def test_a_median_is_known_as_long_as_fewer_than_half_of_the_times_are_censored(
    answered: list[float], censored: int, broken: int
) -> None:
    samples = [
        *(sample(elapsed_sec=seconds) for seconds in answered),
        *(timed_out() for _ in range(censored)),
        *(sample(ok=False, cause="application") for _ in range(broken)),
    ]
    found = sum_up(samples)

    assert (found.answered, found.n) == (len(answered), len(samples))
    assert found.partial == (0 < len(answered) < len(samples))
    if censored and censored >= len(answered):
        assert (found.median, found.censored_at) == (None, 5.0)
    else:
        # Wherever the censored times lie above the deadline, the median is the same.
        assert found.censored_at is None
        assert found.median == (median([*answered, *[9.0] * censored]) if answered else None)


def test_a_failed_call_belongs_to_the_series_that_it_was_meant_for() -> None:
    failed = sample("first", asked="warm", ok=False, cause="application")
    met_another = sample("first", asked="warm", dropped="the container changed")

    assert calls([sample(), failed, met_another], "warm") == [sample(), failed]
    assert series(result(samples=[failed]), "first").n == 0


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_a_share_is_compared_as_it_is_written(of: tuple[int, int]) -> None:
    good, n = of
    for digits in range(1, 5):
        written = round(good / n, digits)
        assert reaches(good, n, written) == (Fraction(good, n) >= Fraction(str(written)))


@pytest.mark.parametrize(("good", "n", "share"), [(7, 25, 0.28), (29, 50, 0.58), (57, 100, 0.57), (3, 3, 1)])
def test_a_share_that_is_just_reached_is_reached(good: int, n: int, share: float) -> None:
    assert reaches(good, n, share)
    assert not reaches(good - 1, n, share)
