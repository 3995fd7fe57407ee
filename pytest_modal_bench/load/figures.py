"""What the calls of one step come to: exact figures of all of them, before any are left out of a report.

A percentile takes as many calls as let one of them lie above the true one with 95 % confidence (`fewest_for`): 5 for
p50, 29 for p90, 59 for p95, 299 for p99. With fewer it is None. A call that timed out lies above all that is not above
its deadline: it is counted there, and a percentile that would be one of those is None (`LoadStep.censored_sec`). Times
of calls with a schedule begin when a call was meant to begin (coordinated omission: Tene, How NOT to Measure Latency).
"""

from __future__ import annotations

import math
from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING

from pytest_modal_bench.gate.statistics import percentile
from pytest_modal_bench.load.money import idle, spent
from pytest_modal_bench.load.over_time import concurrency, end_of, moments
from pytest_modal_bench.model import LoadStep

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pytest_modal_bench.model import CostBasis, LoadCall, StepKind

MOST_CALLS = 500
"""Calls of a step that a report keeps, whatever their number was."""
LATE_SHARE = 0.05
"""A call is late if its delay is more than this of its latency; a step is behind if more than this of its calls are."""
_CLOCK_SEC = 0.001
"""A delay that no process can promise to be below."""
_SCHEDULED: frozenset[StepKind] = frozenset({"rate", "burst"})


def step(  # noqa: PLR0913 - what is known of a step beside its calls, each by its name
    calls: Sequence[LoadCall],
    *,
    kind: StepKind,
    value: float,
    duration_sec: float | None = None,
    cost_basis: CostBasis | None = None,
    usd_per_sec: float | None = None,
    scaledown_window_sec: float | None = None,
    client_busy: str | None = None,
    pool: Sequence[tuple[float, int]] = (),
    keep: int = MOST_CALLS,
) -> LoadStep:
    """Return the step that `calls` are all calls of.

    `cost_basis`: what their costs rest on. `usd_per_sec`, `scaledown_window_sec`: of one of the pool's containers.
    `pool`: seconds since the step began, and how many containers the control plane counted then, in ascending order.
    `keep`: how many calls the step is to hold.
    """
    ended = [call for call in calls if not call.under_way]
    answered = [call for call in ended if call.ok]
    took_sec = max((end_of(call) for call in calls), default=0.0)
    timed_out = [call.latency_sec for call in ended if call.cause == "timeout"]
    latencies = [*sorted(call.latency_sec for call in answered), *(math.inf for _ in timed_out)]
    late = _late(calls) if kind in _SCHEDULED and calls else None
    there = _scale_out(answered)
    known = sum(call.container is not None for call in answered)
    cost = spent(ended, cost_basis)
    executions = _known(call.execution_sec for call in answered)
    queues = _known(call.queue_sec for call in answered)
    outputs = _known(_first_output(call) for call in answered)
    beside = concurrency(calls, 0.0, took_sec) if took_sec > 0 else None
    return LoadStep(
        kind=kind,
        value=value,
        duration_sec=duration_sec,
        took_sec=took_sec,
        n=len(ended),
        answered=len(answered),
        errors=dict(Counter(call.cause or "unknown" for call in ended if not call.ok).most_common()),
        under_way=len(calls) - len(ended),
        checked=sum(call.checked for call in answered),
        p50_sec=_finite(percentile(latencies, 0.5)),
        p90_sec=_finite(percentile(latencies, 0.9)),
        p95_sec=_finite(percentile(latencies, 0.95)),
        p99_sec=_finite(percentile(latencies, 0.99)),
        max_sec=max((call.latency_sec for call in answered), default=None),
        censored_sec=min(timed_out, default=None),
        throughput_per_sec=len(answered) / took_sec if took_sec > 0 else None,
        concurrency_mean=beside.mean if beside else None,
        concurrency_max=beside.most if beside else None,
        late_share=late,
        late_max_sec=None if late is None else max(call.began_sec - call.meant_sec for call in calls),
        behind=late is not None and late > LATE_SHARE,
        client_busy=client_busy,
        containers_started=_started(ended, pool),
        containers=len(there) or None,
        container_known=known,
        cold_calls=_cold(ended),
        queue_p50_sec=percentile(queues, 0.5),
        queue_p95_sec=percentile(queues, 0.95),
        execution_p50_sec=percentile(executions, 0.5),
        calls_per_container=known / len(there) if there else None,
        scale_out_sec=tuple(there),
        cost_usd=cost.usd,
        calls_with_cost=cost.calls,
        usd_per_1000=cost.usd_per_1000,
        cost_basis=None if cost.usd is None else cost_basis,
        idle_usd=idle(ended, usd_per_sec, scaledown_window_sec),
        ttft_p50_sec=percentile(outputs, 0.5),
        ttft_p95_sec=percentile(outputs, 0.95),
        tokens_per_sec=_tokens_per_sec(answered, took_sec),
        tokens_per_sec_user=percentile(_known(map(_pace, answered)), 0.5),
        over_time=moments(calls, took_sec, container_since=there, pool=pool),
        calls=_kept(calls, keep),
        calls_left_out=max(len(calls) - keep, 0),
    )


