"""Earlier runs to compare with: those that count, matched by what must be the same."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from msgspec import structs

from pytest_modal_bench.gate.comparability import SAME, difference, other_cost, other_simulation
from pytest_modal_bench.gate.earlier.reports import BaselineError, Past, each_in, read
from pytest_modal_bench.gate.metrics import METRICS
from pytest_modal_bench.gate.noise import RUNS
from pytest_modal_bench.model import EndpointResult
from pytest_modal_bench.model.timestamps import moment
from pytest_modal_bench.safety.text import counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from pytest_modal_bench.model import Endpoint

MOST_LINES = 10
"""Of what was left out; the others are counted."""


class Where(NamedTuple):
    """Where a run's endpoints are; None: not known, which fits everything."""

    workspace: str | None = None
    environment: str | None = None


class Origin(NamedTuple):
    """Which run an earlier result is of."""

    timestamp: str
    commit: str | None


class Matched(NamedTuple):
    """What can be compared with a result, oldest first, and what can't and why, a line each."""

    runs: list[EndpointResult]
    origins: list[Origin]
    """Of the run at the same place in `runs`."""
    notes: list[str]


class History:
    """Earlier runs, oldest first."""

    def __init__(self, past: list[Past], notes: list[str]) -> None:
        self.past = past
        self.notes = notes
        """What was left out, a line each."""
        self._by_name: dict[tuple[str, bool], list[tuple[int, EndpointResult]]] = {}
        """Results by id, or by path where they have no ids, each with the place of its run in `past`."""
        for place, run in enumerate(past):
            for result in run.results:
                if result.status == "success":
                    self._by_name.setdefault((result.id, run.by_id), []).append((place, result))

    @classmethod
    def load(cls, path: Path, where: Where = Where(), last: int | None = None) -> History:  # noqa: B008 - immutable
        """Read a JSON report, or all those in a directory. Raises `BaselineError`.

        Only runs count that were made at `where` the present one is, and of these the `last` ones; None: all.
        """
        unread, elsewhere, newest = [], Counter[str](), _Newest(last)
        for one in each_in(path) if path.is_dir() else [read(path)]:
            if isinstance(one, str):
                unread.append(one)
            elif other := _other_place(Where(one.workspace, one.environment), where):
                elsewhere[other] += 1
            else:
                newest.add(one)
        past = newest.runs()
        if unread and not past and not elsewhere:
            raise BaselineError(f"{path}: no report that can be read in it: {unread[0]}")
        notes = [
            *_bounded(unread),
            *_bounded(
                [f"left out: {counted(count, 'earlier run')} {other}" for other, count in elsewhere.items()]
            ),
            *_bounded([note for run in past for note in run.notes]),
        ]
        if newest.older:
            notes.append(
                f"left out: {counted(newest.older, 'older run')}, by --modal-bench-baseline-last={last}"
            )
        if not past:
            notes.append(
                f"nothing to compare with: {path} holds no run of this workspace and environment"
                if elsewhere
                else f"no history yet: {path} holds no report of an earlier run"
            )
        return cls(past, notes)

    def matching(self, result: EndpointResult, *, simulated: str | None) -> Matched:
        """Return the earlier results of the same endpoint that `result` can be compared with."""
        runs: list[EndpointResult] = []
        origins: list[Origin] = []
        left_out = Counter[str]()
        known = False
        for past, earlier in self._of(result):
            known = True
            different = _reason(past, earlier, result, simulated)
            if different is not None:
                left_out[different] += 1
            else:
                runs.append(earlier)
                origins.append(Origin(past.timestamp, past.commit))
        silent = [
            name
            for field, name in SAME.items()
            if any(getattr(run, field) is None for run in runs) and getattr(result, field)
        ]
        lines = [
            f"not compared: {counted(count, 'earlier run')} {reason}" for reason, count in left_out.items()
        ]
        if silent:
            lines.append(f"compared with earlier runs that do not say their {', '.join(silent)}")
        lines.extend(_incomparable(result, runs, known=known))
        strangers = sum(run.cost_usd is not None and other_cost(run, result) for run in runs)
        if strangers:
            was = "estimated" if result.cost_basis == "measured" else "measured"
            lines.append(
                f"cost not compared: {counted(strangers, 'earlier run')} had it {was}, now {result.cost_basis}"
            )
        runs = [
            structs.replace(run, cost_usd=None, cost_basis=None) if other_cost(run, result) else run
            for run in runs
        ]
        return Matched(runs, origins, lines)

    def usual(self, endpoint: Endpoint, *, simulated: str | None) -> list[EndpointResult]:
        """Return the earlier results of an endpoint that can be compared with its last one."""
        like = _like(endpoint)
        found = [
            earlier
            for past, earlier in self._of(like)
            if past.simulated == simulated and not _is_before(past, like)
        ]
        return [earlier for earlier in found if difference(earlier, found[-1]) is None]

    def outlook(
        self, endpoints: Iterable[Endpoint], payloads: Mapping[str, str], *, simulated: str | None
    ) -> list[str]:
        """Say, before the first call, which endpoints have nothing to be compared with, or too little.

        `payloads`: by endpoint id, what tells this run's request from others; one that is not known fits all.
        """
        none: dict[str, list[str]] = {}
        few = []
        for endpoint in endpoints:
            like = structs.replace(_like(endpoint), payload_sha256=payloads.get(endpoint.id))
            matched = self.matching(like, simulated=simulated)
            if not matched.runs:
                reason = "; ".join(note.removeprefix("not compared: ") for note in matched.notes)
                none.setdefault(reason, []).append(endpoint.id)
            elif len(matched.runs) < RUNS:
                few.append(endpoint.id)
        lines = [f"nothing to compare {_named(ids)} with: {reason}" for reason, ids in none.items()]
        if few:
            lines.append(f"too little to compare {_named(few)} with: fewer than {RUNS} earlier runs")
        return _bounded(lines)

    def _of(self, result: EndpointResult) -> Iterator[tuple[Past, EndpointResult]]:
        """Yield each successful result once, however many files hold it."""
        seen = set()
        by_path = self._by_name.get((result.path, False), []) if result.case is None else []
        found = [*self._by_name.get((result.id, True), []), *by_path]
        for place, earlier in sorted(found, key=lambda each: each[0]):
            past = self.past[place]
            # Jobs that share a catalogue may begin in the same second: of each endpoint it is one run all the same.
            if past.timestamp not in seen:
                seen.add(past.timestamp)
                yield past, earlier


