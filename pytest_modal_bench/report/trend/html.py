"""A trend as an HTML page: what changed and when, then a chart a metric of each endpoint. Needs the extra `html`."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, NamedTuple

from pytest_modal_bench.report.html.shell import page
from pytest_modal_bench.report.labels import Labels
from pytest_modal_bench.report.trend import rows, wording
from pytest_modal_bench.report.trend.charts import chart
from pytest_modal_bench.report.trend.findings import all_failures, changes_by_run, failing_now
from pytest_modal_bench.report.trend.points import new_commits
from pytest_modal_bench.safety.text import counted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pytest_modal_bench.report.html.line_chart import LineChart
    from pytest_modal_bench.report.trend.findings import Finding
    from pytest_modal_bench.report.trend.points import Failure, Trend
    from pytest_modal_bench.report.trend.reading import Folder, Stop

_MOST_DOTS = 20_000
"""In all charts together: a page with more opens slowly."""
_MOST_FAILURES = 200
_MOST_OF_ENDPOINT = 5


class _Said(NamedTuple):
    """What is said of an endpoint."""

    name: str
    anchor: str
    text: str


class _Tile(NamedTuple):
    """One figure at the top."""

    label: str
    value: int
    detail: str = ""
    tone: str = ""


class _Card(NamedTuple):
    """An endpoint with its charts."""

    name: str
    path: str
    anchor: str
    charts: list[LineChart]
    failures: list[str]


class _Category(NamedTuple):
    name: str
    anchor: str
    cards: list[_Card]


class _Change(NamedTuple):
    """What changed at one run."""

    when: str
    found: list[_Said]


class _Names:
    """What the endpoints are called, and where they are on the page."""

    def __init__(self, trends: Sequence[Trend]) -> None:
        labels = Labels([trend.endpoint for trend in trends])
        self._names = {trend.endpoint.id: labels.name(trend.endpoint) for trend in trends}
        # Made of numbers: an id may be anything.
        self._anchors = {id_: f"endpoint-{number}" for number, id_ in enumerate(self._names, start=1)}

    def said(self, trend: Trend, text: str) -> _Said:
        return _Said(self._names[trend.endpoint.id], self._anchors[trend.endpoint.id], text)


def render(folder: Folder, trends: Sequence[Trend]) -> str:
    """Return the page. Raises MissingExtra."""
    runs = folder.runs
    names = _Names(trends)
    changes = changes_by_run(trends)
    failing = failing_now(trends, runs)
    charted = _charted(changes, [trend for trend, _ in failing], trends, len(runs))
    return page(
        "trend.html.j2",
        where=" / ".join(filter(None, (folder.where.workspace, folder.where.environment))),
        period=wording.period(runs),
        headline=_headline(changes, len(failing), len(runs)),
        tone="fail" if failing else "",
        simulated=folder.where.simulated,
        tiles=_tiles(trends, changes, len(failing), folder),
        searched=wording.searched(trends),
        changes=[
            _Change(
                wording.when(run, runs),
                [
                    names.said(
                        each.trend,
                        wording.change(each.series.name, each.change)
                        + wording.accepted(each.trend, run, runs),
                    )
                    for each in found
                ],
            )
            for run, found in changes.items()
        ],
        commits=[wording.when(run, runs) for run in reversed(new_commits(runs))],
        failing=[
            names.said(trend, f"since {wording.minute(runs[failure.first])}: {failure.reason}")
            for trend, failure in failing
        ],
        categories=_categories(charted, names, runs),
        uncharted=f"There are charts of {counted(len(charted), 'endpoint')}; -k TEXT shows those of others."
        if len(charted) < len(trends)
        else "",
        heads=("Endpoint", *rows.HEADS),
        rows=[(names.said(trend, "").name, row) for trend in trends for row in rows.rows(trend, runs)],
        failures=[
            names.said(trend, _failure(failure, runs))
            for trend, failure in all_failures(trends)[:_MOST_FAILURES]
        ],
        left_out=[
            *folder.notes,
            *(f"{names.said(trend, note).name}: {note}" for trend in trends for note in trend.notes),
        ],
        version=version("pytest-modal-bench"),
    )


def _headline(changes: Mapping[int, Sequence[Finding]], failing: int, runs: int) -> str:
    found = sum(map(len, changes.values()))
    changed = f"{counted(found, 'figure')} changed" if found else "No figure changed"
    failed = f", {counted(failing, 'endpoint')} {'fails' if failing == 1 else 'fail'} now" if failing else ""
    return f"{changed} in {counted(runs, 'run')}{failed}"


def _tiles(
    trends: Sequence[Trend], changes: Mapping[int, Sequence[Finding]], failing: int, folder: Folder
) -> list[_Tile]:
    commits = len({stop.commit for stop in folder.runs} - {None})
    return [
        _Tile("Runs", len(folder.runs), counted(commits, "commit") if commits else "commits not known"),
        _Tile("Endpoints", len(trends)),
        _Tile("Change points", sum(map(len, changes.values()))),
        _Tile("Failing now", failing, tone="fail" if failing else ""),
    ]


def _charted(
    changes: Mapping[int, Sequence[Finding]], failing: Sequence[Trend], trends: Sequence[Trend], runs: int
) -> list[Trend]:
    """Return the endpoints that have charts, as many as a page holds; first come those that changed, or that fail."""
    changed = [each.trend for found in changes.values() for each in found]
    chosen: set[str] = set()
    room = _MOST_DOTS
    for trend in (*changed, *failing, *trends):
        if trend.endpoint.id not in chosen:
            room -= len(trend.series) * runs
            if room < 0 and chosen:
                break
            chosen.add(trend.endpoint.id)
    return [trend for trend in trends if trend.endpoint.id in chosen]


def _categories(trends: Sequence[Trend], names: _Names, runs: Sequence[Stop]) -> list[_Category]:
    groups: dict[str, list[_Card]] = {}
    for trend in trends:
        name, anchor, _ = names.said(trend, "")
        groups.setdefault(trend.endpoint.category or "No category", []).append(
            _Card(
                name,
                trend.endpoint.path,
                anchor,
                [chart(series, trend, name, runs) for series in trend.series],
                [_failure(failure, runs) for failure in trend.failures[-_MOST_OF_ENDPOINT:]],
            )
        )
    return [
        _Category(name, f"category-{number}", cards)
        for number, (name, cards) in enumerate(groups.items(), start=1)
    ]


def _failure(failure: Failure, runs: Sequence[Stop]) -> str:
    return f"{wording.span(failure, runs)}: {failure.reason}"
