from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from load_runs import Pool, arrivals, burst, of, users

from pytest_modal_bench.gate.statistics import fewest_for
from pytest_modal_bench.model import Cause, LoadCall, LoadStep

if TYPE_CHECKING:
    from collections.abc import Sequence

SHARES = {"p50_sec": 0.5, "p90_sec": 0.9, "p95_sec": 0.95, "p99_sec": 0.99}
CAUSES: dict[str, Cause] = {"failed": "application", "timeout": "timeout"}
seconds = st.integers(0, 400).map(lambda each: each / 16)
"""Sums of them are exact."""


@st.composite
def any_call(draw: Any) -> LoadCall:
    meant = draw(seconds)
    state = draw(st.sampled_from(["ok", "ok", "ok", "failed", "timeout", "cut off"]))
    elapsed = draw(st.integers(1, 400)) / 16
    return LoadCall(
        meant_sec=meant,
        began_sec=meant + draw(seconds | st.just(0.0)),
        elapsed_sec=elapsed,
        ok=state == "ok",
        under_way=state == "cut off",
        cause=CAUSES.get(state),
        container=draw(st.sampled_from(["ta-1", "ta-2", "ta-3"])) if state == "ok" else None,
        first_of_container=draw(st.booleans()) if state == "ok" else None,
        execution_sec=draw(st.integers(1, 400)) / 16 if state == "ok" else None,
        cost_usd=draw(st.none() | st.just(0.25)),
    )


calls_of_a_step = st.lists(any_call(), max_size=70)


def call(elapsed: float, *, at: float = 0.0, **fields: Any) -> LoadCall:
    return LoadCall(**{"meant_sec": at, "began_sec": at, "elapsed_sec": elapsed, "ok": True} | fields)


def under_way(calls: Sequence[LoadCall], at: float) -> int:
    return sum(each.began_sec <= at < each.began_sec + each.elapsed_sec for each in calls)


@given(calls_of_a_step)
def test_every_call_is_counted_once(calls: list[LoadCall]) -> None:
    made = of(calls)

    assert made.n + made.under_way == len(calls)
    assert made.answered + sum(made.errors.values()) == made.n
    assert sum(each.answered for each in made.over_time) == made.answered
    assert sum(each.failed for each in made.over_time) == made.n - made.answered


@given(calls_of_a_step)
def test_a_percentile_is_the_least_latency_that_so_many_do_not_exceed(calls: list[LoadCall]) -> None:
    made = of(calls)
    known = [
        each.latency_sec if each.ok else math.inf for each in calls if each.ok or each.cause == "timeout"
    ]

    for field, share in SHARES.items():
        enough = [
            value for value in known if sum(each <= value for each in known) >= share * len(known) - 1e-9
        ]
        expected = min(enough) if len(known) >= fewest_for(share) else None
        assert getattr(made, field) == (None if expected == math.inf else expected), field


@given(calls_of_a_step)
def test_calls_under_way_are_those_that_have_begun_and_not_ended(calls: list[LoadCall]) -> None:
    made = of(calls)
    moments = {each.began_sec for each in calls}
    edges = [0.0, *(each.at_sec for each in made.over_time)]

    assert (made.concurrency_max or 0) == max((under_way(calls, at) for at in moments), default=0)
    for begin, end, stretch in zip(edges, edges[1:], made.over_time, strict=False):
        seen = [under_way(calls, at) for at in (begin, *(at for at in moments if begin <= at < end))]
        spent = sum(
            max(min(each.began_sec + each.elapsed_sec, end) - max(each.began_sec, begin), 0) for each in calls
        )
        assert stretch.under_way_max == max(seen)
        assert stretch.under_way == pytest.approx(spent / (end - begin))


@given(calls_of_a_step)
def test_containers_are_those_that_answered_by_when_they_first_did(calls: list[LoadCall]) -> None:
    made = of(calls)
    named = {each.container for each in calls if each.container}
    first = sorted(
        min(each.began_sec + each.elapsed_sec for each in calls if each.container == name) for name in named
    )

    assert made.containers == (len(named) or None)
    assert made.scale_out_sec == tuple(first)
    assert made.cold_calls == (sum(bool(each.first_of_container) for each in calls) if named else None)


@given(calls_of_a_step, st.integers(0, 40))
def test_calls_that_are_left_out_of_a_report_change_no_figure(calls: list[LoadCall], keep: int) -> None:
    all_, some = of(calls, keep=10**6), of(calls, keep=keep)

    assert len(some.calls) == min(keep, len(calls))
    assert some.calls_left_out == len(calls) - len(some.calls)
    assert {*some.calls} <= {*all_.calls}
    assert [each for each in all_.__struct_fields__ if getattr(all_, each) != getattr(some, each)] in (
        [],
        ["calls", "calls_left_out"],
    )


@pytest.mark.parametrize(("n", "field"), [(5, "p50_sec"), (29, "p90_sec"), (59, "p95_sec"), (299, "p99_sec")])
def test_a_percentile_takes_as_many_calls_as_the_method_says(n: int, field: str) -> None:
    calls = [call(1.0, at=number) for number in range(n)]

    assert getattr(of(calls), field) == 1.0
    assert getattr(of(calls[1:]), field) is None