def _known(values: Iterable[float | None]) -> list[float]:
    return sorted(value for value in values if value is not None)


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _late(calls: Sequence[LoadCall]) -> float:
    """Return the share of calls whose delay is more than `LATE_SHARE` of their latency: that much of it is ours."""
    late = sum(
        call.began_sec - call.meant_sec > max(LATE_SHARE * call.latency_sec, _CLOCK_SEC) for call in calls
    )
    return late / len(calls)


def _scale_out(answered: Iterable[LoadCall]) -> list[float]:
    """Return when each container had answered its first call of the step, in ascending order."""
    found: dict[str, float] = {}
    for call in answered:
        if call.container is not None:
            found[call.container] = min(end_of(call), found.get(call.container, math.inf))
    return sorted(found.values())


def _cold(ended: Iterable[LoadCall]) -> int | None:
    known = [call.first_of_container for call in ended if call.first_of_container is not None]
    return sum(known) if known else None


def _started(ended: Iterable[LoadCall], pool: Sequence[tuple[float, int]]) -> int | None:
    """Return how many containers were started, at least: by their first calls, and by how the pool grew."""
    counts = [number for _, number in pool]
    grown = [max(later - earlier, 0) for earlier, later in pairwise(counts)]
    by_calls = _cold(ended)
    by_pool = sum(grown) if grown else None
    return max((number for number in (by_calls, by_pool) if number is not None), default=None)


def _first_output(call: LoadCall) -> float | None:
    """Seconds from when a call was meant to begin to its first output."""
    return None if call.ttft_sec is None else call.began_sec - call.meant_sec + call.ttft_sec


def _pace(call: LoadCall) -> float | None:
    """Tokens a second that one user saw after the first, with the call's end for its last output."""
    if call.ttft_sec is None or call.output_tokens is None or call.output_tokens < 2:  # noqa: PLR2004
        return None
    span_sec = call.elapsed_sec - call.ttft_sec
    return (call.output_tokens - 1) / span_sec if span_sec > 0 else None


def _tokens_per_sec(answered: Iterable[LoadCall], took_sec: float) -> float | None:
    counts = [call.output_tokens for call in answered if call.output_tokens is not None]
    return sum(counts) / took_sec if counts and took_sec > 0 else None


def _kept(calls: Sequence[LoadCall], most: int) -> tuple[LoadCall, ...]:
    """Return at most so many calls, by when they began: those that say most, then the others evenly over time."""
    ordered = sorted(calls, key=lambda call: call.began_sec)
    if len(ordered) <= most:
        return tuple(ordered)
    numbers = range(len(ordered))
    telling = (
        [number for number in numbers if ordered[number].first_of_container],
        [number for number in numbers if not ordered[number].ok],
        sorted(numbers, key=lambda number: -ordered[number].latency_sec)[: most // 10],
    )
    chosen: set[int] = set()
    for group in telling:
        chosen.update(_evenly(group, most // 4))
    rest = [number for number in numbers if number not in chosen]
    chosen.update(_evenly(rest, most - len(chosen)))
    return tuple(ordered[number] for number in sorted(chosen))


def _evenly(items: Sequence[int], most: int) -> Sequence[int]:
    return items if len(items) <= most else [items[number * len(items) // most] for number in range(most)]
