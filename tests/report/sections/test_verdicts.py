from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from report_runs import ANY_TEXT, reference_run, result, tables

from pytest_modal_bench.model import Check, HistoryStart, Quarantine
from pytest_modal_bench.report.sections.verdicts import verdicts


def check(message: str, verdict: Any = "PASS", against: Any = "budget") -> Check:
    return Check(metric="warm", against=against, verdict=verdict, message=message)


def test_without_verdicts_there_is_no_section() -> None:
    assert verdicts([]) == ""
    assert verdicts(reference_run().results) == ""


def test_a_verdict_says_why_what_it_passed_included_if_the_lists_by_status_do_not() -> None:
    judged = [
        result("A", verdict="PASS", checks=[check("warm 1.0s within 2.0s", against="baseline")]),
        result("B", verdict="FAIL", checks=[check("warm 3.0s above 2.0s", "FAIL"), check("cold within 9s")]),
        result("C", verdict="ERROR", status="failed", error="HTTP 500\nboom"),
        result("D", verdict="SKIP", status="skipped", skipped_reason="Missing: test video"),
        result("E", verdict="PASS"),
        result("F", status="not_run"),
    ]
    assert (
        verdicts(judged)
        == """\
- ERROR: `c`
- SKIP: `d`
- PASS: `e`

| Endpoint | Verdict | Why                                  |
| -------- | ------- | ------------------------------------ |
| `a`      | PASS    | warm 1.0s within 2.0s                |
| `b`      | FAIL    | warm 3.0s above 2.0s; cold within 9s |"""
    )


def test_a_verdict_for_want_of_data_says_what_is_missing() -> None:
    short = result(verdict="INCONCLUSIVE", cold_inconclusive="another caller kept the pool busy")
    assert tables(verdicts([short]))[0][1][2] == "cold inconclusive: another caller kept the pool busy"


def test_an_endpoint_in_quarantine_says_why_and_until_when() -> None:
    quarantine = Quarantine(reason="waits for #12", until="2026-03-01")
    excused = result(verdict="FAIL", error="boom", status="failed", quarantine=quarantine)
    assert tables(verdicts([excused]))[0][1][2] == "boom; in quarantine until 2026-03-01: waits for #12"


def test_an_intended_change_and_what_was_not_compared_stand_beside_the_verdict() -> None:
    begins = HistoryStart(since="2026-03-01", reason="new model")
    left_out = "not compared: 7 earlier runs before 2026-03-01: new model"
    changed = result("A", verdict="PASS", history=begins, notes=["something else", left_out])
    compared = result("B", verdict="PASS", checks=[check("1.02 times", against="baseline")])

    both = verdicts([changed, compared])
    assert both.endswith(f"\n- `a`: its history begins on 2026-03-01: new model; {left_out}"), (
        "cut in the table"
    )
    alone = verdicts([changed])
    assert left_out not in alone, "where nothing was compared, that is said once"


def test_what_the_verdicts_rest_on_is_said_where_it_is_less_than_it_could_be() -> None:
    budget, baseline = check("within 2.0s"), check("1.02 times", against="baseline")
    alone = "Compared with no earlier run: held against absolute budgets only.\n\n|"
    assert verdicts([result(verdict="PASS", checks=[budget])]).startswith(alone)
    assert verdicts([result(verdict="PASS")]).startswith("Compared with no earlier run, and no budgets: an")
    assert verdicts([result(verdict="PASS", checks=[budget, baseline])]).startswith("| Endpoint")


def test_reasons_that_are_cut_stand_in_full_below_the_table() -> None:
    checks = [
        check(f"{metric} 1.02x of 5 earlier runs, and within 20s") for metric in ("cold", "warm", "cost")
    ]
    shown = verdicts([result(verdict="PASS", checks=checks), result("B", verdict="PASS")])
    why = "; ".join(each.message for each in checks)

    assert tables(shown)[0][1][2] == f"{why[:79]}…"
    assert shown.splitlines()[-3:] == ["Texts that are cut in the table, in full:", "", f"- `flux`: {why}"]


def test_an_error_is_left_to_the_list_of_failed_endpoints() -> None:
    error = "HTTP 500: " + "x" * 2000
    failed = result(verdict="FAIL", status="failed", error=error)
    assert verdicts([failed]).splitlines()[-1] == "- FAIL: `flux`"

    checks = [
        check(f"{metric} 1.34x of 5 earlier runs, measured twice", "FAIL") for metric in ("cold", "warm")
    ]
    judged = result(verdict="FAIL", status="failed", error=error, checks=checks)
    why = "; ".join(each.message for each in checks)
    assert verdicts([judged]).splitlines()[-1] == f"- `flux`: {why}"


@given(ANY_TEXT, st.sampled_from(["PASS", "FAIL"]))
def test_hostile_text_changes_no_table(raw: str, verdict: Any) -> None:
    quarantine = Quarantine(reason=raw, until=raw)
    given_result = result(
        id=raw, verdict=verdict, error=raw, checks=[check(raw, verdict)], quarantine=quarantine
    )
    rows = tables(verdicts([given_result, given_result]))[0]
    assert [len(row) for row in rows] == [3, 3, 3]


def test_an_empty_message_leaves_no_gap() -> None:
    judged = result(
        verdict="FAIL", checks=[check("", "FAIL"), check("above", "FAIL"), check("\x1b[0m", "FAIL")]
    )
    assert tables(verdicts([judged]))[0][1][2] == "above"
