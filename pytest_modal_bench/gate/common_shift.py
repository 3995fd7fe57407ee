"""Whether most of what was compared moved alike: then the platform moved, or the client, and no deploy is to blame.

One deploy can move all endpoints of its app, so pools are counted, each by the median of its endpoints.
"""

from __future__ import annotations

import math
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from pytest_modal_bench.gate.metrics import Name, is_metric

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_modal_bench.model import EndpointResult

_LEAST_POOLS = 4
"""Of fewer, most are too few to tell the platform from their apps."""
_MOST = 2 / 3
"""Share of the pools that must have moved alike."""
_LEAST_CHANGE = math.log(1.1)
_ALIKE = 0.5
"""One that moved by at least so much of what the median pool did moved alike."""


class Move(NamedTuple):
    """What one endpoint's metric did against its history."""

    metric: Name
    pool: str
    ratio: float
    """Of this run to its earlier ones."""


class Shift(NamedTuple):
    """What most pools did."""

    metric: Name
    ratio: float
    pools: int
    """How many moved alike."""
    of: int
    """How many were compared."""


def shifts(moves: Iterable[Move]) -> list[Shift]:
    """Return a shift for each metric in which most pools moved alike."""
    by_metric: dict[Name, dict[str, list[float]]] = {}
    for move in moves:
        if move.ratio > 0 and math.isfinite(move.ratio):
            by_metric.setdefault(move.metric, {}).setdefault(move.pool, []).append(math.log(move.ratio))
    found = ((metric, _common([*map(median, pools.values())])) for metric, pools in by_metric.items())
    return [
        Shift(metric, math.exp(change), alike, len(by_metric[metric]))
        for metric, common in found
        if common is not None
        for change, alike in (common,)
    ]


def of_results(results: Iterable[EndpointResult]) -> list[Shift]:
    """Return the shifts that the checks of a run show."""
    return shifts(
        Move(check.metric, result.pool, check.ratio)
        for result in results
        for check in result.checks
        if check.against == "baseline" and is_metric(check.metric) and check.ratio is not None
    )


def _common(changes: list[float]) -> tuple[float, int] | None:
    """The median change, and how many share it; None: it is none, or no common one."""
    if len(changes) < _LEAST_POOLS:
        return None
    middle = median(changes)
    alike = sum(change * middle > 0 and abs(change) >= _ALIKE * abs(middle) for change in changes)
    if abs(middle) < _LEAST_CHANGE or alike < _MOST * len(changes):
        return None
    return middle, alike
