"""How a trend's figures and findings are put into words: the same in each format, as plain text."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from pytest_modal_bench.gate.change_points import FEWEST_RUNS, LEVEL
from pytest_modal_bench.gate.metrics import METRICS
from pytest_modal_bench.report.figures.timestamps import moment
from pytest_modal_bench.report.figures.units import UNKNOWN, cost, doubted, seconds
from pytest_modal_bench.report.trend.points import new_commits, new_deploys, new_histories
from pytest_modal_bench.safety.text import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_modal_bench.gate.metrics import Name
    from pytest_modal_bench.report.trend.points import Change, Failure, Series, Trend
    from pytest_modal_bench.report.trend.reading import Folder, Stop

_COMMIT_LIMIT = 10
"""Characters of a commit's hash, which are enough to find it."""
_DATE_LIMIT = 20
_LARGE = 10
"""Ratio from which on per cent have too many digits."""


def day(stop: Stop) -> str:
    """Return a run's day: `2026-11-02`."""
    read = moment(stop.timestamp)
    return stop.timestamp[:_DATE_LIMIT] if read is None else f"{read:%Y-%m-%d}"


def minute(stop: Stop) -> str:
    """Return a run's time to the minute, in UTC: `2026-11-02 13:05`."""
    read = moment(stop.timestamp)
    return stop.timestamp[:_DATE_LIMIT] if read is None else f"{read:%Y-%m-%d %H:%M}"


def period(runs: Sequence[Stop]) -> str:
    """Return from when to when runs were made."""
    return f"{' to '.join(dict.fromkeys((minute(runs[0]), minute(runs[-1]))))} UTC"


def commit(hash_: str) -> str:
    """Return as much of a commit's hash as people need."""
    return hash_[:_COMMIT_LIMIT]


def deploy(deployed: str) -> str:
    """Return the version of a deploy, which stands before its time."""
    return deployed.partition(",")[0][:_COMMIT_LIMIT]


def value(name: Name, amount: float | None, trend: Trend, run: int) -> str:
    """Return a figure of one run, without its unit."""
    point = trend.points[run]
    if name == "cost":
        return cost(amount, point.cost_basis if point is not None else None)
    return doubted(seconds(amount), proven=name != "cold" or (point is not None and point.cold_verified))


def first_and_last(series: Series, trend: Trend) -> str:
    """Return the first and the last known figure: `2.1 → 2.7`."""
    first, last = series.known[0], series.known[-1]
    shown = [value(series.name, series.values[run], trend, run) for run in dict.fromkeys((first, last))]
    return " → ".join(shown)


def last_over_first(series: Series, trend: Trend) -> str:
    """Return by how much the last known figure differs from the first: `+31%`."""
    first, last = series.known[0], series.known[-1]
    before, after = series.values[first], series.values[last]
    if first == last or not before or after is None:
        return UNKNOWN
    ends = [trend.points[run] for run in (first, last)]
    proven = series.name != "cold" or all(point is not None and point.cold_verified for point in ends)
    return doubted(percent(after / before), proven=proven)


def percent(ratio: float) -> str:
    """Return a ratio as a difference: `+31%`, or `x120` where per cent would have too many digits."""
    if not math.isfinite(ratio):
        return UNKNOWN
    return f"{round(100 * (ratio - 1)):+}%" if ratio < _LARGE else f"x{ratio:.3g}"


def change(name: Name, found: Change) -> str:
    """Return what changed: `warm +31% (2.1 → 2.7 s, p = 0.002)`."""
    point = found.found
    write, unit = (seconds, " s") if name != "cost" else (lambda amount: cost(amount, None), " USD")
    before, after, ratio = (
        doubted(shown, proven=found.proven)
        for shown in (write(point.before), write(point.after), percent(point.ratio))
    )
    return f"{METRICS[name].label} {ratio} ({before} → {after}{unit}, p = {point.p:.2g})"


def when(run: int, runs: Sequence[Stop]) -> str:
    """Return the run at which something changed: `2026-11-02 13:05 (commit abc123)`."""
    stop = runs[run]
    if stop.commit is None:
        return minute(stop)
    if run in new_commits(runs):
        return f"{minute(stop)} (commit {commit(stop.commit)})"
    before = any(each.commit is not None for each in runs[:run])
    return f"{minute(stop)} (same commit as before: {commit(stop.commit)})" if before else minute(stop)


def span(failure: Failure, runs: Sequence[Stop]) -> str:
    """Return when an endpoint failed: `2026-11-02 to 2026-11-04 (3 runs)`."""
    count = failure.last - failure.first + 1
    if count == 1:
        return minute(runs[failure.first])
    return f"{minute(runs[failure.first])} to {minute(runs[failure.last])} ({count} runs)"


def level(found: Change, trend: Trend, runs: Sequence[Stop]) -> str:
    """Return a change in a cell beside its series: `+31% since 2026-11-02 (deploy v12, commit abc123)`."""
    ratio = doubted(percent(found.found.ratio), proven=found.proven)
    new_deploy, new_commit = new_deploys(trend).get(found.run), new_commits(runs).get(found.run)
    new = [
        *([f"deploy {deploy(new_deploy)}"] if new_deploy else []),
        *([f"commit {commit(new_commit)}"] if new_commit else []),
    ]
    return f"{ratio} since {day(runs[found.run])}{' (' + ', '.join(new) + ')' if new else ''}"


def histories(trend: Trend, runs: Sequence[Stop]) -> list[str]:
    """Return where new histories of an endpoint begin: `new history since 2026-12-01: new model`."""
    return [
        f"new history since {day(runs[run])}: {reason}" for run, reason in new_histories(trend, runs).items()
    ]


def accepted(trend: Trend, run: int, runs: Sequence[Stop]) -> str:
    """Return why a change at a run is an intended one, as the end of a sentence; nothing where none is known to be."""
    reason = new_histories(trend, runs).get(run)
    return f"; a new history begins here: {reason}" if reason else ""


def searched(trends: Sequence[Trend]) -> str:
    """Say how many change points there are, and how far they can be trusted."""
    series = [each for trend in trends for each in trend.series]
    enough = sum(each.searched for each in series)
    if not series:
        return "No run has a figure to show."
    if not enough:
        most = max(len(each.known) for each in series)
        return f"No change points: it takes {FEWEST_RUNS} runs to find one, and there are at most {most}."
    found = sum(len(each.changes) for each in series)
    short = (
        f" ({len(series) - enough} more have fewer than {FEWEST_RUNS} runs)" if enough < len(series) else ""
    )
    return (
        f"{counted(found, 'change point') if found else 'No change point'} in {enough} series{short}."
        f" Chance alone gives one to at most {LEVEL:.0%} of the series that did not change: {_expected(enough)} here."
    )


def _expected(series: int) -> str:
    expected = LEVEL * series
    return f"about {expected:.0f}" if expected >= 1 else "less than one"


def facts(folder: Folder) -> dict[str, str]:
    """Return what a trend is of, by what it is called."""
    runs = folder.runs
    commits = len({stop.commit for stop in runs} - {None})
    known = {
        "Workspace": folder.where.workspace,
        "Environment": folder.where.environment,
        "Simulated": folder.where.simulated,
        "Runs": f"{len(runs)}, {period(runs)}",
        "Commits": str(commits) if commits else "not known",
    }
    return {name: said for name, said in known.items() if said}
