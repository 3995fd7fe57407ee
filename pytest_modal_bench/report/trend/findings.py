"""What stands first in a trend: what changed at which run, and what fails now."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_modal_bench.report.trend.points import Change, Failure, Series, Trend
    from pytest_modal_bench.report.trend.reading import Stop


class Finding(NamedTuple):
    """A change point, with what it belongs to."""

    trend: Trend
    series: Series
    change: Change

    @property
    def size(self) -> float:
        """How large the change is, up or down."""
        return abs(math.log(self.change.found.ratio))


def changes_by_run(trends: Sequence[Trend]) -> dict[int, list[Finding]]:
    """Return the change points by the run at which they are: the newest run first, and of a run the largest first."""
    found: dict[int, list[Finding]] = {}
    for trend in trends:
        for series in trend.series:
            for change in series.changes:
                found.setdefault(change.run, []).append(Finding(trend, series, change))
    return {
        run: sorted(found[run], key=lambda each: each.size, reverse=True)
        for run in sorted(found, reverse=True)
    }


def failing_now(trends: Sequence[Trend], runs: Sequence[Stop]) -> list[tuple[Trend, Failure]]:
    """Return the endpoints that have no figures in the newest run, each with its failure."""
    last = len(runs) - 1
    return [
        (trend, failure)
        for trend in trends
        for failure in trend.failures
        if failure.last == last and failure.failed
    ]


def all_failures(trends: Sequence[Trend]) -> list[tuple[Trend, Failure]]:
    """Return every failure of every endpoint, the newest first."""
    found = [(trend, failure) for trend in trends for failure in trend.failures]
    return sorted(found, key=lambda each: each[1].last, reverse=True)
