from __future__ import annotations

import statistics
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_modal_bench.load.schedule import Split, meant, own
from pytest_modal_bench.load.spec import Step, parse


def step(text: str) -> Step:
    return parse(text).steps[0]


def test_even_arrivals_are_at_equal_distances_from_the_beginning_on_and_end_with_the_duration() -> None:
    assert list(meant(step("rate=0.5 duration=6"), "")) == [0.0, 2.0, 4.0]


def test_a_long_even_schedule_does_not_drift() -> None:
    assert list(meant(step("rate=10 duration=1000"), ""))[-1] == 999.9


def test_poisson_arrivals_have_independent_exponential_distances() -> None:
    arrivals = list(meant(step("rate=50 duration=200 arrivals=poisson"), "7"))
    gaps = [later - earlier for earlier, later in pairwise(arrivals)]
    # Of an exponential distribution mean and standard deviation are equal; n is about 10,000.
    assert statistics.mean(gaps) == pytest.approx(0.02, rel=0.05)
    assert statistics.stdev(gaps) == pytest.approx(0.02, rel=0.05)
    assert statistics.correlation(gaps[1:], gaps[:-1]) == pytest.approx(0.0, abs=0.05)


def test_the_same_seed_draws_the_same_arrivals_and_another_one_others() -> None:
    poisson = step("rate=5 duration=10 arrivals=poisson")
    assert list(meant(poisson, "1")) == list(meant(poisson, "1")) != list(meant(poisson, "2"))


@given(st.integers(1, 7), st.integers(0, 60))
def test_shares_make_the_whole_schedule_once_also_where_one_is_gone_from_a_moment_on(
    of: int, after: int
) -> None:
    whole = list(meant(step("rate=1 duration=60"), ""))
    made: list[float] = []
    for share in range(of):
        splits = [Split(after_sec=0.0, share=share, of=of)]
        if of > 1:
            # The last one is gone: what it was to make is made by the others.
            splits.append(Split(after_sec=float(after), share=share if share < of - 1 else -1, of=of - 1))
        made += own(iter(whole), splits)
    assert sorted(made) == whole


def test_what_has_no_schedule_says_so() -> None:
    with pytest.raises(ValueError, match="burst=2 has no schedule"):
        list(meant(step("burst=2"), ""))
