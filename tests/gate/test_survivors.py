from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from report_runs import result, sample

from pytest_modal_bench.gate import budgets, comparison, verdicts
from pytest_modal_bench.gate.summary import prevented
from pytest_modal_bench.model import Budget, Check, EndpointResult, Level

FEW = Budget(max_warm=Level(fail=3.0), min_success=Level(fail=0.4))


def measured(answered: int, failed: int, cause: Any, **fields: Any) -> EndpointResult:
    samples = [sample(elapsed_sec=2.1) for _ in range(answered)]
    samples += [sample(elapsed_sec=5.0, ok=False, cause=cause) for _ in range(failed)]
    return result(samples=samples, warm_time_sec=2.1 if answered else None, **fields)


def test_a_budget_fails_whose_median_is_beyond_the_deadline() -> None:
    warm, success = budgets.checks(measured(4, 6, "timeout"), FEW, cold_due=False)

    assert (warm.verdict, success.verdict) == ("FAIL", "PASS")
    assert "beyond 5 s: of 10 calls 4 were answered" in warm.message


@pytest.mark.parametrize(("cause", "answered"), [("application", 4), ("timeout", 6)])
def test_a_median_over_those_that_were_answered_is_marked_as_one(cause: str, answered: int) -> None:
    warm, _ = budgets.checks(measured(answered, 10 - answered, cause), FEW, cold_due=False)

    assert warm.verdict == "PASS"
    assert warm.message == f"warm 2.1 s <= 3 s, of the {answered} of 10 that were answered"


def test_seven_of_twenty_five_are_028() -> None:
    share = Budget(min_success=Level(fail=0.28))
    (check,) = budgets.checks(measured(7, 18, "application"), share, cold_due=False)
    assert check.verdict == "PASS"


def test_a_comparison_sees_timeouts_as_their_deadline_at_least() -> None:
    earlier = [measured(10, 0, None) for _ in range(5)]
    (check,) = compared(measured(4, 6, "timeout"), earlier)

    assert check.verdict == "FAIL"
    assert check.message.startswith("warm at least 2.38x of 5 earlier runs, of the 4 of 10")
    slow = [structured(each) for each in earlier]
    (check,) = compared(measured(4, 6, "timeout"), slow)
    assert check.verdict == "INCONCLUSIVE", "nobody knows how far beyond it is"


def compared(now: EndpointResult, earlier: list[EndpointResult]) -> list[Check]:
    return comparison.checks(now, earlier, comparison.noises([earlier]))


def structured(each: EndpointResult) -> EndpointResult:
    return result(samples=[sample(elapsed_sec=5.0) for _ in each.samples], warm_time_sec=5.0)


def test_what_a_limit_kept_from_being_measured_is_inconclusive_and_so_is_the_run() -> None:
    today = dt.date(2026, 2, 2)
    reason = "the spending limit of $0.02 is reached"
    stopped = [result(f"E{n}", status="not_run", skipped_reason=reason) for n in range(19)]
    judged = [verdicts.judged(each, strict=False, today=today) for each in [result(), result("B"), *stopped]]

    assert [each.verdict for each in judged[2:]] == ["INCONCLUSIVE"] * 19
    assert verdicts.of_run(judged) == "INCONCLUSIVE"
    assert prevented(judged) == f"19 of 21 endpoints: {reason}"


def test_a_reason_that_another_one_quotes_stands_once() -> None:
    today = dt.date(2026, 2, 2)
    given = result(
        status="failed", error="HTTP 500: boom", cause="application", misfits=["payload: widht: no field"]
    )
    judged = verdicts.judged(given, strict=False, today=today)

    assert judged.reasons == ["HTTP 500: boom", "payload: widht: no field"]
