"""A trend as markdown: what changed and when, then a line a metric of each endpoint, in a form that prettier keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_modal_bench.report.cells import Cells
from pytest_modal_bench.report.escape import NAME_LIMIT, code, text
from pytest_modal_bench.report.figures.sparkline import UNKNOWN_RUN
from pytest_modal_bench.report.labels import Labels
from pytest_modal_bench.report.table import table
from pytest_modal_bench.report.trend import wording
from pytest_modal_bench.report.trend.findings import all_failures, changes_by_run, failing_now
from pytest_modal_bench.report.trend.rows import HEADS, rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytest_modal_bench.report.trend.points import Trend
    from pytest_modal_bench.report.trend.reading import Folder

_MOST_AT_A_RUN = 12
"""Changes that are named below one run; the tables have all of them."""
_MOST_FAILURES = 50

_LEGEND = (
    f"`Trend`: a block a run, higher is more, and {UNKNOWN_RUN} is a run without the figure. "
    "`Change`: the last run against the first. `Levels`: from which run on the figure is another one."
)
_UNPROVEN = (
    "`?`: nothing proves that each of these calls met a new container, so the cold start may be too low."
)


def render(folder: Folder, trends: Sequence[Trend]) -> str:
    """Return the trend as markdown, which reads as well in a terminal."""
    labels = Labels([trend.endpoint for trend in trends])
    tables = list(_categories(folder, trends))
    parts = [
        "# Trend of Modal Endpoints",
        "  \n".join(f"**{name}:** {text(said, NAME_LIMIT)}" for name, said in wording.facts(folder).items()),
        _section("What Changed", "\n\n".join(_changes(folder, trends, labels))),
        _section("Failing Now", "\n".join(_failing(folder, trends, labels))),
        *tables,
        _LEGEND if tables else "",
        _UNPROVEN if any("?" in cell for trend in trends for cell in _marked(trend)) else "",
        _section("Failures", "\n".join(_failures(folder, trends, labels))),
        _section("Left Out", "\n".join(_left_out(folder, trends, labels))),
    ]
    return "\n\n".join(filter(None, parts)) + "\n"


def _section(title: str, body: str) -> str:
    return f"## {title}\n\n{body}" if body else ""


def _changes(folder: Folder, trends: Sequence[Trend], labels: Labels) -> Iterator[str]:
    for run, found in changes_by_run(trends).items():
        lines = [f"**{text(wording.when(run, folder.runs), NAME_LIMIT)}**\n"]
        for each in found[:_MOST_AT_A_RUN]:
            name = text(labels.name(each.trend.endpoint), NAME_LIMIT)
            accepted = text(wording.accepted(each.trend, run, folder.runs), NAME_LIMIT)
            lines.append(f"- {name}: {wording.change(each.series.name, each.change)}{accepted}")
        if len(found) > _MOST_AT_A_RUN:
            lines.append(f"- and {len(found) - _MOST_AT_A_RUN} more")
        yield "\n".join(lines)
    yield wording.searched(trends)


def _failing(folder: Folder, trends: Sequence[Trend], labels: Labels) -> Iterator[str]:
    for trend, failure in failing_now(trends, folder.runs):
        since = wording.minute(folder.runs[failure.first])
        yield f"- {text(labels.name(trend.endpoint), NAME_LIMIT)}, since {text(since)}: {text(failure.reason)}"


def _categories(folder: Folder, trends: Sequence[Trend]) -> Iterator[str]:
    groups: dict[str, list[Trend]] = {}
    for trend in trends:
        groups.setdefault(trend.endpoint.category, []).append(trend)
    for category, group in groups.items():
        cells = Cells()
        cells_of_rows = [row for trend in group for row in _rows(trend, folder, cells)]
        yield cells.with_full_texts(
            f"## {text(category, NAME_LIMIT) or 'No Category'}\n\n{table(('Endpoint', *HEADS), cells_of_rows)}"
        )


def _rows(trend: Trend, folder: Folder, cells: Cells) -> Iterator[tuple[str, ...]]:
    endpoint = trend.endpoint
    name = cells.text(endpoint.endpoint or endpoint.id, endpoint.id)
    for row in rows(trend, folder.runs):
        # Of all of these, only commits and reasons come from outside.
        yield (name, *row[:-1], cells.text(row.levels, endpoint.id))


def _marked(trend: Trend) -> Iterator[str]:
    for series in trend.series:
        yield wording.first_and_last(series, trend)
        yield from (wording.change(series.name, change) for change in series.changes)


def _failures(folder: Folder, trends: Sequence[Trend], labels: Labels) -> Iterator[str]:
    found = all_failures(trends)
    for trend, failure in found[:_MOST_FAILURES]:
        when = text(wording.span(failure, folder.runs))
        yield f"- {text(labels.name(trend.endpoint), NAME_LIMIT)}, {when}: {text(failure.reason)}"
    if len(found) > _MOST_FAILURES:
        yield f"- and {len(found) - _MOST_FAILURES} more"


def _left_out(folder: Folder, trends: Sequence[Trend], labels: Labels) -> Iterator[str]:
    yield from (f"- {text(note)}" for note in folder.notes)
    for trend in trends:
        yield from (f"- {code(labels.name(trend.endpoint))}: {text(note)}" for note in trend.notes)
