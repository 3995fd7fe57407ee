"""Each endpoint's figures over the runs of a folder: its series, and where one goes to another level."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from pytest_modal_bench.gate.change_points import FEWEST_RUNS, LEAST_RATIO, ChangePoint, change_points
from pytest_modal_bench.gate.comparability import difference, other_cost
from pytest_modal_bench.report.trend.reading import SHOWN
from pytest_modal_bench.safety.text import counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pytest_modal_bench.gate.metrics import Name
    from pytest_modal_bench.model import EndpointResult
    from pytest_modal_bench.report.trend.reading import Folder, Point, Stop

_LEAST_RATIO_OF_COLD = 1.25
"""Cold starts differ more from run to run, and a small difference between two of them matters to nobody."""


class Change(NamedTuple):
    """Where a series of an endpoint goes to another level."""

    run: int
    """The first run of the new level, from 0 on."""
    found: ChangePoint
    proven: bool
    """Whether no unproven cold start is on either level."""


class Series(NamedTuple):
    """One metric of one endpoint over all runs."""

    name: Name
    values: list[float | None]
    """One a run, in seconds or US dollars; None: not known, or not comparable."""
    changes: list[Change]
    searched: bool
    """Whether there are enough runs to look for a change."""

    @property
    def known(self) -> list[int]:
        """The runs that have a value."""
        return [run for run, value in enumerate(self.values) if value is not None]


class Failure(NamedTuple):
    """Runs one after another in which an endpoint gave no figures, for the same cause."""

    first: int
    last: int
    reason: str
    """What the last of them says."""
    failed: bool
    """Whether it failed; it may have been skipped, or have no median."""


class Trend(NamedTuple):
    """One endpoint over all runs."""

    endpoint: EndpointResult
    points: list[Point | None]
    """One a run; None: the run does not know the endpoint, or its figures are not comparable."""
    series: list[Series]
    """Of the metrics that some run knows."""
    failures: list[Failure]
    notes: list[str]
    """What was left out, a line each."""


def trends(folder: Folder, *, containing: str = "") -> list[Trend]:
    """Return the trend of each endpoint whose name, path, id, category or tags contain a text, whatever its case."""
    wanted = containing.casefold()
    return [
        _trend(endpoint, folder.runs)
        for endpoint in folder.endpoints
        if any(wanted in said.casefold() for said in _names(endpoint))
    ]


def new_commits(runs: Sequence[Stop]) -> dict[int, str]:
    """Return the runs at which the commit became another one than the last known, and that commit."""
    return _new(stop.commit for stop in runs)


def new_deploys(trend: Trend) -> dict[int, str]:
    """Return the same for the deploy of an endpoint's app."""
    return _new(point.deployed if point is not None else None for point in trend.points)


def new_histories(trend: Trend, runs: Sequence[Stop]) -> dict[int, str]:
    """Return the runs at which a history of an endpoint begins, by what any of its runs says of it, and why it does."""
    begins = {point.history for point in trend.points if point is not None and point.history is not None}
    found: dict[int, str] = {}
    for each in sorted(begins, key=lambda begin: (begin.moment, begin.reason)):
        first = next((run for run, stop in enumerate(runs) if stop.order[0] >= each.moment), 0)
        # Where no run is older, nothing ends there.
        if first:
            found[first] = f"{found[first]}; {each.reason}" if first in found else each.reason
    return found


def _new(said: Iterable[str | None]) -> dict[int, str]:
    found = {}
    last = None
    for run, each in enumerate(said):
        if each is not None and each != last:
            if last is not None:
                found[run] = each
            last = each
    return found


def _names(endpoint: EndpointResult) -> tuple[str, ...]:
    return (endpoint.endpoint, endpoint.path, endpoint.id, endpoint.category, *endpoint.tags)


def _trend(endpoint: EndpointResult, runs: Sequence[Stop]) -> Trend:
    points, notes = _comparable([stop.of(endpoint) for stop in runs])
    series = []
    for name in SHOWN:
        values = [point.values.get(name) if point else None for point in points]
        if any(values):
            series.append(_series(name, values, points))
    return Trend(endpoint, points, series, list(_failures(points)), notes)


def _comparable(points: list[Point | None]) -> tuple[list[Point | None], list[str]]:
    """Leave out what cannot be compared with the newest run that has figures, by the gate's own rules."""
    newest = next((point for point in reversed(points) if point is not None and point.values), None)
    if newest is None:
        return points, []
    kept: list[Point | None] = []
    left_out: dict[str, int] = {}
    for point in points:
        different = difference(point, newest) if point is not None and point.values else None
        if different is not None:
            left_out[different] = left_out.get(different, 0) + 1
        kept.append(point if different is None else None)
    notes = [f"{counted(count, 'run')} with {reason}" for reason, count in left_out.items()]
    if otherwise := [
        index for index, point in enumerate(kept) if point is not None and other_cost(point, newest)
    ]:
        for index in otherwise:
            kept[index] = _without_cost(kept[index])
        notes.append(f"the cost of {counted(len(otherwise), 'run')}, which was not {newest.cost_basis}")
    return kept, notes


def _without_cost(point: Point | None) -> Point | None:
    if point is None:
        return None
    return point._replace(values={name: value for name, value in point.values.items() if name != "cost"})


def _series(name: Name, values: list[float | None], points: Sequence[Point | None]) -> Series:
    known = [(run, value) for run, value in enumerate(values) if value is not None]
    least = _LEAST_RATIO_OF_COLD if name == "cold" else LEAST_RATIO
    found = change_points([value for _, value in known], least_ratio=least)
    bounds = [0, *(change.at for change in found), len(known)]
    changes = []
    for position, change in enumerate(found):
        both = [run for run, _ in known[bounds[position] : bounds[position + 2]]]
        proven = name != "cold" or all(point.cold_verified for run in both if (point := points[run]))
        changes.append(Change(known[change.at][0], change, proven))
    return Series(name, values, changes, len(known) >= FEWEST_RUNS)


def _failures(points: Sequence[Point | None]) -> Iterator[Failure]:
    gaps = [point.gap if point is not None else None for point in points]
    for cause, group in groupby(enumerate(gaps), key=lambda each: each[1].cause if each[1] else None):
        alike = [(run, gap) for run, gap in group if gap is not None]
        if cause is not None:
            yield Failure(alike[0][0], alike[-1][0], alike[-1][1].reason, alike[-1][1].failed)
