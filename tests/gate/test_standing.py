from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from report_runs import result, run

from pytest_modal_bench.gate import standing
from pytest_modal_bench.model import WORST_FIRST, Check, Quarantine

if TYPE_CHECKING:
    from pytest_modal_bench.model import Status, Verdict

WARN = Check(metric="warm", against="budget", verdict="WARN", message="warm 2.0s, near the budget")
FAIL = Check(metric="cold", against="budget", verdict="FAIL", message="cold 9.0s, over the budget")
PASS = Check(metric="cost", against="budget", verdict="PASS", message="cost within the budget")


@pytest.mark.parametrize(
    ("status", "verdict"),
    [("success", "PASS"), ("failed", "FAIL"), ("skipped", "SKIP"), ("not_run", "SKIP")],
)
def test_without_a_gate_the_status_says_where_an_endpoint_stands(status: Status, verdict: Verdict) -> None:
    assert standing.standing(result(status=status)) == verdict


def test_the_gate_s_verdict_comes_before_the_status() -> None:
    assert standing.standing(result(verdict="WARN")) == "WARN"


def test_a_run_stands_as_the_worst_of_its_endpoints() -> None:
    assert standing.overall(run([result("A"), result("B", verdict="WARN")])) == "WARN"
    assert standing.overall(run([result("A", verdict="WARN"), result("B", status="failed")])) == "FAIL"
    assert standing.overall(run([result("A"), result("B", status="skipped")])) == "PASS"


def test_the_run_s_own_verdict_comes_before_that_of_its_endpoints() -> None:
    assert standing.overall(run([result(status="failed")], verdict="WARN")) == "WARN"


def test_a_run_of_nothing_stands_nowhere() -> None:
    assert standing.overall(run()) is None


@pytest.mark.parametrize(
    ("until", "quarantined", "verdict"),
    [("2026-02-01", False, "FAIL"), ("2026-02-02", True, "PASS"), ("2026-02-03", True, "PASS")],
)
def test_a_quarantine_counts_to_the_end_of_its_last_day(
    until: str, quarantined: bool, verdict: Verdict
) -> None:
    failed = result("B", status="failed", quarantine=Quarantine(reason="known", until=until))
    both = run([result("A"), failed])

    assert standing.quarantined(failed, both) is quarantined
    assert standing.overall(both) == verdict


def test_all_verdicts_are_counted_those_that_nobody_has_too() -> None:
    found = standing.counts([result("A"), result("B"), result("C", verdict="WARN")])

    assert found == {"FAIL": 0, "ERROR": 0, "WARN": 1, "INCONCLUSIVE": 0, "PASS": 2, "SKIP": 0}
    assert tuple(found) == WORST_FIRST


def test_reasons_are_the_checks_not_passed_then_errors_each_once() -> None:
    failed = result(status="failed", error=FAIL.message, checks=[PASS, WARN, FAIL])

    assert standing.reasons(failed) == [WARN.message, FAIL.message]


def test_what_was_lacking_is_the_reason_for_a_skip() -> None:
    assert standing.reasons(result(status="skipped", skipped_reason="Missing: LoRA file")) == [
        "Missing: LoRA file"
    ]


def test_an_inconclusive_measurement_is_a_reason_where_no_other_is_known() -> None:
    unsure = {"verdict": "INCONCLUSIVE", "cold_inconclusive": "woken by others"}

    assert standing.reasons(result(**unsure)) == ["woken by others"]
    assert standing.reasons(result(**unsure, checks=[WARN])) == [WARN.message]
    assert standing.reasons(result(cold_inconclusive="woken by others")) == []