def test_one_that_timed_out_took_longer_than_all_that_were_answered() -> None:
    answered = [call(1.0) for _ in range(90)]
    timed_out = [call(60.0, ok=False, cause="timeout") for _ in range(10)]
    made = of([*answered, *timed_out])

    assert (made.p90_sec, made.p95_sec, made.max_sec, made.censored_sec) == (1.0, None, 1.0, 60.0)


def test_of_arrivals_a_latency_begins_when_a_call_was_meant_to_begin() -> None:
    calls = [call(1.0, began_sec=5.0) for _ in range(60)]

    assert of(calls, "rate", 1.0).p95_sec == 6.0
    assert (of(calls, "rate", 1.0).late_share, of(calls, "rate", 1.0).late_max_sec) == (1.0, 5.0)
    assert of(calls, "rate", 1.0).behind
    assert of(calls, "users", 1.0).late_share is None


def test_a_step_is_behind_if_more_than_one_in_twenty_is_late() -> None:
    late, on_time = call(1.0, began_sec=0.5), call(1.0, began_sec=0.01)

    assert of([late, *[on_time] * 18], "rate").behind
    assert not of([late, *[on_time] * 19], "rate").behind


def test_a_closed_pool_gives_what_queueing_theory_says() -> None:
    made = users(Pool(2, call_sec=2.0, boot_sec=0.0), 8, 300.0)

    assert made.throughput_per_sec == pytest.approx(2 / 2.0, rel=0.03)
    assert made.concurrency_mean == pytest.approx(8, rel=0.03)
    # Little's law: calls under way are calls a second times their mean time.
    mean = sum(each.elapsed_sec for each in made.calls) / made.n
    assert made.throughput_per_sec is not None
    assert made.concurrency_mean == pytest.approx(made.throughput_per_sec * mean)


def test_a_burst_says_when_each_container_was_there() -> None:
    made = burst(Pool(4, boot_sec=9.0), 20)

    assert (made.containers, made.containers_started, made.cold_calls) == (4, 4, 4)
    assert made.calls_per_container == 5
    assert made.scale_out_sec[0] == pytest.approx(11, rel=0.1)
    assert made.concurrency_max == 20


def test_a_container_that_works_on_many_calls_is_charged_once() -> None:
    four = [call(2.0, container="ta-1", execution_sec=2.0, cost_usd=0.02) for _ in range(4)]

    assert of(four).cost_usd == pytest.approx(0.02)
    assert of(four).usd_per_1000 == pytest.approx(5.0)
    assert of(four, cost_basis="measured").cost_usd == pytest.approx(0.08)


def test_idle_time_is_that_between_calls_and_a_window_after_the_last() -> None:
    calls = [call(2.0, at=at, container="ta-1", execution_sec=1.0) for at in (0, 10, 200)]
    made = of(calls, usd_per_sec=1.0, scaledown_window_sec=60.0)

    assert made.idle_usd == 9 + 60 + 60
    assert of(calls, usd_per_sec=None).idle_usd is None


def test_of_streams_there_are_the_first_output_and_tokens_in_total_and_of_one_user() -> None:
    calls = [call(2.0, at=2 * each, ttft_sec=1.0, output_tokens=41) for each in range(10)]
    made = of(calls)

    assert (made.ttft_p50_sec, made.ttft_p95_sec) == (1.0, None)
    assert (made.tokens_per_sec, made.tokens_per_sec_user) == (410 / 20, 40.0)


def test_what_nobody_says_is_unknown_and_no_zero() -> None:
    made = of([call(1.0) for _ in range(400)], cost_basis=None)
    unknown = {name for name in LoadStep.__struct_fields__ if getattr(made, name) is None}

    assert {"containers", "containers_started", "cold_calls", "queue_p50_sec", "execution_p50_sec"} <= unknown
    assert {
        "calls_per_container",
        "cost_usd",
        "usd_per_1000",
        "idle_usd",
        "ttft_p50_sec",
        "tokens_per_sec",
    } <= unknown
    assert made.p99_sec == 1.0


def test_the_control_plane_knows_containers_that_answered_nothing() -> None:
    made = of([call(1.0, at=each) for each in range(10)], pool=[(0.0, 1), (3.0, 4), (6.0, 2), (8.0, 3)])

    assert made.containers_started == 4
    assert [each.pool for each in made.over_time][-1] == 3


def test_no_call_at_all_is_a_step_without_figures() -> None:
    made = of([])

    assert (made.n, made.took_sec, made.throughput_per_sec, made.over_time) == (0, 0.0, None, ())


def test_memory_of_a_report_is_bounded_however_long_the_step_was() -> None:
    made = arrivals(Pool(200), 100.0, 60.0)

    assert (made.n, len(made.calls), made.calls_left_out) == (6000, 500, 5500)
    assert len(made.over_time) <= 60
    assert sum(bool(each.first_of_container) for each in made.calls) >= 125
