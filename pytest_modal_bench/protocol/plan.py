"""Which calls an endpoint gets, in which order: cold, first, warm."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_modal_bench.model import Endpoint, Start

RETAKES = 2
"""How many more tries a sample gets that evidence speaks against."""


@dataclass(frozen=True)
class Step:
    """`rounds` calls that share a start."""

    start: Start
    rounds: int


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
