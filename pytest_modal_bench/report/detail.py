"""What lies behind a report's medians: each endpoint's samples, summed up by start, and what they cost."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

from pytest_modal_bench.model import Start, Summary
from pytest_modal_bench.report.escape import code
from pytest_modal_bench.report.table import table
from pytest_modal_bench.report.timing import Timing
from pytest_modal_bench.report.units import UNKNOWN, dollars, seconds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_modal_bench.model import EndpointResult

_LEGEND = (
    "Seconds on the client's clock, over the calls that succeeded; phases are medians. The interval is the"
    " exact order-statistic interval of the median, which takes six calls."
)

_TIMING = (
    *("Endpoint", "Start", "OK", "Median", "95% Interval", "Min-Max"),
    *("Connect", "TLS", "Send", "Wait", "Download"),
)

_COST = ("Endpoint", "Known Cost ($)", "Calls with Known Cost")


def timing(results: Sequence[EndpointResult]) -> str:
    """Return a row for every endpoint and start that was called; nothing if none was."""
    rows = [
        _timing_row(result.id, start, Timing.of(samples))
        for result in results
        for start in get_args(Start)
        if (samples := [s for s in result.samples if s.start == start and s.dropped is None])
    ]
    return f"{_LEGEND}\n\n{table(_TIMING, rows)}" if rows else ""


def cost(results: Sequence[EndpointResult]) -> str:
    """Return a row for every endpoint that was called; nothing if no call's cost is known."""
    called = [(result, Summary.of([result])) for result in results if result.samples]
    rows = [
        (code(result.id), dollars(summary.total_cost_usd), f"{summary.calls_with_cost} of {summary.calls}")
        for result, summary in called
    ]
    return table(_COST, rows) if any(summary.calls_with_cost for _, summary in called) else ""


def _timing_row(name: str, start: str, times: Timing) -> tuple[str, ...]:
    phases = times.phases
    return (
        code(name),
        start,
        f"{times.ok} of {times.n}",
        seconds(times.median),
        _range(times.interval),
        _range((times.low, times.high)),
        *map(
            seconds,
            (phases.connect_sec, phases.tls_sec, phases.send_sec, phases.wait_sec, phases.download_sec),
        ),
    )


def _range(ends: tuple[float | None, float | None] | None) -> str:
    return UNKNOWN if ends is None or None in ends else " - ".join(map(seconds, ends))
