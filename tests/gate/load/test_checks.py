from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from load_runs import BUDGET, failing, of, searched
from msgspec import structs
from report_runs import result

from pytest_modal_bench.gate.budgets import parse
from pytest_modal_bench.gate.load.checks import checks
from pytest_modal_bench.gate.verdicts import judged
from pytest_modal_bench.model import Budget, Check, Level, Load, LoadCall, LoadStep


def made(value: float, seconds: float, n: int = 100, **fields: Any) -> LoadStep:
    calls = [LoadCall(meant_sec=at, began_sec=at, elapsed_sec=seconds, ok=True, **fields) for at in range(n)]
    return of(calls, "users", value)


def held(budget: Budget, *steps: LoadStep, **fields: Any) -> dict[str, Check]:
    return {check.metric: check for check in checks(Load(spec="", steps=steps, **fields), budget)}


def p95(fail: float, **others: Any) -> Budget:
    return Budget(max_p95=Level(fail=fail), **others)


def test_a_budget_holds_at_every_step_and_names_those_that_break_it() -> None:
    check = held(p95(5), made(1, 1.0), made(2, 6.0), made(4, 7.0))["load_p95"]

    assert (check.verdict, check.value, check.limit, check.n) == ("FAIL", 6.0, 5, 100)
    assert check.message == "under load, 2 users: p95 6 s > 5 s, and with 4 users"


def test_one_that_is_kept_says_how_near_it_was() -> None:
    check = held(p95(5), made(1, 1.0), made(2, 4.0), made(4, 3.0))["load_p95"]

    assert (check.verdict, check.value) == ("PASS", 4.0)
    assert check.message == "under load, 2 users: p95 4 s <= 5 s"


def test_a_value_just_beyond_its_limit_is_not_shown_as_equal_to_it() -> None:
    assert "p95 5.0001 s > 5 s" in held(p95(5), made(1, 5.0001))["load_p95"].message


def test_a_warning_comes_before_a_failure() -> None:
    budget = Budget(max_p95=Level(warn=2, fail=5))

    assert [held(budget, made(1, each))["load_p95"].verdict for each in (1.0, 3.0, 6.0)] == [
        "PASS",
        "WARN",
        "FAIL",
    ]
    assert held(budget, made(1, 3.0))["load_p95"].limit == 2


@pytest.mark.parametrize("n", [0, 1, 58])
def test_a_budget_without_data_fails(n: int) -> None:
    check = held(p95(5), made(1, 1.0, n=n))["load_p95"]

    assert check.verdict == "FAIL"
    assert "no data" in check.message


def test_a_higher_step_that_keeps_it_speaks_for_a_lower_one_of_too_few_calls() -> None:
    assert held(p95(5), made(1, 1.0, n=30), made(4, 1.0))["load_p95"].verdict == "PASS"
    assert held(p95(5), made(1, 1.0), made(4, 1.0, n=30))["load_p95"].verdict == "FAIL"


def test_a_load_of_which_no_step_was_made_fails_with_the_reason() -> None:
    found = held(p95(5), stopped="Locust is not installed")

    assert {check.verdict for check in found.values()} == {"FAIL"}
    assert found["load_p95"].message == "under load: p95: no data: no step was made: Locust is not installed"


def test_calls_of_which_not_one_was_answered_fail_without_any_budget() -> None:
    check = held(Budget(), of(failing(made(4, 1.0).calls, 1)))["load_errors"]

    assert (check.verdict, check.n) == ("FAIL", 100)
    assert check.message == "under load: none of 100 calls was answered (queue_full)"


def test_calls_that_failed_are_warned_of_where_no_budget_says_how_many_may() -> None:
    some = of(failing(made(4, 1.0).calls, 10), "users", 4)

    assert held(Budget(), made(1, 1.0), some)["load_errors"].verdict == "WARN"
    assert held(Budget(max_errors=Level(fail=0.1)), some)["load_errors"].verdict == "PASS"
    assert held(Budget(max_errors=Level(fail=0.09)), some)["load_errors"].verdict == "FAIL"
    assert held(Budget(), made(1, 1.0)) == {}


