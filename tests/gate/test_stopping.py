from __future__ import annotations

import random
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_modal_bench.gate.stopping import ERROR, LOOKS, enough


def calls(n: int, spread: float = 0.055, seed: int = 1) -> list[float]:
    drawn = random.Random(seed)
    return [drawn.lognormvariate(0, spread) for _ in range(n)]


def taken(values: list[float], *limits: float) -> int:
    """How many of `values` are taken until they are enough."""
    return next(n for n in range(1, len(values) + 1) if enough(values[:n], limits))


def test_what_is_far_from_its_limit_takes_the_fewest_calls() -> None:
    assert taken(calls(30), 1.5) == taken(calls(30), 0.5) == LOOKS[0]


def test_what_is_close_to_it_takes_more() -> None:
    assert taken(calls(30), median(calls(30))) == LOOKS[-1]


def test_without_a_limit_a_quiet_endpoint_takes_fewer_calls_than_a_noisy_one() -> None:
    assert taken(calls(30, 0.01)) == LOOKS[0]
    assert taken(calls(30, 0.5)) == LOOKS[-1]


@given(st.lists(st.floats(0.001, 1000), max_size=40), st.lists(st.floats(0.001, 1000), max_size=3))
def test_it_is_never_enough_before_the_first_look_and_always_at_the_last(
    values: list[float], limits: list[float]
) -> None:
    found = enough(values, limits)

    assert found or len(values) < LOOKS[-1]
    assert not found or len(values) >= LOOKS[0]


@pytest.mark.parametrize("above", [0.97, 1.03])
def test_a_median_is_put_on_the_wrong_side_of_its_limit_no_more_often_than_stated(above: float) -> None:
    wrong = 0
    for seed in range(1500):
        values = calls(30, seed=seed)
        n = taken(values, above)
        if n < LOOKS[-1]:
            wrong += (median(values[:n]) > above) != (above < 1)
    assert wrong / 1500 <= ERROR
