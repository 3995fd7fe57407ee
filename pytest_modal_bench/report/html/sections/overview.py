"""The top of the page: the verdict in a sentence, and the run's main figures as tiles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from pytest_modal_bench.gate.summary import counts, prevented, verdict_of_run
from pytest_modal_bench.report.escape import NAME_LIMIT, line
from pytest_modal_bench.report.figures.moves import moves, sentence
from pytest_modal_bench.report.figures.timestamps import moment
from pytest_modal_bench.report.figures.units import UNKNOWN, dollars, doubted, seconds
from pytest_modal_bench.report.html.sections.names import TONES
from pytest_modal_bench.safety.text import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytest_modal_bench.model import Run, Summary, Verdict
    from pytest_modal_bench.report.html.sections.names import Named


class Tile(NamedTuple):
    """One figure."""

    label: str
    value: str
    detail: str = ""
    tone: str = ""
    """CSS class of its colour."""
    target: str | None = None
    """The section that has more on it."""


@dataclass(frozen=True, slots=True)
class Overview:
    """What stands at the top."""

    verdict: Verdict | None
    tone: str
    headline: str
    facts: tuple[str, ...]
    """Sentences below the headline."""
    changed: str | None
    """What changed most against earlier runs."""
    tiles: tuple[Tile, ...]
    where: str
    when: str


def overview(run: Run, endpoints: Sequence[Named]) -> Overview:
    """Return the top of the page of `run`."""
    verdict = verdict_of_run(run)
    read = moment(run.timestamp)
    places = [line(place, NAME_LIMIT) for place in (run.workspace, run.environment) if place]
    return Overview(
        verdict,
        TONES[verdict] if verdict is not None else "skipped",
        _headline(run, verdict),
        tuple(_facts(run)),
        _changed(endpoints),
        tuple(_tiles(run.summary, endpoints)),
        " / ".join(places),
        line(run.timestamp, NAME_LIMIT) if read is None else f"{read:%Y-%m-%d %H:%M} UTC",
    )


def _headline(run: Run, verdict: Verdict | None) -> str:
    found, total = counts(run.results), len(run.results)
    of_all = f"of {counted(total, 'endpoint')}"
    failed = [
        *([f"{found['FAIL']} {of_all} failed"] if found["FAIL"] else []),
        *([f"{found['ERROR']} {of_all} could not be measured"] if found["ERROR"] else []),
    ]
    headlines: dict[Verdict | None, str] = {
        None: "This run has no endpoints",
        "PASS": _all_passed(total, found["SKIP"]),
        "WARN": f"Passed, with a warning on {found['WARN']} {of_all}",
        "INCONCLUSIVE": f"Nothing failed, but {found['INCONCLUSIVE']} {of_all} cannot be judged",
        "SKIP": "Nothing was measured",
    }
    return headlines.get(verdict) or ", ".join(failed) or "Nothing was measured"


def _all_passed(total: int, skipped: int) -> str:
    measured = total - skipped
    if skipped and measured == 1:
        return "The one endpoint that was measured passed"
    if skipped:
        return f"All {measured} endpoints that were measured passed"
    return f"All {total} endpoints passed" if total > 1 else "The endpoint passed"


def _facts(run: Run) -> Iterator[str]:
    if run.simulated:
        yield f"Simulated: {run.simulated}"
    if not run.finished and run.results:
        yield "This run was cut off, or was still going on when this report was written."
    if not_done := prevented(run.results):
        yield f"Not measured: {not_done}"


def _changed(endpoints: Sequence[Named]) -> str | None:
    """Say what moved most against earlier runs, beyond noise."""
    moved = moves(each.result for each in endpoints)
    if not moved:
        return None
    name = next(each.name for each in endpoints if each.result is moved[0].result)
    more = f"; {len(moved) - 1} more moved" if len(moved) > 1 else ""
    return f"{name} {sentence(moved[0])}{more}"


def _tiles(summary: Summary, endpoints: Sequence[Named]) -> Iterator[Tile]:
    target = "results" if endpoints else None
    yield Tile("Endpoints", str(summary.total), counted(summary.calls, "call"), target=target)
    found = counts([each.result for each in endpoints])
    passed, warned = found["PASS"] + found["WARN"], found["WARN"]
    yield Tile(
        "Passed",
        str(passed),
        f"{warned} with a warning" if warned else "",
        "pass" if passed else "",
        _more_on("WARN", endpoints) if warned else None,
    )
    failed = found["FAIL"] + found["ERROR"]
    yield Tile("Failed", str(failed), "", "fail" if failed else "", "failures" if failed else None)
    if found["INCONCLUSIVE"]:
        yield Tile(
            "Not conclusive", str(found["INCONCLUSIVE"]), "", "warn", _more_on("INCONCLUSIVE", endpoints)
        )
    if found["SKIP"]:
        yield Tile("Skipped", str(found["SKIP"]), "", "skipped", "skipped")
    yield from _slowest(endpoints)
    yield _cost(summary)


def _more_on(verdict: Verdict, endpoints: Sequence[Named]) -> str:
    """Return the section that says why: an endpoint in quarantine may have failed, and is warned of."""
    answered = any(each.verdict == verdict and each.result.status != "failed" for each in endpoints)
    return "doubts" if answered else "failures"


def _slowest(endpoints: Sequence[Named]) -> Iterator[Tile]:
    for label, field in (("Slowest cold start", "cold_time_sec"), ("Slowest warm call", "warm_time_sec")):
        known = [(time, each) for each in endpoints if (time := getattr(each.result, field)) is not None]
        if known:
            time, each = max(known, key=lambda found: found[0])
            proven = field != "cold_time_sec" or each.result.cold_verified
            yield Tile(label, f"{doubted(seconds(time), proven=proven)} s", each.name, target=each.anchor)


def _cost(summary: Summary) -> Tile:
    if summary.total_cost_usd is None:
        return Tile("Cost of this run", UNKNOWN, "no call's cost is known")
    known = f"{'~' * summary.estimated}${dollars(summary.total_cost_usd)}"
    if summary.calls_with_cost == summary.calls:
        return Tile("Cost of this run", known, "", target="costs")
    partly = f"known of {summary.calls_with_cost} of {counted(summary.calls, 'call')}"
    return Tile("Cost, at least", known, partly, target="costs")
