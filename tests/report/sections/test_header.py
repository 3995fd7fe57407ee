from __future__ import annotations

from typing import Any

from report_runs import result, run

from pytest_modal_bench.model import Check
from pytest_modal_bench.report.sections.header import header


def moved(name: str, ratio: float) -> Any:
    known: dict[str, Any] = {"limit": 1.15, "p": 0.01, "value": 2.1, "runs": 5}
    check = Check(metric="warm", against="baseline", verdict="FAIL", message="", ratio=ratio, **known)
    return result(name, verdict="FAIL", reasons=[f"warm {ratio}x of 5 earlier runs"], checks=[check])


def facts(text: str) -> dict[str, str]:
    rows = [row.removesuffix("  ").removeprefix("**").partition(":** ") for row in text.splitlines()]
    return {name: value for name, _, value in rows}


def test_the_verdict_comes_first_with_how_many_have_which() -> None:
    passed = header(run([result("A"), result("B")], verdict="PASS"))
    assert passed.splitlines()[0] == "**Verdict:** ✅ PASS (2 PASS)  "
    assert facts(header(run([result(status="failed")])))["Verdict"] == (
        "❌ FAIL (1 FAIL), see [Failed Endpoints](#failed-endpoints)"
    )
    assert facts(header(run()))["Verdict"] == "❓ nothing measured"
    assert facts(header(run([result()], finished=False)))["Verdict"] == "✅ PASS so far (1 PASS)"


def test_beside_the_verdict_stand_the_most_frequent_causes_of_failures() -> None:
    causes = ("killed", "timeout", "timeout", "tls", "dns", "refused")
    failed = [result(f"E{n}", status="failed", cause=cause) for n, cause in enumerate(causes)]
    assert facts(header(run(failed)))["Verdict"] == (
        "❌ FAIL (6 FAIL): Timeout (2), Killed (1), TLS (1) and 2 other causes,"
        " see [Failed Endpoints](#failed-endpoints)"
    )


def test_what_changed_most_is_said_and_how_many_others_did() -> None:
    shown = facts(header(run([moved("A", 1.4), moved("B", 2.0), moved("C", 1.5)])))
    assert shown["Changed Most"] == (
        "`/b` warm 2x (slower): 2.1 s, was 1.1 s in 5 earlier runs; 2 more moved, see Verdicts"
    )


def test_without_a_move_nothing_is_said_of_one() -> None:
    assert "Changed Most" not in facts(header(run([result()])))


def test_what_the_gate_has_against_an_endpoint_that_answered_is_said_where_no_list_of_failures_says_it() -> (
    None
):
    failed = result("X", status="failed", verdict="FAIL", error="HTTP 500", reasons=["HTTP 500"])
    shown = facts(header(run([failed, moved("A", 1.4), moved("B", 2.0)])))

    assert shown["Why"] == "`/a`: warm 1.4x of 5 earlier runs; and 1 endpoint more, see Verdicts"
    assert "Why" not in facts(header(run([failed])))
