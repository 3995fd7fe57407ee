from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_modal_bench.gate.noise import FALSE_ALARM, RUNS, noise
from pytest_modal_bench.gate.student import quantile

FLOOR = math.log(1.1)


def histories(endpoints: int, spread: float = 0.08, runs: int = RUNS, seed: int = 5) -> list[list[float]]:
    drawn = random.Random(seed)
    return [[drawn.gauss(level, spread) for _ in range(runs)] for level in range(endpoints)]


def test_one_endpoint_alone_has_students_prediction_limit() -> None:
    (history,) = histories(1)
    usual = noise([history], 1).usual(history, 0.0)

    mean = sum(history) / RUNS
    deviation = math.sqrt(sum((each - mean) ** 2 for each in history) / (RUNS - 1))
    assert usual.mean == pytest.approx(mean)
    assert usual.degrees == RUNS - 1
    assert usual.limit == pytest.approx(quantile(FALSE_ALARM, RUNS - 1) * deviation * math.sqrt(1 + 1 / RUNS))


def test_other_endpoints_make_few_runs_say_more() -> None:
    of_many = histories(21)
    alone = noise(of_many[:1], 1).usual(of_many[0], 0.0)
    among = noise(of_many, 1).usual(of_many[0], 0.0)

    assert among.degrees > alone.degrees
    assert among.limit / among.error < alone.limit / alone.error


def test_the_more_is_compared_the_higher_is_the_limit() -> None:
    of_many = histories(21)
    few, many = (noise(of_many, count).usual(of_many[0], 0.0).limit for count in (1, 200))

    assert few < many


def test_a_limit_is_never_below_what_the_history_shows() -> None:
    quiet = histories(21)
    one_far_off = [[*quiet[0][:-1], quiet[0][-1] + 1.5], *quiet[1:]]

    assert noise(one_far_off, 21).usual(quiet[5], 0.0).limit > noise(quiet, 21).usual(quiet[5], 0.0).limit


def test_what_never_varied_is_held_against_the_floor_alone() -> None:
    same = [0.0] * RUNS
    usual = noise([same], 1).usual(same, FLOOR)

    assert (usual.error, usual.limit, usual.noticed) == (0.0, FLOOR, FLOOR)
    assert (usual.tail(0.1), usual.tail(0.0)) == (0.0, 1.0)


def test_histories_of_too_few_runs_say_nothing_of_the_others() -> None:
    of_many = histories(5)
    assert noise([*of_many, [0.0, 9.0]], 5) == noise(of_many, 5)


@given(
    st.lists(st.lists(st.floats(-5, 5), min_size=RUNS, max_size=20), min_size=1, max_size=12),
    st.integers(1, 500),
)
def test_any_history_has_limits_that_make_sense(found: list[list[float]], comparisons: int) -> None:
    usual = noise(found, comparisons).usual(found[0], FLOOR)

    assert usual.noticed >= usual.limit >= FLOOR
    assert not math.isnan(usual.limit + usual.noticed)


@given(st.floats(-3, 3), st.floats(-3, 3))
def test_the_higher_a_run_lies_the_less_likely_it_is(one: float, other: float) -> None:
    (history,) = histories(1)
    usual = noise([history], 1).usual(history, FLOOR)

    low, high = sorted((one, other))
    assert usual.tail(low) >= usual.tail(high)
