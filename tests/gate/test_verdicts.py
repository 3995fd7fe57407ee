from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_runs import result, sample

from pytest_modal_bench.gate.verdicts import excused, fails, verdict, worst
from pytest_modal_bench.model import Check, EndpointResult, Quarantine, Verdict

TODAY = dt.date(2026, 6, 1)


def check(said: Verdict, message: str = "warm 6 s > 5 s") -> Check:
    return Check(metric="warm", against="budget", verdict=said, message=message)


def judged(**fields: Any) -> EndpointResult:
    found: EndpointResult = result(**fields)
    found.verdict = verdict(found)
    return found


@pytest.mark.parametrize(
    ("fields", "said"),
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
def test_a_verdict_is_the_worst_of_what_there_is(fields: dict[str, Any], said: Verdict) -> None:
    assert judged(**fields).verdict == said


def test_the_worst_of_many() -> None:
    assert worst([]) is None
    assert worst(["PASS", "SKIP"]) == "PASS"
    assert worst(["PASS", "WARN", "INCONCLUSIVE"]) == "WARN"
    assert worst(["ERROR", "FAIL"]) == "FAIL"


SEVERITY: tuple[Verdict, ...] = ("PASS", "INCONCLUSIVE", "WARN", "FAIL")
several = st.lists(st.sampled_from(SEVERITY), max_size=4)


@given(several, several)
def test_one_more_check_never_makes_a_verdict_milder(some: list[Verdict], more: list[Verdict]) -> None:
    before = verdict(result(checks=[check(each) for each in some]))
    after = verdict(result(checks=[check(each) for each in some + more]))

    assert SEVERITY.index(before) <= SEVERITY.index(after)


@given(several, st.booleans())
def test_what_passes_under_strict_passes_without(some: list[Verdict], doubtful: bool) -> None:
    found = judged(checks=[check(each) for each in some], cold_verified=not doubtful)

    assert (
        fails(found, strict=True, today=TODAY) is not None or fails(found, strict=False, today=TODAY) is None
    )


def test_what_has_not_been_judged_does_not_pass_for_it() -> None:
    assert fails(result(status="failed", error="Timeout"), strict=False, today=TODAY) == "Timeout"


@pytest.mark.parametrize("status", ["skipped", "not_run"])
def test_under_strict_it_takes_no_reason_to_be_skipped_for_to_fail(status: str) -> None:
    assert fails(judged(status=status), strict=True, today=TODAY) == f"strict: {status.replace('_', ' ')}"


def test_what_fails_says_why() -> None:
    assert fails(judged(checks=[check("FAIL")]), strict=False, today=TODAY) == "warm 6 s > 5 s"
    failed = judged(status="failed", error="Timeout", cause="timeout")
    assert fails(failed, strict=False, today=TODAY) == "Timeout"
    assert fails(judged(checks=[check("WARN")]), strict=True, today=TODAY) is None


@pytest.mark.parametrize(
    "fields",
    [
        {"checks": [check("INCONCLUSIVE", "needs 10 calls")]},
        {"status": "skipped", "skipped_reason": "Missing: LoRA file"},
        {"cold_verified": False},
        {"cached": "2 answers with the same bytes"},
        {"misfits": ["payload: face_image: not a field"]},
    ],
)
def test_what_is_in_doubt_fails_under_strict_alone(fields: dict[str, Any]) -> None:
    doubtful = judged(**fields)

    assert fails(doubtful, strict=False, today=TODAY) is None
    assert (fails(doubtful, strict=True, today=TODAY) or "").startswith("strict: ")


def test_in_quarantine_nothing_fails_until_its_last_day_is_over() -> None:
    quarantine = Quarantine(reason="flaky driver", until="2026-06-01")
    bad = judged(status="failed", error="Timeout", cause="timeout", quarantine=quarantine)

    assert fails(bad, strict=True, today=TODAY) is None
    assert excused(bad, today=TODAY) == "in quarantine until 2026-06-01 (flaky driver): Timeout"
    good = judged(quarantine=quarantine)
    tomorrow = TODAY + dt.timedelta(days=1)
    assert excused(good, today=tomorrow) is None
    said = fails(good, strict=False, today=tomorrow) or ""
    assert said.startswith("its quarantine ended on 2026-06-01 (flaky driver)")
    assert (fails(bad, strict=False, today=tomorrow) or "").endswith("; Timeout"), (
        "what is wrong is said, too"
    )
