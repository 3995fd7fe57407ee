from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from report_runs import result, run

from pytest_modal_bench.gate import summary
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
def test_without_a_gate_the_status_says_what_the_verdict_would_be(status: Status, verdict: Verdict) -> None:
    assert summary.verdict_or_default(result(status=status)) == verdict


def test_the_gate_s_verdict_comes_before_the_status() -> None:
    assert summary.verdict_or_default(result(verdict="WARN")) == "WARN"


def test_a_run_is_as_bad_as_the_worst_of_its_endpoints() -> None:
    assert summary.verdict_of_run(run([result("A"), result("B", verdict="WARN")])) == "WARN"
    assert summary.verdict_of_run(run([result("A", verdict="WARN"), result("B", status="failed")])) == "FAIL"
    assert summary.verdict_of_run(run([result("A"), result("B", status="skipped")])) == "PASS"


def test_the_run_s_own_verdict_comes_before_that_of_its_endpoints() -> None:
    assert summary.verdict_of_run(run([result(status="failed")], verdict="WARN")) == "WARN"


def test_a_run_of_nothing_has_no_verdict() -> None:
    assert summary.verdict_of_run(run()) is None


@pytest.mark.parametrize(
    ("until", "quarantined"), [("2026-02-01", False), ("2026-02-02", True), ("2026-02-03", True)]
)
def test_a_quarantine_counts_to_the_end_of_its_last_day(until: str, quarantined: bool) -> None:
    failed = result("B", status="failed", quarantine=Quarantine(reason="known", until=until))

    assert summary.quarantined(failed, run([result("A"), failed])) is quarantined


def test_all_verdicts_are_counted_those_that_nobody_has_too() -> None:
    found = summary.counts([result("A"), result("B"), result("C", verdict="WARN")])

    assert found == {"FAIL": 0, "ERROR": 0, "WARN": 1, "INCONCLUSIVE": 0, "PASS": 2, "SKIP": 0}
    assert tuple(found) == WORST_FIRST


def test_reasons_are_those_of_the_gate() -> None:
    assert summary.reasons(result(status="failed", error="Timeout", reasons=["why"])) == ["why"]


def test_where_the_gate_was_not_asked_reasons_are_what_is_known_each_once() -> None:
    failed = result(status="failed", error=FAIL.message, checks=[PASS, WARN, FAIL])
    skipped = result(status="skipped", skipped_reason="Missing: LoRA file")
    unsure = result(cold_inconclusive="woken by others")

    assert summary.reasons(failed) == [FAIL.message, WARN.message]
    assert summary.reasons(skipped) == ["Missing: LoRA file"]
    assert summary.reasons(unsure) == ["cold inconclusive: woken by others"]
