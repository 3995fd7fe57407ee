"""What lies behind a report's medians: each endpoint's samples, summed up by start, and what they cost."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, get_args

from pytest_modal_bench.model import Start, Summary
from pytest_modal_bench.model.packed import unpacked
from pytest_modal_bench.model.series import calls
from pytest_modal_bench.report.cells import Cells, name_cell
from pytest_modal_bench.report.escape import code, text
from pytest_modal_bench.report.figures.timing import Timing
from pytest_modal_bench.report.figures.units import UNKNOWN, cost, doubted, seconds
from pytest_modal_bench.report.labels import Labels
from pytest_modal_bench.report.table import table
from pytest_modal_bench.safety.text import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pytest_modal_bench.model import EndpointResult

_LEGEND = (
    "Seconds on the client's clock, over the calls that succeeded; phases are medians. The interval is the"
    " exact order-statistic interval of the median, which takes six calls; that of the successes is Wilson's."
    " Outliers (modified z-score above 3.5, from five calls on) are shown and counted."
)

_TIMING = (
    *("Endpoint", "Start", "OK", "OK 95%", "Median", "95% Interval", "Min-Max", "Outliers"),
    *("Connect", "TLS", "Send", "Wait", "Download"),
)

_COST = (
    "Endpoint",
    "Warm ($)",
    "Cold ($)",
    "Idle Tail ($)",
    "All Calls ($)",
    "Calls with Known Cost",
    "Basis",
)

_COST_LEGEND = (
    "US dollars; `~` is an estimate, by seconds and price. The idle tail is what a container costs after its last call,"
    " until it scales down; it is not in the total."
)


def timing(results: Sequence[EndpointResult]) -> str:
    """Return a row for every endpoint and start that was called, then what is in their times; nothing if none was."""
    cells, labels = Cells(), Labels(results)
    rows: list[tuple[str, ...]] = []
    notes: list[str] = []
    for result in map(unpacked, results):
        called = {start: samples for start in get_args(Start) if (samples := calls(result.samples, start))}
        rows += (_timing_row(result, start, Timing.of(samples), cells) for start, samples in called.items())
        notes += filter(None, [_reconnected(result, labels)])
        notes += filter(None, (_busy(result, start, labels) for start in called))
    body = "\n\n".join([_LEGEND, table(_TIMING, rows), *(["\n".join(notes)] if notes else [])])
    return cells.with_full_texts(body) if rows else ""


def costs(results: Sequence[EndpointResult]) -> str:
    """Return a row for every endpoint that was called; nothing if no call's cost is known."""
    cells = Cells()
    known = False
    rows = []
    for result in map(unpacked, results):
        if result.samples:
            summary = Summary.of([result])
            known = known or bool(summary.calls_with_cost)
            rows.append(_cost_row(result, summary, cells))
    return cells.with_full_texts(f"{_COST_LEGEND}\n\n{table(_COST, rows)}") if known else ""


def _cost_row(result: EndpointResult, summary: Summary, cells: Cells) -> tuple[str, ...]:
    return (
        name_cell(result.id),
        cost(result.cost_usd, result.cost_basis),
        doubted(cost(result.cold_cost_usd, result.cold_cost_basis), proven=result.cold_verified is not False),
        cost(result.idle_tail_usd, "estimated"),
        cost(summary.total_cost_usd, "estimated" if summary.estimated else "measured"),
        f"{summary.calls_with_cost} of {summary.calls}",
        cells.text(_basis(result) or UNKNOWN, result.id),
    )


def _basis(result: EndpointResult) -> str:
    return "; ".join(dict.fromkeys(sample.cost_source for sample in result.samples if sample.cost_source))


def _reconnected(result: EndpointResult, labels: Labels) -> str | None:
    """Say how many warm times have a second try to connect in them; None: none has."""
    warm = [sample for sample in calls(result.samples, "warm") if sample.ok]
    number = sum(sample.reconnected for sample in warm)
    if not number:
        return None
    of_all = f"{number} of {counted(len(warm), 'warm call')}"
    return f"- {code(labels.path(result))}: {of_all} took a second try to connect, which is in their times"


def _busy(result: EndpointResult, start: Start, labels: Labels) -> str | None:
    """Say how many times may be too long because of the client's machine, and why the first one; None: none may."""
    answered = [sample for sample in calls(result.samples, start) if sample.ok]
    reasons = [sample.client_busy for sample in answered if sample.client_busy]
    if not reasons:
        return None
    made, times = ("was made", "its time") if len(reasons) == 1 else ("were made", "their times")
    of_all = f"{len(reasons)} of {counted(len(answered), f'{start} call')}"
    return (
        f"- {code(labels.path(result))}: {of_all} {made} while this machine was busy ({text(reasons[0])}):"
        f" {times} may be too long"
    )


def _timing_row(result: EndpointResult, start: Start, times: Timing, cells: Cells) -> tuple[str, ...]:
    name, phases = result.id, times.phases
    median = seconds(times.median) if times.censored_at is None else f"&gt; {seconds(times.censored_at)}"
    flagged = ", ".join(map(seconds, times.outliers))
    mark = partial(doubted, proven=start != "cold" or times.ok == 0 or result.cold_verified)
    return (
        name_cell(name),
        start,
        f"{times.ok} of {times.n}",
        UNKNOWN if times.success is None else " - ".join(f"{share:.0%}" for share in times.success),
        mark(median),
        _range(times.interval, mark),
        _range((times.low, times.high), mark),
        cells.text(flagged or UNKNOWN, name, full=flagged),
        *map(
            seconds,
            (phases.connect_sec, phases.tls_sec, phases.send_sec, phases.wait_sec, phases.download_sec),
        ),
    )


def _range(ends: tuple[float | None, float | None] | None, mark: Callable[[str], str]) -> str:
    return UNKNOWN if ends is None or None in ends else " - ".join(mark(seconds(end)) for end in ends)
