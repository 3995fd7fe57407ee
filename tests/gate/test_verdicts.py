from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_runs import result, sample

from pytest_modal_bench.gate import verdicts
from pytest_modal_bench.model import Check, EndpointResult, OutcomeOfTest, Quarantine, TestEnd, Verdict

TODAY = dt.date(2026, 6, 1)
QUARANTINE = Quarantine(reason="flaky driver", until="2026-06-01")
FAILED: dict[str, Any] = {"status": "failed", "error": "Timeout", "cause": "timeout"}


def check(verdict: Verdict, message: str = "warm 6 s > 5 s") -> Check:
    return Check(metric="warm", against="budget", verdict=verdict, message=message)


def ends(*outcomes: TestEnd, message: str | None = "too dark") -> dict[str, Any]:
    """Tests of the endpoint that ended so."""
    return {
        "tests": [
            OutcomeOfTest(
                test=f"test_{number}", outcome=outcome, message=None if outcome == "passed" else message
            )
            for number, outcome in enumerate(outcomes)
        ]
    }


def judged(*, strict: bool = False, today: dt.date = TODAY, **fields: Any) -> EndpointResult:
    return verdicts.judged(result(**fields), strict=strict, today=today)


def objection(*, strict: bool = False, today: dt.date = TODAY, **fields: Any) -> str | None:
    return verdicts.objection(result(**fields), strict=strict, today=today)


@pytest.mark.parametrize(
    ("fields", "verdict"),
    [
        ({}, "PASS"),
        ({"checks": [check("PASS"), check("WARN")]}, "WARN"),
        ({"checks": [check("INCONCLUSIVE"), check("PASS")]}, "INCONCLUSIVE"),
        ({"checks": [check("WARN"), check("FAIL")]}, "FAIL"),
        ({"cold_inconclusive": "woken"}, "INCONCLUSIVE"),
        ({"warm_inconclusive": "changed"}, "INCONCLUSIVE"),
        ({"status": "skipped"}, "SKIP"),
        ({"status": "not_run"}, "SKIP"),
        ({"status": "failed", "samples": [sample("cold", 1.0, ok=False)], "cause": "timeout"}, "FAIL"),
        ({"status": "failed", "cause": "not_deployed"}, "FAIL"),
        ({"status": "failed", "error": "worker crashed"}, "ERROR"),
    ],
)
def test_the_gates_own_verdict_is_the_worst_of_what_there_is(
    fields: dict[str, Any], verdict: Verdict
) -> None:
    assert judged(**fields).verdict == verdict


@pytest.mark.parametrize(
    ("fields", "verdict", "reasons"),
    [
        (ends("passed"), "PASS", []),
        (ends("passed", "failed"), "FAIL", ["too dark"]),
        (ends("failed", "error"), "FAIL", ["too dark"]),
        (ends("error"), "ERROR", ["too dark"]),
        (ends("xfailed"), "WARN", ["too dark"]),
        (ends("skipped"), "PASS", []),
        (ends("skipped") | {"status": "skipped", "skipped_reason": "no GPU"}, "SKIP", ["no GPU"]),
        (ends("failed", message=None) | FAILED, "FAIL", ["Timeout"]),
        (ends("failed", message=None) | {"checks": [check("FAIL")]}, "FAIL", ["warm 6 s > 5 s"]),
    ],
)
def test_what_fails_in_its_tests_fails_the_endpoint(
    fields: dict[str, Any], verdict: Verdict, reasons: list[str]
) -> None:
    found = judged(**fields)
    assert (found.verdict, found.reasons) == (verdict, reasons)


def test_a_failure_of_ones_own_changes_nothing_of_what_the_endpoint_did() -> None:
    found = judged(**ends("failed"))
    assert (found.status, found.error) == ("success", None)


def test_where_every_test_was_expected_to_fail_a_failure_is_a_warning() -> None:
    assert judged(**FAILED, **ends("xfailed")).verdict == "WARN"
    assert judged(**FAILED, **ends("xfailed", "failed")).verdict == "FAIL"


def test_an_expected_failure_hides_nothing_worse_that_nobody_expected() -> None:
    assert judged(**ends("xfailed", "error")).verdict == "ERROR"


def test_a_test_that_keeps_the_gates_failure_to_itself_does_not_make_it_pass() -> None:
    assert judged(**FAILED, **ends("passed")).verdict == "FAIL"


def test_the_worst_of_many() -> None:
    assert verdicts.worst([]) == "SKIP"
    assert verdicts.worst(["PASS", "SKIP"]) == "PASS"
    assert verdicts.worst(["PASS", "WARN", "INCONCLUSIVE"]) == "WARN"
    assert verdicts.worst(["ERROR", "FAIL"]) == "FAIL"


