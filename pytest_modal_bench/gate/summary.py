"""Verdicts as reports read them: an endpoint's, a run's, how many there are of each. Makes none of its own."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from pytest_modal_bench.gate.verdicts import objections, worst
from pytest_modal_bench.model import WORST_FIRST
from pytest_modal_bench.safety.text import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_modal_bench.model import EndpointResult, Run, Status, Verdict

_BY_STATUS: dict[Status, Verdict] = {
    "success": "PASS",
    "failed": "FAIL",
    "skipped": "SKIP",
    "not_run": "SKIP",
}


def verdict_or_default(result: EndpointResult) -> Verdict:
    """Return the gate's verdict; where it was not asked, as in a report of the reference, what the status comes to."""
    return result.verdict or _BY_STATUS[result.status]


def verdict_of_run(run: Run) -> Verdict | None:
    """Return the run's verdict; where the gate was not asked, the worst of its endpoints'; None: it has none."""
    if run.verdict is not None or not run.results:
        return run.verdict
    return worst(verdict_or_default(result) for result in run.results)


def counts(results: Sequence[EndpointResult]) -> dict[Verdict, int]:
    """Return how many endpoints have which verdict, zeros included."""
    found = [verdict_or_default(result) for result in results]
    return {verdict: found.count(verdict) for verdict in WORST_FIRST}


def reasons(result: EndpointResult) -> list[str]:
    """Return what speaks against `result`, each once; where the gate was not asked, what is known of it."""
    return result.reasons or list(dict.fromkeys(objections(result)))


def not_compared(results: Sequence[EndpointResult]) -> dict[str, list[str]]:
    """Return, by id, why endpoints were not compared with some earlier runs; nothing where none was with any."""
    if not any(check.against == "baseline" for result in results for check in result.checks):
        return {}
    return {
        result.id: [note for note in result.notes if note.startswith("not compared: ")] for result in results
    }


def prevented(results: Sequence[EndpointResult]) -> str | None:
    """Say in one line how many endpoints a limit kept from being measured, in full or at all; None: it kept none."""
    reasons = Counter(result.skipped_reason for result in results if result.status == "not_run")
    reasons.pop(None, None)
    if not reasons:
        return None
    reason = reasons.most_common(1)[0][0]
    return f"{reasons.total()} of {counted(len(results), 'endpoint')}: {reason}"


def quarantined(result: EndpointResult, run: Run) -> bool:
    """Whether it could not fail `run`: its quarantine lasts to the day of the run, or longer."""
    return result.quarantine is not None and result.quarantine.until >= run.timestamp[:10]
