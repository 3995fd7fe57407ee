"""Which calls an endpoint gets, in which order: cold, first, warm."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from pytest_modal_bench.model import Endpoint, Start

T = TypeVar("T")

RETAKES = 2
"""How many more tries a sample gets that evidence speaks against."""


@dataclass(frozen=True)
class Step:
    """Calls that share a start."""

    start: Start
    rounds: int
    """So many are made by its end; those of an earlier step with the same start are among them."""
    of: int | None = None
    """How many are made in all, if later steps make more; None: `rounds`."""
    container: int = 0
    """Which of the containers they are made in, one after the other, as far as the plan has its way."""

    @property
    def total(self) -> int:
        """How many calls of this start are made in all."""
        return self.rounds if self.of is None else self.of


Turns = Generator[Step, int | None, T]
"""Calls that are made one at a time: each is announced as the step that it is of, and made once that is answered with
the number of its pair, or with None."""


def exhaust(turns: Turns[T], pair: int | None = None) -> T:
    """Make all calls one after the other, and return what comes of them. `pair`: the number of each."""
    try:
        next(turns)
        while True:
            turns.send(pair)
    except StopIteration as ended:
        result: T = ended.value
        return result


def is_cold_due(endpoint: Endpoint, begun: set[str]) -> bool:
    """Whether it gets cold starts that are forced: it asks for them, or is its pool's first that does not refuse.

    `begun`: the pools of those before it, to which its own is added.
    """
    due = bool(endpoint.cold) or (endpoint.cold is None and endpoint.pool not in begun)
    if endpoint.cold is not False:
        begun.add(endpoint.pool)
    return due


def plan(*, cold_rounds: int, answered: bool, rounds: int) -> tuple[Step, ...]:
    """Which calls an endpoint gets: `cold_rounds` meant as cold, and `rounds` warm ones.

    Where none is cold, an endpoint's first call finds the container but not its model: it is `first`, no warm time.
    `answered`: it has had that call before.
    """
    warm = Step("warm", rounds)
    if cold_rounds:
        return (Step("cold", cold_rounds), warm)
    return (warm,) if answered else (Step("first", 1), warm)
