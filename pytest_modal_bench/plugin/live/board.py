"""What is known of a run while it goes on: what it waits for, what that took before, what it has cost. Shows nothing.

Moments are those of the reporting process's `time.monotonic`, in seconds: a worker may have another clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from pytest_modal_bench.protocol.progress import Activity, CallBegun, CallEnded, EndpointEnded

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pytest_modal_bench.model import Endpoint, EndpointResult, Start
    from pytest_modal_bench.protocol.progress import Event


@dataclass
class Row:
    """One endpoint that is being measured: of each pool there is at most one."""

    endpoint: Endpoint
    begun: float
    text: str = ""
    """What it waits for."""
    since: float = 0.0
    """When that began."""
    call: CallBegun | None = None
    """The call that it waits for; None: it waits for something else."""
    mentioned: float = 0.0
    """When a line last said that it is waited for."""
    worker: object = None


@dataclass(frozen=True)
class Cost:
    """What the calls so far have cost."""

    usd: float
    estimated: bool
    """Whether an estimate is in the sum."""
    unknown: int
    """Calls that are not in it."""


class Board:
    """Follows a run's events. One thread at a time may use it."""

    def __init__(self, endpoints: Iterable[Endpoint], *, rounds: int, sides: int = 1) -> None:
        """`rounds`: warm calls that each endpoint is to get. `sides`: so many are called in turn."""
        self.endpoints = {endpoint.id: endpoint for endpoint in endpoints}
        self.rows: dict[str, Row] = {}
        """By endpoint id, in the order in which they began."""
        self.finished: set[str] = set()
        self.earlier: Mapping[str, EndpointResult] = {}
        """The results of an earlier run to compare with, by endpoint id."""
        self.workers = 1
        """So many pools are called at a time."""
        self.selected: list[Endpoint] = []
        self._rounds = rounds
        self._sides = sides
        self._took: dict[tuple[str, Start], list[float]] = {}
        self._unproven: set[str] = set()
        """Endpoints of which a cold start in this run has no proof."""
        self.cost: Cost | None = None
        """What is known of the run's cost so far; None: nothing."""
        self._unknown_usd = 0

    def take(self, event: Event, now: float, worker: object = None) -> None:
        """Take note of what has just happened."""
        if isinstance(event, EndpointEnded):
            self.rows.pop(event.endpoint, None)
            return
        endpoint = self.endpoints[event.endpoint]
        row = self.rows.setdefault(endpoint.id, Row(endpoint, now, mentioned=now, worker=worker))
        row.since, row.call = now, None
        side = "base: " if event.base else ""
        match event:
            case Activity():
                row.text = f"{side}{event.text}"
            case CallBegun():
                of = f" {event.number} of {event.rounds}" if event.rounds > 1 else ""
                row.text, row.call = f"{side}{event.start}{of}", event
            case CallEnded():
                row.text = "between calls"
                self._count(event)

    def lose(self, worker: object) -> None:
        """A worker is gone, with what it waited for."""
        self.rows = {id_: row for id_, row in self.rows.items() if row.worker is not worker}

    def before_sec(self, endpoint_id: str, start: Start) -> float | None:
        """What such a call took before: in this run, else in the earlier one; None: not known."""
        times = self._took.get((endpoint_id, start))
        if times:
            return median(times)
        earlier = self.earlier.get(endpoint_id)
        if earlier is None:
            return None
        known: dict[Start, float | None] = {
            "cold": earlier.cold_time_sec,
            "first": earlier.first_time_sec,
            "warm": earlier.warm_time_sec,
        }
        return known[start]

    def is_proven(self, endpoint_id: str, start: Start) -> bool:
        """Whether what `before_sec` returns is what it is called: a cold start may be one that nothing proves."""
        if start != "cold":
            return True
        if (endpoint_id, start) in self._took:
            return endpoint_id not in self._unproven
        earlier = self.earlier.get(endpoint_id)
        return earlier is not None and bool(earlier.cold_verified)

    def left_sec(self, row: Row, now: float) -> float | None:
        """How long the endpoint will take from now on; None: there is no ground for an estimate.

        The rest of this call by what such calls took before, and the calls that follow it.
        """
        call = row.call
        if call is None:
            return None
        this = self.before_sec(call.endpoint, call.start)
        warm = self.before_sec(call.endpoint, "warm")
        if this is None or warm is None or now - row.since > this:
            return None
        following = 0.0 if call.start == "warm" else self._rounds * warm
        return self._sides * (this * (1 + call.rounds - call.number) + following) - (now - row.since)

    def run_left_sec(self, now: float) -> float | None:
        """How long the run will take from now on; None: there is no ground for an estimate.

        What has not begun takes as long as the calls of the earlier run did. No pool is called by two workers at a
        time: neither the longest pool nor all of them together, shared by the workers, can be beaten.
        """
        pools: dict[str, float] = {}
        for endpoint in self.selected:
            if endpoint.id in self.finished:
                continue
            row = self.rows.get(endpoint.id)
            left = self._called_sec(endpoint) if row is None else self.left_sec(row, now)
            if left is None:
                return None
            pools[endpoint.pool] = pools.get(endpoint.pool, 0.0) + left
        return max([sum(pools.values()) / self.workers, *pools.values()])

    def _called_sec(self, endpoint: Endpoint) -> float | None:
        """Seconds that all its calls took in the earlier run; None: there were none, or nobody knows of them."""
        earlier = self.earlier.get(endpoint.id)
        if earlier is None:
            return None
        return self._sides * sum(sample.elapsed_sec for sample in earlier.samples) or None

    def _count(self, event: CallEnded) -> None:
        if event.ok and event.dropped is None and not event.base:
            self._took.setdefault((event.endpoint, event.start), []).append(event.elapsed_sec)
            if event.start == "cold" and event.proof is None:
                self._unproven.add(event.endpoint)
        if event.cost_usd is None:
            self._unknown_usd += 1
        known = self.cost or Cost(0.0, estimated=False, unknown=0)
        if self.cost is not None or event.cost_usd is not None:
            self.cost = Cost(
                known.usd + (event.cost_usd or 0.0),
                estimated=known.estimated or event.cost_basis == "estimated",
                unknown=self._unknown_usd,
            )
