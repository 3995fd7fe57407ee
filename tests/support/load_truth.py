"""A load held against the log of the workspace that it called: call by call, container by container."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workspace_log import LoggedCall, WorkspaceLog

    from pytest_modal_bench.model import Load, LoadCall, LoadStep

CLOCK_SEC = 0.005
"""By how much two readings of clocks may differ: the provider's record has Unix time, the log a monotonic one."""


@dataclass(frozen=True)
class Pair:
    """One call by its client, and by the log."""

    call: LoadCall
    logged: LoggedCall


def pairs(step: LoadStep, log: WorkspaceLog) -> list[Pair]:
    """Each of a step's calls that has an id, beside what the log says of it."""
    known = log.by_id
    return [Pair(call, known[call.call_id]) for call in step.calls if call.call_id is not None]


def is_the_truth(load: Load, log: WorkspaceLog) -> None:
    """Fail where a load says something else than the log, or leaves out what the log has."""
    made = [call for step in load.steps for call in step.calls]
    assert len(made) == len(log.calls), (
        "each call that was received is one of the load's, and the other way round"
    )
    named = [call.call_id for call in made if call.call_id is not None]
    assert sorted(named) == sorted(log.by_id)
    refused = Counter(call.http_status for call in made if call.call_id is None)
    assert refused == Counter(call.entry.status for call in log.calls if call.was_refused)
    for step in load.steps:
        _step(step, pairs(step, log))
    assert sum(step.containers_started or 0 for step in load.steps) == log.first_calls


def _step(step: LoadStep, pairs: list[Pair]) -> None:
    assert step.n == step.answered + sum(step.errors.values())
    assert step.n + step.under_way == len(step.calls)
    for pair in pairs:
        _call(pair)
    assert step.cold_calls == sum(pair.logged.is_first for pair in pairs)
    assert step.containers == len({pair.logged.container for pair in pairs if pair.call.ok})


def _call(pair: Pair) -> None:
    call, logged = pair.call, pair.logged
    assert call.http_status == logged.entry.status
    assert call.container == logged.container
    assert call.first_of_container == logged.is_first
    assert call.elapsed_sec >= logged.entry.ended - logged.received, "a call lasts longer for who makes it"
    if call.queue_sec is not None:
        assert abs(call.queue_sec - logged.queue_sec) < CLOCK_SEC


def shift(pairs: list[Pair]) -> tuple[float, float]:
    """The least and the most seconds between a call's begin at its client and at the edge, on the log's clock.

    What is between them is how far the client's own clock and the way to the edge blur the moments of its calls.
    """
    seconds = [pair.logged.received - pair.call.began_sec for pair in pairs]
    return min(seconds), max(seconds)