def test_shares_are_compared_exactly() -> None:
    calls = made(4, 1.0).calls
    seven = [*failing(calls[:7], 1), *calls[7:]]

    assert held(Budget(max_errors=Level(fail=0.07)), of(seven))["load_errors"].verdict == "PASS"


def test_of_streams_the_median_time_to_the_first_output_is_held_against_max_ttft() -> None:
    budget = Budget(max_ttft=Level(fail=0.5))

    assert held(budget, made(1, 2.0, ttft_sec=0.4), made(2, 2.0, ttft_sec=0.6))["load_ttft"].verdict == "FAIL"
    assert held(budget, made(1, 2.0, ttft_sec=0.4))["load_ttft"].verdict == "PASS"
    assert "no data" in held(budget, made(1, 2.0))["load_ttft"].message


def test_a_knee_that_is_asked_for_lets_the_steps_above_it_break_their_budgets() -> None:
    steps = made(1, 1.0), made(4, 1.0), made(8, 9.0)
    found = {asked: held(p95(5, min_knee=Level(fail=asked)), *steps) for asked in (1.0, 4.0, 5.0)}

    assert {asked: [*each] for asked, each in found.items()} == {asked: ["load_knee"] for asked in found}
    assert [each["load_knee"].verdict for each in found.values()] == ["PASS", "PASS", "FAIL"]
    assert found[5.0]["load_knee"].message == (
        "under load: budgets kept up to 4 users < 5; 8 users: p95 9 s > 5 s"
    )


def test_a_knee_with_nothing_to_keep_fails() -> None:
    check = held(Budget(min_knee=Level(fail=4)), made(4, 1.0))["load_knee"]

    assert (check.verdict, "no data" in check.message) == ("FAIL", True)


def test_other_kinds_of_steps_keep_their_budgets_beside_a_knee() -> None:
    found = held(p95(5, min_knee=Level(fail=4)), *searched().steps)

    assert (found["load_knee"].verdict, found["load_p95"].verdict) == ("PASS", "FAIL")
    assert "a burst of 20" in found["load_p95"].message


def test_an_endpoint_has_one_verdict_whatever_was_held_against_it() -> None:
    serial = Check(metric="warm", against="budget", verdict="PASS", message="warm 2 s <= 5 s")
    bad = result(checks=[serial, *checks(searched(), BUDGET)], load=searched())
    done = judged(bad, strict=False, today=dt.date(2026, 2, 2))

    assert done.verdict == "FAIL"
    assert done.reasons == ["under load, 8 users: p95 8.45 s > 5 s, and with 16 users, a burst of 20"]


def test_budgets_under_load_can_be_given_on_the_command_line() -> None:
    assert parse("max_p95=4:5 max_errors=0 min_knee=4") == Budget(
        max_p95=Level(warn=4, fail=5), max_errors=Level(fail=0), min_knee=Level(fail=4)
    )


@pytest.mark.parametrize(
    "text", ["max_errors=1", "max_errors=-0.1", "max_p95=0", "min_knee=0", "max_errors=0.1:0.05"]
)
def test_what_is_no_budget_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"expected|milder"):
        parse(text)


def test_an_endpoint_that_a_mix_never_drew_is_told_from_one_whose_calls_did_not_end() -> None:
    never = of([], "users", 2.0)
    (check,) = checks(Load(spec="", steps=(never,)), Budget())
    assert (check.verdict, check.n) == ("FAIL", 0)
    assert check.message.startswith("under load: not one call was made to it: a longer duration")

    for load in (
        Load(spec="", steps=(structs.replace(never, under_way=1),)),
        Load(spec="", steps=(never,), stopped="the cost limit"),
    ):
        (check,) = checks(load, Budget())
        assert check.message.startswith("under load: no call ended")
