"""Medians for github-action-benchmark, in its format `customSmallerIsBetter`: a chart over time, an alert on a jump."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from pytest_modal_bench.model.series import calls
from pytest_modal_bench.report.escape import NAME_LIMIT, line
from pytest_modal_bench.report.timing import Timing
from pytest_modal_bench.report.units import dollars, seconds

if TYPE_CHECKING:
    from pytest_modal_bench.model import EndpointResult, Run

_IN_CODE = str.maketrans({"`": "'", "|": "/"})
"""It sets names as code in a markdown table, and escapes nothing: these two would end cell or code."""


class _Metric(NamedTuple):
    name: str
    unit: str
    value: float | None
    range: str
    """From the least to the most, as it is shown; empty: not known."""
    facts: list[str]


def render(run: Run) -> str:
    """Return the known medians of `run` as an indented JSON list that ends with a newline."""
    entries = [
        _entry(result, metric)
        for result in run.results
        for metric in _metrics(result)
        if metric.value is not None and math.isfinite(metric.value)
    ]
    return msgspec.json.format(msgspec.json.encode(entries), indent=2).decode() + "\n"


def _metrics(result: EndpointResult) -> list[_Metric]:
    cold, warm = Timing.of(calls(result.samples, "cold")), Timing.of(calls(result.samples, "warm"))
    costs = [s.cost_usd for s in calls(result.samples, "warm") if s.ok and s.cost_usd is not None]
    spread = f"{dollars(min(costs))} - {dollars(max(costs))}" if costs else ""
    unproven = ["unverified"] if result.cold_verified is False else []
    basis = [result.cost_basis] if result.cost_basis else []
    return [
        _Metric("cold", "s", result.cold_time_sec, _range(cold), [_n(cold), *unproven]),
        _Metric("warm", "s", result.warm_time_sec, _range(warm), [_n(warm)]),
        _Metric("cost", "USD", result.cost_usd, spread, [f"n={len(costs)}", *basis]),
    ]


def _entry(result: EndpointResult, metric: _Metric) -> dict[str, Any]:
    gpu = [line(result.gpu_type, NAME_LIMIT)] if result.gpu_type else []
    return {
        "name": f"{line(result.id, NAME_LIMIT).translate(_IN_CODE)}: {metric.name}",
        "unit": metric.unit,
        "value": metric.value,
        **({"range": metric.range} if metric.range else {}),
        "extra": ", ".join([*metric.facts, *gpu]),
    }


def _n(timing: Timing) -> str:
    return f"n={timing.ok}" if timing.ok == timing.n else f"n={timing.ok} of {timing.n}"


def _range(timing: Timing) -> str:
    return "" if timing.low is None else f"{seconds(timing.low)} - {seconds(timing.high)}"
