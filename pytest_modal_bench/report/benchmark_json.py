"""Medians for github-action-benchmark, in its format `customSmallerIsBetter`: a chart over time, an alert on a jump."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from pytest_modal_bench.model.series import calls
from pytest_modal_bench.report.escape import NAME_LIMIT, line
from pytest_modal_bench.report.figures.timing import Timing
from pytest_modal_bench.report.figures.units import dollars, seconds

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytest_modal_bench.model import EndpointResult, Run, Sample

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
    warm_calls = calls(result.samples, "warm")
    cold, warm = Timing.of(calls(result.samples, "cold")), Timing.of(warm_calls)
    costs = [s.cost_usd for s in warm_calls if s.ok and s.cost_usd is not None]
    spread = f"{dollars(min(costs))} - {dollars(max(costs))}" if costs else ""
    unproven = ["unverified"] if result.cold_verified is False else []
    basis = [result.cost_basis] if result.cost_basis else []
    return [
        _Metric("cold", "s", result.cold_time_sec, _range(cold), [_n(cold), *unproven]),
        _Metric("warm", "s", result.warm_time_sec, _range(warm), [_n(warm)]),
        _Metric("cost", "USD", result.cost_usd, spread, [f"n={len(costs)}", *basis]),
        *_of_streams(result, warm_calls),
    ]


def _of_streams(result: EndpointResult, warm: Sequence[Sample]) -> Iterator[_Metric]:
    """Yield what is known of streams: tokens a second as seconds a token, since smaller is to be better."""
    streams = [sample.stream for sample in warm if sample.ok and sample.stream is not None]
    pace = result.tokens_per_sec
    for name, value, values in (
        ("ttft", result.ttft_sec, [s.ttft_sec for s in streams if s.ttft_sec is not None]),
        ("itl p95", result.itl_p95_sec, [s.itl_p95_sec for s in streams if s.itl_p95_sec is not None]),
        (
            "time per output token",
            1 / pace if pace else None,
            [1 / s.tokens_per_sec for s in streams if s.tokens_per_sec],
        ),
    ):
        spread = f"{seconds(min(values))} - {seconds(max(values))}" if values else ""
        n = f"n={len(values)}" if len(values) == len(warm) else f"n={len(values)} of {len(warm)}"
        yield _Metric(name, "s", value, spread, [n])
    known = sum(stream.output_tokens is not None for stream in streams)
    yield _Metric(
        "cost of 1M output tokens",
        "USD",
        result.usd_per_million_tokens,
        "",
        [f"n={known}", *([result.cost_basis] if result.cost_basis else [])],
    )


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
