"""Two endpoints called in turn: what both share (client, network, platform, hour) is the same for a pair of calls."""

from __future__ import annotations

import random
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_modal_bench.protocol.plan import Step, Turns

T = TypeVar("T")

_dice = random.SystemRandom()


def base_first() -> bool:
    """Draw whether the base is called first."""
    return _dice.random() < 0.5  # noqa: PLR2004 - as often as not


def in_turn(
    candidate: Turns[T],
    base: Turns[T],
    *,
    base_first: Callable[[], bool] = base_first,
) -> tuple[T, T]:
    """Make the calls of both, and return what both return.

    Where both are about to make a call of the same kind, the two are a pair, whose order is drawn. A side that has no
    counterpart for its next call, as the other one has ended, or has still another call to make first, makes it alone.
    """
    with ExitStack() as stack:
        sides = [_Side(stack.enter_context(closing(side))) for side in (candidate, base)]
        pairs = 0
        while due := [side for side in sides if side.step is not None]:
            # Cold starts and first calls of a container come before the warm ones that are made in it.
            earliest = min(map(_position, due))
            due = [side for side in due if _position(side) == earliest]
            pair = None
            if len(due) == len(sides) and _start(due[0]) == _start(due[1]):
                pairs += 1
                pair = pairs
            for side in reversed(due) if len(due) > 1 and base_first() else due:
                side.call(pair)
        return sides[0].result, sides[1].result


class _Side(Generic[T]):
    """One side, and the step that its next call is of; None: it has ended."""

    def __init__(self, turns: Turns[T]) -> None:
        self._turns = turns
        self.step: Step | None = None
        self.result: T
        self._go_on(lambda: next(turns))

    def call(self, pair: int | None) -> None:
        self._go_on(lambda: self._turns.send(pair))

    def _go_on(self, advance: Callable[[], Step]) -> None:
        try:
            self.step = advance()
        except StopIteration as ended:
            self.step, self.result = None, ended.value


def _position(side: _Side[T]) -> tuple[int, bool]:
    assert side.step is not None  # noqa: S101 - those that have ended are left out
    return side.step.container, side.step.start == "warm"


def _start(side: _Side[T]) -> str | None:
    return None if side.step is None else side.step.start
