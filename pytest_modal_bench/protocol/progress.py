"""What whoever watches a measurement is told: what it waits for, and what came of each call.

Nothing is told while a call's clock runs: it begins after its `CallBegun`, and has stopped before the next event.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from msgspec import Struct

from pytest_modal_bench.model import Cause, CostBasis, Start

if TYPE_CHECKING:
    from pytest_modal_bench.model import Sample


class _Event(Struct, frozen=True, kw_only=True, tag=True):
    endpoint: str
    """The endpoint's id."""
    base: bool = False
    """Whether it is about what the endpoint is called in turn with."""


class Activity(_Event, frozen=True, kw_only=True):
    """It does something else than a call, which may take its time."""

    text: str


class CallBegun(_Event, frozen=True, kw_only=True):
    """A call is about to be made."""

    start: Start
    """What it is meant to be."""
    number: int
    """Which of `rounds` calls it is; one that takes the place of a dropped call has the same number."""
    rounds: int
    deadline_sec: float


class CallEnded(_Event, frozen=True, kw_only=True):
    """A call was made, and its answer looked at. The fields are those of its sample."""

    start: Start
    meant: Start
    number: int
    ok: bool
    elapsed_sec: float
    proof: str | None = None
    dropped: str | None = None
    error: str | None = None
    cause: Cause | None = None
    cost_usd: float | None = None
    cost_basis: CostBasis | None = None

    @classmethod
    def of(cls, sample: Sample, endpoint: str, number: int) -> CallEnded:
        """Return what is told of a sample."""
        return cls(
            endpoint=endpoint,
            start=sample.start,
            meant=sample.meant,
            number=number,
            ok=sample.ok,
            elapsed_sec=sample.elapsed_sec,
            proof=sample.proof,
            dropped=sample.dropped,
            error=sample.error,
            cause=sample.cause,
            cost_usd=sample.cost_usd,
            cost_basis=sample.cost_basis,
        )


class EndpointEnded(_Event, frozen=True, kw_only=True):
    """No more calls are made to the endpoint, for now."""


Event = Activity | CallBegun | CallEnded | EndpointEnded
"""Crosses from a worker to the controller as built-in types."""

Watch = Callable[[Event], None]


def unwatched(event: Event) -> None:
    """Nobody watches."""
    del event
