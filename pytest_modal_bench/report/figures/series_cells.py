"""A median in a table: with a mark where nothing proves it, not all calls stand in it, or it lies beyond a deadline."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_modal_bench.gate.metrics import METRICS
from pytest_modal_bench.model.series import series
from pytest_modal_bench.report.figures.units import UNKNOWN, cost, doubted, rate, seconds

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_modal_bench.gate.metrics import Name
    from pytest_modal_bench.model import EndpointResult, Start

STAR = "\\*"
"""Marks a median over the calls that were answered, where others were not."""


def times(result: EndpointResult, start: Start) -> str:
    """Return the median of an endpoint's cold or warm calls as a cell."""
    calls = series(result, start)
    if calls.censored_at is not None:
        return f"&gt; {seconds(calls.censored_at)}"
    shown = seconds(result.cold_time_sec if start == "cold" else result.warm_time_sec)
    if calls.partial and shown != UNKNOWN:
        shown = f"{shown}{STAR}"
    return doubted(shown, proven=result.cold_verified) if start == "cold" else shown


HEADS: dict[Name, str] = {
    "cold": "Cold (s)",
    "warm": "Warm (s)",
    "cost": "Cost ($)",
    "ttft": "TTFT (s)",
    "itl": "ITL 95% (s)",
    "tokens_per_sec": "Tokens/s",
}
"""What stands above a metric's column."""


def shown_metrics(results: Iterable[EndpointResult]) -> list[Name]:
    """Return the metrics that a table of `results` has a column for: those of streams only where one is known."""
    results = list(results)
    return [
        name
        for name, metric in METRICS.items()
        if not metric.of_stream or any(metric.median(result) is not None for result in results)
    ]


def figure(result: EndpointResult, name: Name) -> str:
    """Return what is known of one metric of an endpoint as a cell."""
    match name:
        case "cold" | "warm":
            return times(result, name)
        case "cost":
            return cost(result.cost_usd, result.cost_basis)
        case "tokens_per_sec":
            shown = rate(result.tokens_per_sec)
        case _:
            shown = seconds(METRICS[name].median(result))
    return f"{shown}{STAR}" if shown != UNKNOWN and series(result, "warm").partial else shown