class _Newest:
    """The newest runs, each kind of simulation by itself: of what is not comparable, none makes another one too old."""

    def __init__(self, last: int | None) -> None:
        self._last = last
        self._runs: dict[str | None, dict[str, list[Past]]] = {}
        """By simulation, then by when they began: a run may have several reports."""
        self._seen: set[tuple[str | None, str]] = set()

    def add(self, past: Past) -> None:
        """Take a report; drop those of the oldest run if there are too many."""
        self._seen.add((past.simulated, past.timestamp))
        runs = self._runs.setdefault(past.simulated, {})
        runs.setdefault(past.timestamp, []).append(past)
        if self._last is not None and len(runs) > self._last:
            del runs[min(runs, key=_order)]

    @property
    def older(self) -> int:
        """How many runs were dropped."""
        return len(self._seen) - sum(map(len, self._runs.values()))

    def runs(self) -> list[Past]:
        """Return what was kept, oldest first."""
        kept = [past for runs in self._runs.values() for each in runs.values() for past in each]
        return sorted(kept, key=lambda past: _order(past.timestamp))


def _order(timestamp: str) -> tuple[datetime, str]:
    """What runs are ordered by. A time that can't be read comes first."""
    return moment(timestamp) or datetime.min.replace(tzinfo=UTC), timestamp


def _other_place(theirs: Where, ours: Where) -> str | None:
    for name, before, now in zip(Where._fields, theirs, ours, strict=True):
        if before is not None and now is not None and before != now:
            return f"of another {name}: {before}, now {now}"
    return None


def _reason(past: Past, earlier: EndpointResult, result: EndpointResult, simulated: str | None) -> str | None:
    """Say why an earlier result is not compared with `result`; None: it is."""
    if result.history is not None and _is_before(past, result):
        return f"before {result.history.since}: {result.history.reason}"
    different = other_simulation(past.simulated, simulated) or difference(earlier, result)
    return None if different is None else f"had {different}"


def _is_before(past: Past, result: EndpointResult) -> bool:
    """Whether a run is older than the history of `result`, as one is whose time can't be read."""
    return result.history is not None and _order(past.timestamp)[0] < result.history.moment


def _like(endpoint: Endpoint) -> EndpointResult:
    """Return a result of an endpoint of which nothing is known yet."""
    return EndpointResult(
        endpoint=endpoint.name,
        path=endpoint.path,
        category=endpoint.category,
        status="success",
        id=endpoint.id,
        app=endpoint.app,
        pool=endpoint.pool,
        case=endpoint.case,
        history=endpoint.history,
    )


def _named(ids: list[str]) -> str:
    shown = ", ".join(ids[:MOST_LINES])
    return f"{shown} and {len(ids) - MOST_LINES} more" if len(ids) > MOST_LINES else shown


def _bounded(lines: list[str]) -> list[str]:
    """Return `lines`, those beyond the first ones as a count."""
    more = len(lines) - MOST_LINES
    return [*lines[:MOST_LINES], f"and {more} more like these"] if more > 0 else lines


def _incomparable(result: EndpointResult, runs: list[EndpointResult], *, known: bool) -> Iterator[str]:
    """Say what of `result` has nothing to be compared with."""
    if not known:
        yield "not compared: no earlier run of it succeeded"
    if runs:
        missing = [
            metric.noun
            for metric in METRICS.values()
            if metric.median(result) and not any(metric.median(run) for run in runs)
        ]
        if missing:
            yield f"not compared: no earlier run knows its {', '.join(missing)}"
