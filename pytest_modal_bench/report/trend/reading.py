"""Reads a folder of JSON reports, one at a time, and keeps of each run only the figures that a trend shows."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from msgspec import structs

from pytest_modal_bench.gate.earlier.reports import Past, each_in
from pytest_modal_bench.gate.metrics import METRICS
from pytest_modal_bench.model.series import series
from pytest_modal_bench.report.figures.timestamps import moment
from pytest_modal_bench.report.figures.units import seconds
from pytest_modal_bench.safety.text import counted

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pytest_modal_bench.gate.metrics import Name
    from pytest_modal_bench.model import EndpointResult, HistoryStart

SHOWN: tuple[Name, ...] = ("cold", "warm", "ttft", "cost")
"""The metrics whose trends are shown."""

_LONGEST_TEXT = 300
"""Characters that are kept of a cause."""
_MOST_NOTES = 50
"""Files that are named; of a folder of thousands that are no reports, the others are counted."""


class Gap(NamedTuple):
    """Why a run has no figures of an endpoint."""

    cause: str
    """Gaps of one cause are alike, whatever their text."""
    reason: str
    """In one line."""
    failed: bool = False


class Point(NamedTuple):
    """What one run says of one endpoint."""

    values: Mapping[Name, float]
    """Medians, in seconds or US dollars; what is not known is not there."""
    cold_verified: bool | None
    gap: Gap | None
    gpu_type: str | None
    region: str | None
    payload_sha256: str | None
    cost_basis: str | None
    deployed: str | None
    """Which deploy of its app answered."""
    history: HistoryStart | None
    """From when on the run took earlier ones for its history."""


class Stop(NamedTuple):
    """One run, as far as a trend needs it."""

    timestamp: str
    commit: str | None
    by_id: bool
    """Whether its endpoints have ids; those of the reference benchmark are known by their paths."""
    points: dict[str, Point]

    @property
    def order(self) -> tuple[datetime, str]:
        """What runs are ordered by. A time that cannot be read comes first."""
        return moment(self.timestamp) or datetime.min.replace(tzinfo=UTC), self.timestamp

    def of(self, endpoint: EndpointResult) -> Point | None:
        """Return what it says of `endpoint`; None: nothing."""
        if self.by_id:
            return self.points.get(endpoint.id)
        return self.points.get(endpoint.path) if endpoint.case is None else None


class Where(NamedTuple):
    """What runs must share to be in one trend."""

    workspace: str | None
    environment: str | None
    simulated: str | None


class Folder(NamedTuple):
    """The runs of a folder that belong together."""

    where: Where
    runs: list[Stop]
    """Oldest first."""
    endpoints: list[EndpointResult]
    """By the newest run that has each, without samples, in catalogue order; those that are gone come last."""
    notes: list[str]
    """What was left out, a line each."""


class _Group:
    """The newest runs of one workspace and environment."""

    def __init__(self, last: int) -> None:
        self._last = last
        self.stops: dict[tuple[str, bool], Stop] = {}
        self.seen = 0
        self.endpoints: dict[str, tuple[Stop, EndpointResult]] = {}

    def add(self, past: Past) -> None:
        key = (past.timestamp, past.by_id)
        if key not in self.stops:
            self.seen += 1
            self.stops[key] = Stop(past.timestamp, past.commit, past.by_id, {})
        stop = self.stops[key]
        for result in past.results:
            # Jobs that share a catalogue may begin in the same second: of each endpoint it is one run all the same.
            stop.points.setdefault(result.id, _point(result))
            known = self.endpoints.get(result.id)
            if known is None or known[0].order <= stop.order:
                self.endpoints[result.id] = stop, structs.replace(result, samples=[], previews=[], checks=[])
        if len(self.stops) > self._last:
            oldest = min(self.stops, key=lambda each: self.stops[each].order)
            del self.stops[oldest]

    @property
    def newest(self) -> Stop:
        return max(self.stops.values(), key=lambda stop: stop.order)

    def runs(self) -> list[Stop]:
        return sorted(self.stops.values(), key=lambda stop: stop.order)

    def known(self) -> list[EndpointResult]:
        """Return the endpoints of the runs that were kept."""
        ids = {id_ for stop in self.stops.values() if stop.by_id for id_ in stop.points}
        newest = self.newest.points
        by_path = {stop.by_id for stop in self.stops.values()} == {False}
        order = {id_: position for position, id_ in enumerate(newest)}
        found = [result for id_, (_, result) in self.endpoints.items() if by_path or id_ in ids]
        return sorted(found, key=lambda result: order.get(result.id, len(order)))


def read(directory: Path, last: int) -> Folder | None:
    """Return the last runs of a directory's reports that go together with its newest one; None: it holds no report.

    Thousands of reports take no more memory than the `last` ones.
    """
    groups: dict[Where, _Group] = {}
    unread: list[str] = []
    for past in each_in(directory):
        if isinstance(past, Past):
            where = Where(past.workspace, past.environment, past.simulated)
            groups.setdefault(where, _Group(last)).add(past)
            unread.extend(past.notes)
        else:
            unread.append(past)
    if not groups:
        return None
    where = max(groups, key=lambda each: groups[each].newest.order)
    chosen = groups.pop(where)
    notes = unread[:_MOST_NOTES]
    if len(unread) > _MOST_NOTES:
        notes.append(f"{len(unread) - _MOST_NOTES} more files that are no reports")
    others = [_other(each, where, group.seen) for each, group in groups.items()]
    notes.extend(others[:_MOST_NOTES])
    if chosen.seen > last:
        notes.append(f"{counted(chosen.seen - last, 'older run')}; --last=N shows more than {last}")
    return Folder(where, chosen.runs(), chosen.known(), notes)


def _other(where: Where, newest: Where, count: int) -> str:
    differing = ", ".join(
        f"another {name}: {theirs or 'none'}" if name != "simulated" else f"simulated: {theirs or 'nothing'}"
        for name, theirs, ours in zip(Where._fields, where, newest, strict=True)
        if theirs != ours
    )
    return f"{counted(count, 'run')} with {differing}"


def _point(result: EndpointResult) -> Point:
    values = {
        name: value
        for name in SHOWN
        if result.status == "success"
        and (value := METRICS[name].median(result))
        and math.isfinite(value)
        and value > 0
    }
    return Point(
        values,
        result.cold_verified,
        _gap(result),
        result.gpu_type,
        result.region,
        result.payload_sha256,
        result.cost_basis,
        result.deployed and result.deployed[:_LONGEST_TEXT],
        result.history,
    )


def _gap(result: EndpointResult) -> Gap | None:
    match result.status:
        case "failed":
            said = result.error or result.cause or "no reason given"
            return Gap(result.cause or said, f"failed: {said}"[:_LONGEST_TEXT], failed=True)
        case "skipped":
            said = f"skipped: {result.skipped_reason or 'no reason given'}"[:_LONGEST_TEXT]
            return Gap(said, said)
        case "success":
            beyond = series(result, "warm").censored_at
            if beyond is not None:
                said = f"half of the warm calls or more took over {seconds(beyond)} s"
                return Gap(said, said)
    return None
