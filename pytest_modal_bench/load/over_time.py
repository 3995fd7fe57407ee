"""How a step went on over time: calls under way, calls that ended, containers."""

from __future__ import annotations

import math
from bisect import bisect_right
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from pytest_modal_bench.model import LoadMoment

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pytest_modal_bench.model import LoadCall

MOST_MOMENTS = 60
"""Stretches that a step is cut into, at most."""
_ROUND = (1.0, 2.0, 5.0, 10.0)


class Concurrency(NamedTuple):
    """Calls under way at a time."""

    mean: float
    most: int


def end_of(call: LoadCall) -> float:
    """Return when a call ended, in seconds since its step began."""
    return call.began_sec + call.elapsed_sec


def concurrency(calls: Iterable[LoadCall], begin: float, end: float) -> Concurrency:
    """Return how many calls were under way from `begin` until `end`, by their own begins and ends.

    A call is under way from when it begins until right before it ends, so that one that begins as another ends is not
    beside it. The mean is the sum of their seconds in that time over its length.
    """
    spans = [
        (max(call.began_sec, begin), min(end_of(call), end))
        for call in calls
        if call.began_sec < end and end_of(call) > begin
    ]
    level = most = 0
    # At the same moment -1 comes before 1.
    for _, change in sorted([*((left, 1) for left, _ in spans), *((right, -1) for _, right in spans)]):
        level += change
        most = max(most, level)
    return Concurrency(math.fsum(right - left for left, right in spans) / (end - begin), most)


def moments(
    calls: Sequence[LoadCall],
    took_sec: float,
    *,
    container_since: Sequence[float] = (),
    pool: Sequence[tuple[float, int]] = (),
) -> tuple[LoadMoment, ...]:
    """Return a step in stretches of equal, round length, the last one cut short.

    `container_since`: when the first, second, … container had answered, in ascending order; nothing: not known. `pool`:
    moments, and how many containers the control plane counted then, in ascending order.
    """
    if took_sec <= 0:
        return ()
    edges = _edges(took_sec)
    asked = [moment for moment, _ in pool]
    ended: list[list[LoadCall]] = [[] for _ in edges[1:]]
    for call in calls:
        if not call.under_way:
            ended[min(bisect_right(edges, end_of(call)), len(ended)) - 1].append(call)
    beside = _by_stretch(calls, edges)
    return tuple(
        LoadMoment(
            at_sec=end,
            under_way=(known := concurrency(beside[number], begin, end)).mean,
            under_way_max=known.most,
            answered=sum(call.ok for call in ended[number]),
            failed=sum(not call.ok for call in ended[number]),
            containers=bisect_right(container_since, end) if container_since else None,
            pool=pool[place - 1][1] if (place := bisect_right(asked, end)) else None,
        )
        for number, (begin, end) in enumerate(pairwise(edges))
    )


def _edges(took_sec: float) -> list[float]:
    magnitude = 10.0 ** math.floor(math.log10(took_sec / MOST_MOMENTS))
    length = next(each * magnitude for each in _ROUND if each * magnitude * MOST_MOMENTS >= took_sec)
    whole = [number * length for number in range(MOST_MOMENTS) if number * length < took_sec]
    return [*whole, took_sec]


def _by_stretch(calls: Iterable[LoadCall], edges: Sequence[float]) -> list[list[LoadCall]]:
    """Return the calls that were under way in each stretch, so that not all are looked at for each of them."""
    found: list[list[LoadCall]] = [[] for _ in edges[1:]]
    for call in calls:
        first = max(bisect_right(edges, call.began_sec) - 1, 0)
        last = min(bisect_right(edges, end_of(call)), len(found))
        for number in range(first, last):
            found[number].append(call)
    return found
