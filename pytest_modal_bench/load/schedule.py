"""When each call of a step is meant to begin, and which of several generators makes it.

Every generator works out the whole schedule for itself, from the same seed, and takes its own share of it.
"""

from __future__ import annotations

import itertools
import random
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytest_modal_bench.load.spec import Step


class Split(msgspec.Struct, frozen=True, kw_only=True):
    """How calls are split from a moment on: this generator makes each that is `share` modulo `of`."""

    after_sec: float
    """Seconds since the step began."""
    share: int
    """None: -1."""
    of: int


def schedule_seed(seed: str, number: int) -> str:
    """Return what the schedule of a load's step is drawn from."""
    return f"{seed}:{number}"


def meant(step: Step, seed: str) -> Iterator[float]:
    """Yield when the calls of a step at a rate are meant to begin, in seconds since the step began."""
    if step.duration_sec is None:
        raise ValueError(f"{step} has no schedule: its calls begin at once")
    drawn = random.Random(seed)  # noqa: S311 - no secret; whoever repeats a run gets the same schedule
    at_sec = drawn.expovariate(step.value) if step.arrivals == "poisson" else 0.0
    for number in itertools.count(1):
        if at_sec >= step.duration_sec:
            return
        yield at_sec
        # Not summed up: a thousand times 0.1 would not be 100.
        at_sec = at_sec + drawn.expovariate(step.value) if step.arrivals == "poisson" else number / step.value


def own(schedule: Iterator[float], splits: Sequence[Split]) -> Iterator[float]:
    """Yield what of a schedule one generator takes. `splits` may grow meanwhile; the last that has begun holds."""
    for number, at_sec in enumerate(schedule):
        split = next((each for each in reversed(splits) if each.after_sec <= at_sec), None)
        if split is not None and number % split.of == split.share:
            yield at_sec