@pytest.mark.parametrize(
    ("results", "verdict"),
    [
        ([], "ERROR"),
        ([{"status": "skipped"}], "ERROR"),
        ([{}, {"status": "skipped"}], "PASS"),
        ([{}, {"checks": [check("WARN")]}], "WARN"),
        ([FAILED, {"status": "skipped"}], "FAIL"),
        ([{}, {"status": "failed", "error": "crashed"}], "ERROR"),
    ],
)
def test_a_run_is_as_bad_as_its_worst_endpoint_and_an_error_if_none_was_measured(
    results: list[dict[str, Any]], verdict: Verdict
) -> None:
    assert verdicts.of_run([judged(**fields) for fields in results]) == verdict


SEVERITY: tuple[Verdict, ...] = ("PASS", "INCONCLUSIVE", "WARN", "FAIL")
several = st.lists(st.sampled_from(SEVERITY), max_size=4)
outcomes: st.SearchStrategy[list[TestEnd]] = st.lists(
    st.sampled_from(("passed", "failed", "error", "xfailed")), max_size=3
)


@given(several, several)
def test_one_more_check_never_makes_a_verdict_milder(some: list[Verdict], more: list[Verdict]) -> None:
    before = judged(checks=[check(each) for each in some]).verdict
    after = judged(checks=[check(each) for each in some + more]).verdict

    assert before is not None
    assert after is not None
    assert SEVERITY.index(before) <= SEVERITY.index(after)


@given(several, st.booleans(), outcomes)
def test_what_passes_under_strict_passes_without(
    some: list[Verdict], doubtful: bool, tests: list[TestEnd]
) -> None:
    fields: dict[str, Any] = {"checks": [check(each) for each in some], "cold_verified": not doubtful}
    fields |= ends(*tests)

    strict, lax = (judged(strict=each, **fields).verdict for each in (True, False))
    assert strict in verdicts.FAILING or lax not in verdicts.FAILING


@given(several, outcomes, st.booleans())
def test_a_test_fails_if_and_only_if_the_verdict_does(
    some: list[Verdict], tests: list[TestEnd], strict: bool
) -> None:
    """The gate raises in each of an endpoint's tests, so that its verdict and theirs can't part."""
    fields: dict[str, Any] = {"checks": [check(each) for each in some]}
    raised = objection(strict=strict, **fields) is not None
    seen: list[TestEnd] = ["failed" if raised else each for each in tests] or [
        "failed" if raised else "passed"
    ]

    verdict = judged(strict=strict, **fields, **ends(*seen)).verdict
    assert (verdict in verdicts.FAILING) == any(each in ("failed", "error") for each in seen)


@pytest.mark.parametrize("status", ["skipped", "not_run"])
def test_under_strict_it_takes_no_reason_to_be_skipped_for_to_fail(status: str) -> None:
    assert objection(strict=True, status=status) == f"strict: {status.replace('_', ' ')}"
    assert objection(strict=False, status=status) is None


def test_what_fails_says_why() -> None:
    assert objection(checks=[check("FAIL")]) == "warm 6 s > 5 s"
    assert objection(**FAILED) == "Timeout"
    assert objection(strict=True, checks=[check("WARN")]) is None


@pytest.mark.parametrize(
    "fields",
    [
        {"checks": [check("INCONCLUSIVE", "needs 10 calls")]},
        {"status": "skipped", "skipped_reason": "Missing: LoRA file"},
        {"cold_verified": False},
        {"cached": "2 answers with the same bytes"},
        {"misfits": ["payload: face_image: not a field"]},
        {"samples": [sample("warm", 1.0, unchecked="answer not checked: no decoder for PDF")]},
    ],
)
def test_what_is_in_doubt_fails_under_strict_alone(fields: dict[str, Any]) -> None:
    assert objection(**fields) is None
    assert (objection(strict=True, **fields) or "").startswith("strict: ")
    assert judged(strict=True, **fields).verdict == "FAIL"
    assert judged(**fields).verdict not in verdicts.FAILING


def test_in_quarantine_a_failure_is_a_warning_until_its_last_day_is_over() -> None:
    tomorrow = TODAY + dt.timedelta(days=1)
    bad = judged(**FAILED, **ends("xfailed"), quarantine=QUARANTINE)

    assert (bad.verdict, bad.reasons[0]) == ("WARN", "Timeout")
    assert bad.reasons[-1] == "in quarantine until 2026-06-01: flaky driver"
    assert judged(quarantine=QUARANTINE, **ends("passed")).verdict == "PASS"
    over = judged(today=tomorrow, quarantine=QUARANTINE)
    assert over.verdict == "FAIL"
    assert over.reasons[0].startswith("its quarantine ended on 2026-06-01 (flaky driver)")
    still_bad = objection(today=tomorrow, quarantine=QUARANTINE, **FAILED) or ""
    assert still_bad.endswith("; Timeout"), "what is wrong is said, too"


def test_a_test_that_fails_in_quarantine_all_the_same_counts() -> None:
    """As under `--runxfail`: the exit code is 1, and so the verdict can't be milder."""
    assert judged(**FAILED, **ends("failed", message=None), quarantine=QUARANTINE).verdict == "FAIL"
