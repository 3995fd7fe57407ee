from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from load_runs import failing, of, searched
from msgspec import structs

from pytest_modal_bench.gate.load.steps import broken, by_kind, called, knee, limits, metrics, unsaid
from pytest_modal_bench.model import Budget, Level, LoadCall, LoadStep

P95 = Budget(max_p95=Level(fail=5.0))
ALL = Budget(max_p95=Level(fail=5.0), max_errors=Level(fail=0.1), max_ttft=Level(fail=1.0))


def calls(seconds: float, n: int = 100, **fields: Any) -> list[LoadCall]:
    given: dict[str, Any] = {"ok": True} | fields
    return [LoadCall(meant_sec=at, began_sec=at, elapsed_sec=seconds, **given) for at in range(n)]


def step(value: float, seconds: float = 1.0, n: int = 100, **fields: Any) -> LoadStep:
    return of(calls(seconds, n, **fields), "users", value)


def state(of_step: LoadStep, budget: Budget = P95) -> str:
    """Return what a step does to the one limit of a budget."""
    wrong, open_ = broken(of_step, budget), unsaid(of_step, budget)
    assert len(wrong) + len(open_) <= 1
    return "breaks" if wrong else "does not say" if open_ else "keeps"


KINDS = {"keeps": step(1.0), "breaks": step(1.0, 9.0), "does not say": step(1.0, n=20)}


def test_a_budget_asks_of_each_step_what_it_says_of_loads_and_where_it_fails() -> None:
    budget = Budget(
        max_warm=Level(fail=1.0),
        max_p95=Level(warn=4.0, fail=5.0),
        max_errors=Level(fail=0.0),
        max_ttft=Level(warn=0.5),
    )

    assert limits(budget) == {"p95": 5.0, "errors": 0.0, "TTFT": 0.5}
    assert [metric.name for metric in metrics(budget)] == ["load_p95", "load_errors", "load_ttft"]
    assert limits(Budget(max_warm=Level(fail=1.0))) == {}


def test_a_step_that_is_just_at_its_limits_keeps_them() -> None:
    at = of(failing(calls(5.0, ttft_sec=1.0), 10), "users", 1.0)

    assert (broken(at, ALL), unsaid(at, ALL)) == ([], [])
    slower = of(failing(calls(5.001, ttft_sec=1.001), 9), "users", 1.0)
    assert [held.said for held in broken(slower, ALL)] == [
        "p95 5.001 s > 5 s",
        "errors 12 of 100 (12 %) > 10 %",
        "TTFT 1.001 s > 1 s",
    ]


@pytest.mark.parametrize(
    ("n", "slow", "expected"),
    [
        (59, 0, "keeps"),
        (58, 0, "does not say"),
        (58, 6, "does not say"),
        (58, 7, "breaks"),
        (2, 1, "does not say"),
        (2, 2, "breaks"),
        (1, 1, "does not say"),
        (0, 0, "does not say"),
    ],
)
def test_of_too_few_calls_for_a_percentile_only_more_slow_ones_than_chance_would_have_break_it(
    n: int, slow: int, expected: str
) -> None:
    assert state(of([*calls(9.0, slow), *calls(1.0, n - slow)])) == expected


def test_one_that_timed_out_is_slow_and_one_that_failed_or_was_cut_off_is_neither() -> None:
    few = calls(1.0, 10)

    assert state(of([*few, *calls(60.0, 3, ok=False, cause="timeout")])) == "breaks"
    assert state(of([*few, *calls(60.0, 3, ok=False, cause="application")])) == "does not say"
    assert state(of([*few, *calls(60.0, 3, ok=False, under_way=True)])) == "does not say"
    assert state(of([*calls(9.0, 2), *calls(0.1, 20, ok=False, cause="application")])) == "breaks"


def test_a_percentile_that_lies_beyond_the_calls_deadline_breaks_it_whatever_it_is() -> None:
    (held,) = broken(of([*calls(1.0, 80), *calls(4.0, 20, ok=False, cause="timeout")]), P95)

    assert (held.value, held.said) == (None, "p95 above 4 s: 20 calls timed out")


def test_what_broke_it_may_have_been_a_start_or_the_generator_and_too_few_calls_say_how_many_it_takes() -> (
    None
):
    cold = [*calls(9.0, 20, container="ta-1", first_of_container=True), *calls(1.0)]
    late = [LoadCall(meant_sec=0.0, began_sec=9.0, elapsed_sec=1.0, ok=True)] * 60

    assert broken(of(cold), P95)[0].said == "p95 9 s > 5 s (20 calls met a cold start)"
    assert broken(of(late, "rate"), P95)[0].said == "p95 10 s > 5 s (the generator was behind)"
    assert unsaid(step(1.0, n=30), P95)[0].said == "30 calls, and p95 takes 59: about 59 s of it"
    assert unsaid(of(calls(1.0, 30), "burst", 30), P95)[0].said == "30 calls, and p95 takes 59"


@settings(max_examples=60)
@given(
    st.permutations([1.0, 2.0, 4.0, 8.0, 16.0]), st.lists(st.sampled_from([*KINDS]), min_size=5, max_size=5)
)
def test_the_knee_is_the_highest_step_that_keeps_the_budget_with_none_below_it_that_breaks_it(
    order: list[float], states: list[str]
) -> None:
    by_value = dict(zip(sorted(order), states, strict=True))
    made = [structs.replace(KINDS[by_value[value]], value=value) for value in order]
    first_broken = min((value for value, each in by_value.items() if each == "breaks"), default=100.0)
    kept = [value for value, each in by_value.items() if each == "keeps" and value < first_broken]
    found = knee(made, P95)

    assert (None if found is None else found.value) == max(kept, default=None)


def test_steps_are_told_apart_by_their_kind_and_stay_in_their_order() -> None:
    found = by_kind(searched())

    assert {kind: [each.value for each in steps] for kind, steps in found.items()} == {
        "users": [1, 2, 4, 8, 16],
        "burst": [20],
    }
    assert [called(steps[0]) for steps in found.values()] == ["1 user", "a burst of 20"]
    assert called(of([], "users", 4.0)) == "4 users"
    assert called(of([], "rate", 0.5)) == "0.5 calls/s"
    assert called(of([], "ramp", 20.0)) == "a ramp to 20 users"
