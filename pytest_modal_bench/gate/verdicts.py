"""The verdict on an endpoint: made here and nowhere else, of what it did, of its checks, and of how its tests ended.

Every surface (exit code, JUnit, gate.json, reports, comment, merge) reads what `judged` has written into the result.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from msgspec import structs

from pytest_modal_bench.gate.doubts import doubts, inconclusive
from pytest_modal_bench.model import WORST_FIRST
from pytest_modal_bench.safety.text import once

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pytest_modal_bench.model import EndpointResult, Verdict

FAILING: frozenset[Verdict] = frozenset({"FAIL", "ERROR"})
"""Verdicts with which a run ends in exit code 1."""


def judged(result: EndpointResult, *, strict: bool, today: dt.date) -> EndpointResult:
    """Return `result` with its verdict, and with what speaks against it, a line each.

    `strict`: what is not beyond doubt fails, too. `today` says whether a quarantine still holds.
    """
    verdict, reasons = _by_gate(result, strict=strict, today=today)
    by_tests, said = _by_tests(result, verdict)
    if by_tests is not None:
        # Where no test has failed, but one was expected to, that is all that comes of it.
        verdict = by_tests if verdict in FAILING and by_tests not in FAILING else worst([verdict, by_tests])
    if verdict in FAILING and by_tests not in FAILING and in_quarantine(result, today=today):
        verdict = "WARN"
    excuse = _excuse(result, today=today)
    if excuse and by_tests == "WARN":
        said = []  # that the tests were expected to fail is what the quarantine says
    return structs.replace(result, verdict=verdict, reasons=once([*reasons, *said, *excuse]))


def objection(result: EndpointResult, *, strict: bool, today: dt.date) -> str | None:
    """Say in one line why the endpoint's test must fail, whatever else it checks; None: it need not."""
    verdict, reasons = _by_gate(result, strict=strict, today=today)
    return "; ".join(reasons) if verdict in FAILING else None


def objections(result: EndpointResult) -> Iterator[str]:
    """Yield what speaks against a result: errors, checks that it did not pass, what it lacks."""
    yield from (reason for reason in (result.error, result.skipped_reason) if reason)
    yield from result.misfits
    yield from (check.message for check in result.checks if check.verdict != "PASS")
    yield from inconclusive(result)


def in_quarantine(result: EndpointResult, *, today: dt.date) -> bool:
    """Whether the endpoint cannot fail today, whatever it does."""
    return result.quarantine is not None and today <= dt.date.fromisoformat(result.quarantine.until)


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the worst of `verdicts`; SKIP of none."""
    return min(verdicts, key=WORST_FIRST.index, default="SKIP")


def of_run(results: Iterable[EndpointResult]) -> Verdict:
    """Return the verdict on a run: the worst of its endpoints'; ERROR if not one of them was measured."""
    verdicts, measured = [], False
    for result in results:
        verdicts.append(result.verdict or "ERROR")
        measured = measured or result.status == "success"
    found = worst(verdicts)
    return found if measured or found in FAILING else "ERROR"


def _by_gate(result: EndpointResult, *, strict: bool, today: dt.date) -> tuple[Verdict, list[str]]:
    """What the endpoint's own conduct comes to, before its tests add to it."""
    verdict = _conduct(result)
    reasons = [*objections(result)]
    if result.quarantine is not None and not in_quarantine(result, today=today):
        quarantine = result.quarantine
        reasons.insert(
            0,
            f"its quarantine ended on {quarantine.until} ({quarantine.reason}): take it out of the catalogue, "
            "or renew it",
        )
        verdict = worst([verdict, "FAIL"])
    if strict and verdict not in FAILING:
        found = list(dict.fromkeys(doubts(result)))
        if found:
            return "FAIL", [f"strict: {'; '.join(found)}"]
    return verdict, reasons


def _conduct(result: EndpointResult) -> Verdict:
    if result.status == "not_run" and result.skipped_reason is not None:
        return "INCONCLUSIVE"  # it was asked for, and a limit kept it from being done
    if result.status in ("skipped", "not_run"):
        return "SKIP"
    if result.status == "failed":
        # A call that failed has a cause: without one, the trouble is on the measuring side.
        return "ERROR" if result.cause is None else "FAIL"
    incomplete = result.cold_inconclusive is not None or result.warm_inconclusive is not None
    return worst([*(check.verdict for check in result.checks), "INCONCLUSIVE" if incomplete else "PASS"])


def _by_tests(result: EndpointResult, by_gate: Verdict) -> tuple[Verdict | None, list[str]]:
    """What the endpoint's tests add: failures of their own, errors around them, and failures that were expected.

    A test that fails without a message of its own was failed by the gate, whose verdict that is.
    """
    outcomes = {each.outcome for each in result.tests}
    own = {each.outcome for each in result.tests if each.message}
    said = [
        each.message
        for each in result.tests
        if each.message and each.outcome in ("failed", "error", "xfailed")
    ]
    if "failed" in own:
        return "FAIL", said
    if "error" in own:
        return "ERROR", said
    if outcomes & {"failed", "error"}:
        return (by_gate if by_gate in FAILING else "FAIL"), said
    return ("WARN" if "xfailed" in outcomes else None), said


def _excuse(result: EndpointResult, *, today: dt.date) -> list[str]:
    if result.quarantine is None or not in_quarantine(result, today=today):
        return []
    return [f"in quarantine until {result.quarantine.until}: {result.quarantine.reason}"]
