"""The charts of one endpoint under load."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_modal_bench.gate.load.steps import by_kind, called
from pytest_modal_bench.report.escape import NAME_LIMIT, line
from pytest_modal_bench.report.figures.units import rate, seconds
from pytest_modal_bench.report.html.charts import Span
from pytest_modal_bench.report.html.scales import Scale, plottable
from pytest_modal_bench.report.html.step_charts import Part, Value, Waterfall, WaterfallRow, XYChart, xy_chart

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytest_modal_bench.model import EndpointResult, Load, LoadCall, LoadStep

_LATENCY = ("Latency", "load_p95", {"p50_sec": "p50", "p95_sec": "p95", "p99_sec": "p99"})
_TTFT = ("Time to the first output", "load_ttft", {"ttft_p50_sec": "p50", "ttft_p95_sec": "p95"})
"""A chart's title, the budget in it, and its curves."""
_ASKED = {"users": "users", "rate": "calls/s asked for", "burst": "calls at once", "ramp": "users at the end"}
_FEWEST = 2
"""Steps that a curve takes."""
_ROWS, _ROW, _THICK = 60, 11, 8
"""Calls of a waterfall, and pixels of one."""
_KEY = {
    "late": "began late",
    "queue": "queue",
    "whole": "not accounted for",
    "execution": "execution",
    "failed": "failed",
}


def charts(result: EndpointResult, load: Load) -> Iterator[XYChart]:
    """Yield what latency and throughput were at each step of a kind, then how containers came over time."""
    for kind, steps in by_kind(load).items():
        ordered = sorted(steps, key=lambda step: step.value)
        if len({step.value for step in steps}) >= _FEWEST:
            yield _latency(result, ordered, _ASKED[kind], _LATENCY)
            if any(step.ttft_p50_sec is not None for step in steps):
                yield _latency(result, ordered, _ASKED[kind], _TTFT)
            yield _throughput(ordered, _ASKED[kind])
    if any(step.over_time for step in load.steps):
        yield _over_time(load.steps)


def _latency(
    result: EndpointResult, steps: Sequence[LoadStep], asked: str, of: tuple[str, str, dict[str, str]]
) -> XYChart:
    title, metric, percentiles = of
    curves = []
    for field, label in percentiles.items():
        values = [
            Value(step.value, known, f"{called(step)}: {label} {seconds(known)} s")
            for step in steps
            for known in (getattr(step, field),)
        ]
        if any(value.y is not None for value in values):
            curves.append((label, label, values))
    limit = next((check.limit for check in result.checks if check.metric == metric), None)
    said = "; ".join(point.title for _, _, values in curves for point in values if point.y is not None)
    summary = said or f"{title.lower()}: known of no step"
    return xy_chart(title, curves, unit="seconds", x_name=asked, summary=summary, limit=limit)


def _throughput(steps: Sequence[LoadStep], asked: str) -> XYChart:
    answered = [
        Value(
            step.value,
            step.throughput_per_sec,
            f"{called(step)}: {rate(step.throughput_per_sec)} calls/s answered",
        )
        for step in steps
    ]
    curves = [("answered", "answered", answered)]
    if steps[0].kind == "rate":
        curves.append(("asked", "asked for", [Value(step.value, step.value) for step in steps]))
    said = "; ".join(f"{called(step)} {rate(step.throughput_per_sec)}" for step in steps)
    summary = f"calls answered a second by step: {said}"
    return xy_chart("Throughput", curves, unit="calls a second", x_name=asked, summary=summary)


def _over_time(steps: Sequence[LoadStep]) -> XYChart:
    """Return calls under way and containers over time, the steps one after the other."""
    under_way, containers, pool, borders = list[Value](), list[Value](), list[Value](), list[float]()
    begin = 0.0
    for step in steps:
        containers.append(Value(begin, None))
        pool.append(Value(begin, None))
        edges = [0.0, *(moment.at_sec for moment in step.over_time)]
        for before, moment in zip(edges, step.over_time, strict=False):
            at = begin + moment.at_sec
            under_way.append(Value(begin + before, moment.under_way))
            containers.append(Value(at, moment.containers))
            pool.append(Value(at, moment.pool))
        begin += step.took_sec
        under_way.append(Value(begin, 0.0))
        borders.append(begin)
    curves = [
        ("under-way", "calls under way", under_way),
        ("containers", "containers that have answered in the step", containers),
        ("pool", "containers by the control plane", pool),
    ]
    most = max((step.containers for step in steps if step.containers is not None), default=None)
    known = "not known" if most is None else str(most)
    summary = (
        f"calls under way and containers over time; containers that answered in a step, at most: {known}"
    )
    return xy_chart(
        "Containers over time",
        [curve for curve in curves if any(value.y is not None for value in curve[2])],
        unit="at a time",
        x_name="seconds, the steps one after the other",
        summary=summary,
        borders=borders[:-1],
        stairs=True,
    )


def waterfall(step: LoadStep) -> Waterfall:
    """Return the calls of a burst, by when they ended."""
    calls = sorted(step.calls, key=lambda call: call.began_sec + call.elapsed_sec)
    shown = calls[:_ROWS]
    scale = Scale.of((call.began_sec + call.elapsed_sec for call in calls), logarithmic=False)
    rows = tuple(_row(number, call, scale) for number, call in enumerate(shown))
    kinds = {part.kind for row in rows for part in row.parts}
    left = len(calls) - len(shown) + step.calls_left_out
    return Waterfall(
        f"Calls of {called(step)}",
        f"{len(shown)} calls, by when they ended; the last after {seconds(step.took_sec)} s",
        len(shown) * _ROW,
        _THICK,
        tuple(scale.ticks()),
        rows,
        tuple((kind, label) for kind, label in _KEY.items() if kind in kinds),
        f"{left} more are not shown" if left else "",
    )


def _row(number: int, call: LoadCall, scale: Scale) -> WaterfallRow:
    container = line(call.container, NAME_LIMIT) if call.container else ""
    said = [
        f"call {number + 1}: {seconds(call.latency_sec)} s",
        *([f"container {container}"] if container else []),
        *(["its container's first"] if call.first_of_container else []),
        *([f"queue {seconds(call.queue_sec)} s"] if call.queue_sec is not None else []),
        *([f"execution {seconds(call.execution_sec)} s"] if call.execution_sec is not None else []),
        *([] if call.ok else ["cut off" if call.under_way else f"failed: {call.cause or 'unknown'}"]),
    ]
    y = number * _ROW
    return WaterfallRow(
        str(number + 1) if number % 5 == 4 or number == 0 else "",  # noqa: PLR2004 - every fifth
        ", ".join(said),
        y,
        y + _THICK,
        bool(call.first_of_container),
        tuple(
            Part(kind, Span.of(scale, begin, end))
            for kind, begin, end in _parts(call)
            if end > begin and plottable(end)
        ),
    )


def _parts(call: LoadCall) -> Iterator[tuple[str, float, float]]:
    """Yield where a call's time went: queueing comes first, its execution last, as far as they fit into it."""
    end = call.began_sec + call.elapsed_sec
    yield "late", call.meant_sec, call.began_sec
    if not call.ok:
        yield "failed", call.began_sec, end
        return
    queued = call.began_sec + (call.queue_sec or 0.0)
    worked = end - (call.execution_sec or 0.0)
    if call.began_sec <= queued <= worked:
        yield "queue", call.began_sec, queued
        yield "whole", queued, worked
        yield "execution", worked, end
    else:
        yield "whole", call.began_sec, end
