from __future__ import annotations

from report_runs import result, run, sample

from pytest_modal_bench.model import Check
from pytest_modal_bench.report.terminal import lines, why_nothing


def test_counts_come_first() -> None:
    done = run([result(), result("B", status="failed", error="Timeout"), result("C", status="skipped")])

    assert list(lines(done)) == ["3 endpoints: 1 successful, 1 failed, 1 skipped"]


def test_the_gates_word_and_what_it_rests_on() -> None:
    warned = Check(metric="warm", against="budget", verdict="WARN", message="warm 4.5 s > 4 s")
    told = Check(metric="cost", against="budget", verdict="FAIL", message="its test says it")
    judged = run(
        [result(verdict="WARN", checks=[warned]), result("B", verdict="FAIL", checks=[told])],
        verdict="FAIL",
        notes=["no baseline: held against absolute budgets only"],
    )

    assert list(lines(judged))[1:] == [
        "gate: FAIL (1 WARN, 1 FAIL)",
        "WARN /flux: warm 4.5 s > 4 s",
        "no baseline: held against absolute budgets only",
    ]


def test_what_could_not_be_measured_is_said() -> None:
    woken = run(
        [result(cold_inconclusive="the pool had 1 container before its first call", samples=[sample()])]
    )

    assert "/flux: cold inconclusive: the pool had 1 container before its first call" in lines(woken)


def test_why_nothing_was_measured_is_each_reason_once() -> None:
    nothing = run(
        [
            result(status="skipped", skipped_reason="Missing: LoRA file"),
            result("B", status="skipped", skipped_reason="Missing: LoRA file"),
            result("C", status="not_run"),
        ]
    )

    assert why_nothing(nothing) == "Missing: LoRA file (2); not run (1)"
    assert why_nothing(run()) == ""
