"""What an endpoint did under load, as reports put it: a sentence, a row for each step, and what else is to be known.

All of it is plain text, in which texts of others may stand: each format escapes it by its own rules.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pytest_modal_bench.gate.load.steps import called
from pytest_modal_bench.gate.statistics import fewest_for
from pytest_modal_bench.report.escape import line
from pytest_modal_bench.report.figures.units import UNKNOWN, cost, rate, seconds
from pytest_modal_bench.safety.text import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from pytest_modal_bench.model import EndpointResult, Load, LoadStep

LEGEND = (
    "Seconds on the client's clock, of the calls that were answered: of users who wait for their answers from a call's"
    " begin, of a rate and a burst from when it was meant to begin. A percentile takes enough calls that one lies above"
    f" the true one with 95 % confidence: {fewest_for(0.5)} for p50, {fewest_for(0.9)} for p90, {fewest_for(0.95)} for"
    f" p95, {fewest_for(0.99)} for p99. $/1,000 is for the calls' own seconds, without starts and idle time of"
    " containers; `~` is an estimate. `*` marks percentiles of a step where other calls failed, `>` those beyond the"
    " deadline of calls that timed out."
)
_SHOWN_MOMENTS = 10
"""Containers of which it is said when they were there."""
_WHOLE = 0.995
"""A share from which on one rounds to all."""


class Column(NamedTuple):
    """A figure of a step."""

    head: str
    cell: Callable[[LoadStep], str]


class Table(NamedTuple):
    """Some figures of all steps: those that are known of one of them."""

    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def under_load(results: Iterable[EndpointResult]) -> list[tuple[EndpointResult, Load]]:
    """Return the endpoints that were put under load, with what they did."""
    return [(result, result.load) for result in results if result.load is not None]


def sentences(load: Load) -> list[str]:
    """Say what it keeps, a sentence for each kind of step; where it has nothing to keep, the most that it answered."""
    said = [knee.sentence for knee in load.knees if line(knee.sentence)] or [*_most(load)]
    return [*said, *([f"ended early: {load.stopped}"] if load.stopped else [])]


def steps_table(load: Load) -> Table:
    """Return how long calls took, and what that takes and costs."""
    return _table(load.steps, _MAIN)


def more_table(load: Load) -> Table:
    """Return what else is known of each step."""
    return _table(load.steps, _MORE)


def remarks(load: Load) -> Iterator[str]:
    """Say what is to be known of each step, and of the load as a whole."""
    for step in load.steps:
        name = called(step)
        if step.errors:
            failed = ", ".join(f"{cause} {number}" for cause, number in step.errors.items())
            yield f"{name}: {step.n - step.answered} of {counted(step.n, 'call')} failed: {failed}"
        if step.under_way:
            yield f"{name}: {counted(step.under_way, 'call')} cut off while under way, and in no figure"
        if step.behind:
            yield f"{name}: the generator was behind its schedule: {_late(step)} of the calls began late"
        if step.client_busy:
            yield f"{name}: {step.client_busy}"
        if step.kind == "burst" and step.scale_out_sec:
            yield f"{name}: {_scale_out(step)}"
        if step.container_known < step.answered and step.container_known:
            of_all = f"{step.container_known} of {counted(step.answered, 'answer')}"
            yield f"{name}: {of_all} named their container: there may have been more of them"
        if step.calls_left_out:
            total = counted(step.calls_left_out + len(step.calls), "call")
            yield f"{name}: {len(step.calls)} of {total} are kept in the report; all are in the figures"
    yield _how(load)
    yield from load.notes


def _how(load: Load) -> str:
    checked, answered = (
        sum(getattr(step, field) for step in load.steps) for field in ("checked", "answered")
    )
    engine = f" with {load.engine}" if load.engine else ""
    return (
        f"asked for as {load.spec}; called{engine} from {_processes(load.processes)};"
        f" {checked} of {counted(answered, 'answer')} decoded and checked"
    )


def _processes(number: int) -> str:
    return "1 process" if number == 1 else f"{number} processes"


def _most(load: Load) -> Iterator[str]:
    known = [step for step in load.steps if step.throughput_per_sec is not None and step.answered]
    if known:
        best = max(known, key=lambda step: step.throughput_per_sec or 0.0)
        p95 = "" if best.p95_sec is None else f", p95 {seconds(best.p95_sec)} s"
        yield (
            f"answers at most {rate(best.throughput_per_sec)} calls/s, with {called(best)}{p95};"
            " no budget (max_p95, max_errors) says what it is to keep"
        )
    else:
        yield "not one call was answered"


def _scale_out(step: LoadStep) -> str:
    shown = [
        f"{number} after {seconds(at)} s"
        for number, at in enumerate(step.scale_out_sec[:_SHOWN_MOMENTS], start=1)
    ]
    more = len(step.scale_out_sec) - len(shown)
    last = f", … all {len(step.scale_out_sec)} after {seconds(step.scale_out_sec[-1])} s" if more else ""
    return f"containers that had answered: {', '.join(shown)}{last}"


def _table(steps: Sequence[LoadStep], columns: Sequence[Column]) -> Table:
    used = [column for column in columns if any(column.cell(step) != UNKNOWN for step in steps)]
    return Table(
        ("Step", *(column.head for column in used)),
        tuple((_name(step), *(column.cell(step) for column in used)) for step in steps),
    )


def _name(step: LoadStep) -> str:
    return f"{called(step)}{' (behind)' if step.behind else ''}"


def _percentile(field: str, share: float) -> Callable[[LoadStep], str]:
    def cell(step: LoadStep) -> str:
        value: float | None = getattr(step, field)
        if value is None:
            known = step.answered + step.errors.get("timeout", 0)
            beyond = step.censored_sec is not None and known >= fewest_for(share)
            return f"> {seconds(step.censored_sec)}" if beyond else UNKNOWN
        return f"{seconds(value)}{'*' if step.answered < step.n else ''}"

    return cell


def _containers(step: LoadStep) -> str:
    if step.containers is None:
        return UNKNOWN
    return f"{'≥ ' if step.container_known < step.answered else ''}{step.containers}"


def _cold(step: LoadStep) -> str:
    if step.cold_calls is None or not step.n:
        return UNKNOWN
    return f"{step.cold_calls} ({_percent(step.cold_calls / step.n)})"


def _percent(share: float) -> str:
    percent = 100 * share
    return f"{percent:.2g}%" if 0 < share < _WHOLE else f"{percent:.0f}%"


def _under_way(step: LoadStep) -> str:
    if step.concurrency_mean is None or step.concurrency_max is None:
        return UNKNOWN
    return f"{rate(step.concurrency_mean)} ({step.concurrency_max})"


def _late(step: LoadStep) -> str:
    return UNKNOWN if step.late_share is None else _percent(step.late_share)


_MAIN = (
    Column("Answered", lambda step: f"{step.answered} of {step.n}"),
    Column("p50 (s)", _percentile("p50_sec", 0.5)),
    Column("p90 (s)", _percentile("p90_sec", 0.9)),
    Column("p95 (s)", _percentile("p95_sec", 0.95)),
    Column("p99 (s)", _percentile("p99_sec", 0.99)),
    Column("Max (s)", lambda step: seconds(step.max_sec)),
    Column("TTFT p50 (s)", lambda step: seconds(step.ttft_p50_sec)),
    Column("Calls/s", lambda step: rate(step.throughput_per_sec)),
    Column("Tokens/s", lambda step: rate(step.tokens_per_sec)),
    Column("Containers", _containers),
    Column("Cold", _cold),
    Column("$/1,000", lambda step: cost(step.usd_per_1000, step.cost_basis)),
)
_MORE = (
    Column("Under Way (Max)", _under_way),
    Column("Queue p50 (s)", lambda step: seconds(step.queue_p50_sec)),
    Column("Queue p95 (s)", lambda step: seconds(step.queue_p95_sec)),
    Column("Execution p50 (s)", lambda step: seconds(step.execution_p50_sec)),
    Column("TTFT p95 (s)", lambda step: seconds(step.ttft_p95_sec)),
    Column("Tokens/s a User", lambda step: rate(step.tokens_per_sec_user)),
    Column(
        "Started", lambda step: UNKNOWN if step.containers_started is None else str(step.containers_started)
    ),
    Column("Calls/Container", lambda step: rate(step.calls_per_container)),
    Column("Calls ($)", lambda step: cost(step.cost_usd, step.cost_basis)),
    Column("Idle ($)", lambda step: cost(step.idle_usd, "estimated")),
    Column("Late", _late),
    Column("Late by (s)", lambda step: seconds(step.late_max_sec)),
)
