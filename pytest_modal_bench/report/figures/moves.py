"""What moved since the baseline, by as much as a check would have minded, and not by chance."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal, NamedTuple

from pytest_modal_bench.gate.metrics import METRICS, is_metric
from pytest_modal_bench.model.series import series
from pytest_modal_bench.report.figures.against import is_proven
from pytest_modal_bench.report.figures.sparkline import sparkline
from pytest_modal_bench.report.figures.units import dollars, doubted, seconds
from pytest_modal_bench.safety.text import counted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_modal_bench.model import Check, EndpointResult

Direction = Literal["slower", "faster", "dearer", "cheaper"]


class Move(NamedTuple):
    """A figure of an endpoint that moved."""

    result: EndpointResult
    check: Check
    direction: Direction

    @property
    def is_worse(self) -> bool:
        """Whether it moved to the worse."""
        return self.direction in ("slower", "dearer")


def moves(results: Iterable[EndpointResult]) -> list[Move]:
    """Return what moved, the largest move first."""
    found = [
        Move(result, check, direction)
        for result in results
        for check in result.checks
        if (direction := moved(check)) is not None
    ]
    return sorted(found, key=lambda move: -abs(math.log(move.check.ratio or math.inf)))


def moved(check: Check) -> Direction | None:
    """Say in which direction a median moved, if by as much as a check would have minded: up, or just as far down."""
    # A drift is said by its warning: this run by itself did not move.
    if (
        not is_metric(check.metric)
        or check.against == "history"
        or not check.ratio
        or not check.limit
        or check.p is None
    ):
        return None
    if not math.isfinite(check.ratio):
        return None
    ratio, limit = check.ratio, check.limit
    if check.against == "base":
        if check.low is None or check.high is None:
            return None
        # Of an interval the end that is nearer to no change: beyond noise is what lies beyond it as a whole.
        ratio = max(check.low, min(1.0, check.high))
    is_beyond, is_better = ratio >= limit, ratio * limit <= 1
    if METRICS[check.metric].less_is_worse:
        is_beyond, is_better = ratio <= limit, ratio * limit >= 1
    if is_beyond:
        return "dearer" if check.metric == "cost" else "slower"
    if is_better:
        return "cheaper" if check.metric == "cost" else "faster"
    return None


def ratio_of(check: Check, result: EndpointResult) -> str:
    """Return a check's ratio, such as `warm 1.4x (slower)`."""
    direction = moved(check)
    label = METRICS[check.metric].label if is_metric(check.metric) else check.metric
    shown = doubted(f"{check.ratio:.3g}x", proven=_proven(check, result))
    return f"{label} {shown}{f' ({direction})' if direction else ''}"


def sentence(move: Move) -> str:
    """Say what moved, and from where to where, such as `warm 1.4x (slower): 2.1 s, was 1.5 s in 5 earlier runs`."""
    check, result = move.check, move.result
    said = ratio_of(check, result)
    if check.value is None or not check.ratio or not is_metric(check.metric):
        return said
    metric = METRICS[check.metric]
    figure = dollars if check.metric == "cost" else seconds
    proven = _proven(check, result)
    base = metric.median(result.base) if check.against == "base" and result.base is not None else None
    now, before = (
        f"{doubted(figure(value), proven=proven)}{metric.unit}"
        for value in (check.value, check.value / check.ratio if base is None else base)
    )
    is_beyond = metric.is_duration_of_call and series(result, metric.start).censored_at is not None
    if base is not None:
        return f"{said}: {'at least ' if is_beyond else ''}{now}, base {before}"
    runs = f" in {counted(check.runs, 'earlier run')}" if check.runs else ""
    return f"{said}: {'at least ' if is_beyond else ''}{now}, was {before}{runs}"


def history(move: Move) -> str:
    """Return the medians of the earlier runs and of this one as blocks, ` ▂▁▂▂█`; nothing where they are not known."""
    check = move.check
    if not check.history or check.value is None:
        return ""
    blocks = sparkline([*check.history, check.value])
    return f" {doubted(blocks, proven=_proven(check, move.result))}" if blocks else ""


def _proven(check: Check, result: EndpointResult) -> bool:
    # Its message says so where it is an earlier run's cold start that nothing proves.
    proven = result.cold_verified if check.against != "base" else is_proven(result)
    return check.metric != "cold" or (bool(proven) and "unverified" not in check.message)
