"""Where an endpoint stands after a run, why, and whether it can fail the run: what each report of verdicts asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_modal_bench.model import WORST_FIRST

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_modal_bench.model import EndpointResult, Run, Status, Verdict

_BY_STATUS: dict[Status, Verdict] = {
    "success": "PASS",
    "failed": "FAIL",
    "skipped": "SKIP",
    "not_run": "SKIP",
}


def standing(result: EndpointResult) -> Verdict:
    """Return the gate's verdict; where it was not asked, what the status comes to."""
    return result.verdict or _BY_STATUS[result.status]


def overall(run: Run) -> Verdict | None:
    """Return the run's verdict; where the gate was not asked, the worst of the endpoints that can fail it."""
    if run.verdict is not None:
        return run.verdict
    counting = [standing(result) for result in run.results if not quarantined(result, run)]
    return min(counting, key=WORST_FIRST.index, default=None)


def counts(results: Sequence[EndpointResult]) -> dict[Verdict, int]:
    """Return how many endpoints stand where, zeros included."""
    found = [standing(result) for result in results]
    return {verdict: found.count(verdict) for verdict in WORST_FIRST}


def reasons(result: EndpointResult) -> list[str]:
    """Return what speaks against `result`, each once: checks that it did not pass, errors, what it lacked."""
    known = [check.message for check in result.checks if check.verdict != "PASS"]
    known += filter(None, (result.error, result.skipped_reason))
    if not known and standing(result) != "PASS":
        known += filter(None, (result.cold_inconclusive, result.warm_inconclusive))
    return list(dict.fromkeys(known))


def quarantined(result: EndpointResult, run: Run) -> bool:
    """Whether it could not fail `run`: its quarantine lasts to the day of the run, or longer."""
    return result.quarantine is not None and result.quarantine.until >= run.timestamp[:10]
