from __future__ import annotations

import random
from statistics import median
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_runs import result, sample

from pytest_modal_bench.gate.stopping import ERROR, LOOKS, enough, is_enough, spared
from pytest_modal_bench.model import Endpoint, Streamed

if TYPE_CHECKING:
    from pytest_modal_bench.gate.metrics import Name


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


def endpoint(**fields: Any) -> Endpoint:
    return Endpoint(id="a", name="A", path="/a", app="a", url="", pool="p", category="C", **fields)


@pytest.mark.parametrize(
    ("n", "more", "limits", "is_it"),
    [
        (8, {}, {"warm": [2.0]}, True),
        (8, {}, {"warm": [2.0, 1.0]}, False),
        (8, {}, {"cold": [1.0], "warm": [2.0]}, True),
        (7, {}, {"warm": [2.0]}, False),
        (9, {}, {"warm": [2.0]}, False),
        (30, {}, {"warm": [1.0]}, True),
        # Two medians are decided, and share the error: 8 calls hold neither well enough.
        (8, {"stream": Streamed(ttft_sec=0.1)}, {"warm": [2.0], "ttft": [0.5]}, False),
        (10, {"stream": Streamed(ttft_sec=0.1)}, {"warm": [2.0], "ttft": [0.5]}, True),
        (10, {"stream": Streamed(ttft_sec=0.1)}, {"warm": [2.0], "ttft": [0.1]}, False),
        (10, {}, {"warm": [2.0], "ttft": [0.5]}, False),
    ],
)
def test_all_that_a_run_is_held_against_has_to_be_decided(
    n: int, more: dict[str, Any], limits: dict[Name, list[float]], is_it: bool
) -> None:
    found = [sample(elapsed_sec=seconds, **more) for seconds in calls(n)]
    assert is_enough(endpoint(), found, limits) is is_it


def test_where_a_call_failed_all_are_made_for_its_share() -> None:
    failed = sample(ok=False, cause="server_error")
    assert not is_enough(endpoint(), [*[sample()] * 9, failed], {"warm": [2.0]})
    assert is_enough(endpoint(), [*[sample()] * 29, failed], {"warm": [2.0]})


def test_cold_and_dropped_calls_are_none_of_them() -> None:
    others = [sample("cold"), sample("first"), sample(dropped="changed in the middle")]
    assert not is_enough(endpoint(), [*[sample()] * 7, *others], {"warm": [2.0]})
    assert is_enough(endpoint(), [*[sample()] * 8, *others], {"warm": [2.0]})


def test_a_stream_without_limits_is_known_by_its_first_token() -> None:
    first = [Streamed(ttft_sec=seconds) for seconds in calls(30, 0.5)]
    found = [sample(elapsed_sec=1.0, stream=each) for each in first]
    assert not is_enough(endpoint(stream="openai"), found[:8], {})
    assert is_enough(endpoint(), found[:8], {})


def test_what_was_spared_is_said_in_calls_and_dollars() -> None:
    few = result("A", cost_usd=0.01, samples=[sample()] * 8)
    assert spared([few]) == "8 warm calls were enough, of up to 30: about $0.2200 not spent"
    unpriced = result("B", samples=[sample()] * 10)
    assert spared([few, unpriced]) == (
        "18 warm calls were enough, of up to 60: about $0.2200 not spent, and what is not known"
    )
    assert spared([unpriced]) == "10 warm calls were enough, of up to 30"
    assert spared([result("A", samples=[sample()] * 30), result("B", status="failed")]) is None
    # Measured twice, it had twice as many to make.
    twice = result("A", cost_usd=0.01, samples=[sample()] * 38)
    assert spared([twice]) == "38 warm calls were enough, of up to 60: about $0.2200 not spent"


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
