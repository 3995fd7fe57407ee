"""A line a metric of each endpoint, as plain text: what the tables of each format hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pytest_modal_bench.gate.metrics import METRICS
from pytest_modal_bench.report.figures.sparkline import sparkline
from pytest_modal_bench.report.figures.units import UNKNOWN
from pytest_modal_bench.report.trend import wording

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytest_modal_bench.report.trend.points import Trend
    from pytest_modal_bench.report.trend.reading import Stop

_BLOCKS = 40
"""Runs that a line of blocks shows: the last."""

HEADS = ("Metric", "Runs", "Trend", "First → last", "Change", "Levels")


class Row(NamedTuple):
    """What is said of one metric of an endpoint, in the order of `HEADS`."""

    metric: str
    runs: str
    """How many runs have the figure."""
    trend: str
    """A block a run."""
    first_and_last: str
    change: str
    levels: str
    """From which run on the figure is another one, and where a new history begins."""


def rows(trend: Trend, runs: Sequence[Stop]) -> Iterator[Row]:
    """Yield the lines of an endpoint; one of which no run has a figure has a line that says so."""
    histories = wording.histories(trend, runs)
    for series in trend.series:
        levels = "; ".join([*(wording.level(change, trend, runs) for change in series.changes), *histories])
        yield Row(
            METRICS[series.name].label,
            f"{len(series.known)} of {len(runs)}",
            sparkline(series.values[-_BLOCKS:]),
            wording.first_and_last(series, trend),
            wording.last_over_first(series, trend),
            levels or UNKNOWN,
        )
    if not trend.series:
        yield Row(UNKNOWN, f"0 of {len(runs)}", UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN)
