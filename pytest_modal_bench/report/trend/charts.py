"""The chart of one metric of an endpoint: its runs, its levels, and what happened at a run."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from pytest_modal_bench.gate.metrics import METRICS
from pytest_modal_bench.report.figures.units import UNKNOWN, doubted
from pytest_modal_bench.report.html.line_chart import Level, LineChart, Marker, Value, line_chart
from pytest_modal_bench.report.trend import wording
from pytest_modal_bench.report.trend.points import new_commits, new_deploys, new_histories
from pytest_modal_bench.safety.text import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytest_modal_bench.report.trend.points import Series, Trend
    from pytest_modal_bench.report.trend.reading import Stop

_UNITS = {"cost": "US dollars a warm call"}


def chart(series: Series, trend: Trend, name: str, runs: Sequence[Stop]) -> LineChart:
    """Return the chart of a metric of the endpoint that is called `name`."""
    label = METRICS[series.name].label
    return line_chart(
        label,
        [_run(stop) for stop in runs],
        [_value(series, trend, run) for run in range(len(runs))],
        kind=series.name,
        unit=_UNITS.get(series.name, "seconds"),
        summary=f"{name}, {label}, {counted(len(runs), 'run')}: {wording.first_and_last(series, trend)}",
        ends=[*dict.fromkeys((wording.day(runs[0]), wording.day(runs[-1])))],
        levels=[*_levels(series)],
        markers=[*_markers(series, trend, runs)],
    )


def _run(stop: Stop) -> str:
    return f"{wording.minute(stop)}{f', {wording.commit(stop.commit)}' if stop.commit else ''}"


def _value(series: Series, trend: Trend, run: int) -> Value:
    amount, point = series.values[run], trend.points[run]
    if amount is None:
        return Value(None, point.gap.reason if point is not None and point.gap is not None else UNKNOWN)
    hollow = series.name == "cold" and (point is None or not point.cold_verified)
    return Value(amount, wording.value(series.name, amount, trend, run), hollow)


def _levels(series: Series) -> Iterator[Level]:
    """Yield the levels between change points; none where there is no change point."""
    known = series.known
    if series.changes:
        begins = [known[0], *(change.run for change in series.changes), known[-1] + 1]
        amounts = [series.changes[0].found.before, *(change.found.after for change in series.changes)]
        for (first, after), amount in zip(pairwise(begins), amounts, strict=True):
            yield Level(first, max(run for run in known if run < after), amount)


def _markers(series: Series, trend: Trend, runs: Sequence[Stop]) -> Iterator[Marker]:
    for run, commit in new_commits(runs).items():
        yield Marker(run, "", f"commit {wording.commit(commit)}", "commit")
    for run, deployed in new_deploys(trend).items():
        yield Marker(run, "", f"deploy {deployed}", "deploy")
    changed = {change.run for change in series.changes}
    for run, reason in new_histories(trend, runs).items():
        # Two labels at one run would lie over each other; that of the change has the reason, too.
        yield Marker(run, "" if run in changed else "new", f"a new history begins here: {reason}", "history")
    for failure in trend.failures:
        for run in range(failure.first, failure.last + 1):
            yield Marker(run, "", failure.reason, "failed" if failure.failed else "skipped")
    for change in series.changes:
        short = doubted(wording.percent(change.found.ratio), proven=change.proven)
        said = wording.change(series.name, change) + wording.accepted(trend, change.run, runs)
        yield Marker(change.run, short, said, "change")
