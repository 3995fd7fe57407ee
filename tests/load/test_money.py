from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_modal_bench.load.money import idle, spent
from pytest_modal_bench.model import LoadCall

if TYPE_CHECKING:
    from collections.abc import Sequence

seconds = st.integers(0, 400).map(lambda each: each / 16)
"""Sums of them are exact."""


def call(at: float = 0.0, elapsed: float = 2.0, **fields: Any) -> LoadCall:
    given: dict[str, Any] = {"ok": True, "container": "ta-1", "execution_sec": elapsed, "cost_usd": 0.02}
    return LoadCall(meant_sec=at, began_sec=at, elapsed_sec=elapsed, **given | fields)


@st.composite
def any_call(draw: Any) -> LoadCall:
    elapsed = draw(seconds)
    return call(
        draw(seconds),
        elapsed,
        ok=draw(st.booleans()),
        container=draw(st.sampled_from(["ta-1", "ta-2"])),
        execution_sec=draw(st.none() | seconds),
        cost_usd=draw(st.none() | st.just(0.25)),
    )


def alive(calls: Sequence[LoadCall], window_sec: float, step_sec: float = 1 / 16) -> float:
    """Return how long containers live and do nothing, moment by moment."""
    total = 0.0
    for name in {each.container for each in calls}:
        own = [each for each in calls if each.container == name]
        ends = [each.began_sec + each.elapsed_sec for each in own]
        works = [
            each.elapsed_sec
            if each.execution_sec is None or each.execution_sec > each.elapsed_sec
            else each.execution_sec
            for each in own
        ]
        spans = [(end - work, end) for end, work in zip(ends, works, strict=True)]
        moments = [number * step_sec for number in range(int((max(ends) + window_sec) / step_sec))]
        begin = min(left for left, _ in spans)
        for at in moments:
            middle = at + step_sec / 2
            busy = any(left < middle < right for left, right in spans)
            last = max((right for _, right in spans if right < middle), default=None)
            if middle > begin and not busy and last is not None and middle - last < window_sec:
                total += step_sec
    return total


def test_a_measured_cost_is_what_the_calls_say_and_an_estimate_charges_a_containers_second_once() -> None:
    four = [call() for _ in range(4)]

    assert spent(four, "measured").usd == pytest.approx(0.08)
    assert spent(four, "estimated").usd == pytest.approx(0.02)
    assert spent([call(2.0 * number) for number in range(4)], "estimated").usd == pytest.approx(0.08)


def test_calls_that_overlap_in_part_are_charged_for_the_time_that_any_of_them_took() -> None:
    for later in (0.25, 1.0, 1.75):
        assert spent([call(0.0), call(later)], "estimated").usd == pytest.approx(0.04 * (2 + later) / 4)
    assert spent([call(0.0), call(1.0, container="ta-2")], "estimated").usd == pytest.approx(0.04)


@pytest.mark.parametrize(
    "unknown", [{"container": None}, {"execution_sec": None}, {"execution_sec": 9.0}], ids=str
)
def test_where_a_container_or_its_seconds_are_not_known_of_each_call_nothing_is_taken_off(
    unknown: dict[str, Any],
) -> None:
    assert spent([call(), call(), call(**unknown)], "estimated").usd == pytest.approx(0.06)


def test_a_thousand_answered_calls_cost_what_failed_ones_did_too() -> None:
    calls = [call(2.0 * number, ok=number < 2) for number in range(4)]

    assert spent(calls, "measured").usd_per_1000 == pytest.approx(1000 * 0.08 / 2)
    assert spent(calls[2:], "measured").usd_per_1000 is None


def test_what_has_no_known_cost_is_unknown_and_no_zero() -> None:
    assert spent([], None) == spent([call(cost_usd=None)], None) == (None, 0, None)
    assert spent([call(), call(9.0, cost_usd=None)], "measured")[:2] == (0.02, 1)


@settings(max_examples=40)
@given(st.lists(any_call(), max_size=12))
def test_an_estimate_is_never_more_than_the_sum_of_its_calls(calls: list[LoadCall]) -> None:
    whole, estimated = spent(calls, "measured"), spent(calls, "estimated")

    assert whole.calls == estimated.calls == sum(each.cost_usd is not None for each in calls)
    if whole.usd is not None:
        assert estimated.usd is not None
        assert 0 <= estimated.usd <= whole.usd * (1 + 1e-12)


def test_idle_time_is_that_between_a_containers_calls_up_to_its_window_and_one_window_after_them() -> None:
    calls = [call(at, 2.0, execution_sec=1.0) for at in (0.0, 10.0, 200.0)]

    assert idle(calls, 1.0, 60.0) == 9 + 60 + 60
    assert idle([*calls, call(0.0, container="ta-2")], 0.5, 60.0) == (9 + 60 + 60 + 60) / 2


@settings(max_examples=40)
@given(st.lists(any_call(), min_size=1, max_size=4), st.integers(1, 40).map(lambda each: each / 16))
def test_it_is_what_whoever_watches_the_containers_counts(calls: list[LoadCall], window_sec: float) -> None:
    assert idle(calls, 1.0, window_sec) == pytest.approx(alive(calls, window_sec))


def test_without_containers_a_price_or_a_window_nobody_knows_it() -> None:
    assert idle([call(container=None)], 1.0, 60.0) is None
    assert idle([call()], None, 60.0) is None
    assert idle([call()], 1.0, None) is None
