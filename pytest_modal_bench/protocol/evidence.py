"""What a call's start rests on: evidence from its container and from the control plane, weighed. Asks nobody itself.

Evidence is never stretched: what speaks against a start drops the sample, what does not prove it leaves it unverified.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from msgspec import structs

from pytest_modal_bench.control.pool_observer import ASKS, RECORDS
from pytest_modal_bench.model import Provider

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_modal_bench.control.interface import CallRecord
    from pytest_modal_bench.control.pool_observer import Before
    from pytest_modal_bench.model import Sample

NEW_CONTAINER = "it ran in a new container"


class After(NamedTuple):
    """What the control plane said once a call was over."""

    containers: frozenset[str] | None
    """The pool's own containers, as far as known, after a call meant as cold; None: not asked, or no answer."""
    records: Mapping[str, CallRecord]
    """The provider's records of the pool's last calls, by call id."""


class PoolState:
    """What a process knows of a pool from its own calls."""

    def __init__(self) -> None:
        self.called = False
        self.seen: set[str] = set()
        """Containers that have answered before."""
        self.loaded: dict[str, set[str]] = {}
        """By endpoint id: containers that have answered a call of this very endpoint."""
        self.current: str | None = None
        """The container that answered last."""

    def remember(self, endpoint_id: str, sample: Sample) -> None:
        """Take note of who answered."""
        if sample.container is not None:
            self.seen.add(sample.container)
            self.current = sample.container
            if sample.ok:
                self.loaded.setdefault(endpoint_id, set()).add(sample.container)


def against_cold(
    sample: Sample, before: Before | None, records: Mapping[str, CallRecord], state: PoolState
) -> str | None:
    """Say what speaks against `sample` having been the first request of a container started for it; None: nothing."""
    if sample.container_request is not None and sample.container_request > 1:
        earlier = sample.container_request - 1
        return f"its container had served {earlier} request{'s' * (earlier != 1)} before"
    if sample.container is not None and sample.container in state.seen:
        return f"container {sample.container} had answered before"
    if before is not None and max(before.counts, default=0) > 0:
        return f"the pool had {max(before.counts)} container{'s' * (max(before.counts) != 1)} before the call"
    if before is not None and sample.container is not None and sample.container in before.containers:
        return f"container {sample.container} was there before the call"
    uptime = sample.container_uptime_sec
    # The container of a job said so when it took the job, long before the job was done.
    answered_sec = sample.elapsed_sec if sample.job is None else sample.job.submit_sec
    if uptime is not None and uptime > answered_sec:
        return f"its container was up for {uptime:.1f} s when it answered, longer than the call took"
    return _against_record(sample, records)


def _against_record(sample: Sample, records: Mapping[str, CallRecord]) -> str | None:
    own = records.get(sample.call_id or "")
    most = RECORDS + (0 if sample.job is None else sample.job.asked)
    if sample.call_id is not None and len(records) >= most and not _reaches_back(own, records):
        return "others called the pool so often that its records do not reach back to this call"
    if own is None or own.container is None:
        return None
    if sample.container is not None and own.container != sample.container:
        return f"it says container {sample.container}, the provider's record says {own.container}"
    for other in records.values():
        earlier = (
            other.call_id != own.call_id
            and other.container == own.container
            and other.started_at is not None
            and own.started_at is not None
            and other.started_at < own.started_at
        )
        if earlier:
            return f"its container had served call {other.call_id} before"
    return None


def _reaches_back(own: CallRecord | None, records: Mapping[str, CallRecord]) -> bool:
    if own is None or own.started_at is None:
        return False
    return any(each.started_at is not None and each.started_at < own.started_at for each in records.values())


def proof_of_cold(sample: Sample, before: Before | None, after: frozenset[str] | None) -> str | None:
    """Say what proves that `sample` met a new container, where nothing speaks against it; None: nothing does."""
    empty = before is not None and len(before.counts) >= ASKS and not any(before.counts)
    if sample.job is not None:
        # What is known is the container that took the job. The work may be done in another function's, which is known
        # to be new only where the whole app had none; work that is handed on to another app stays out of sight.
        nothing_ran = empty and before is not None and not before.containers
        return "no container of the app before" if nothing_ran else None
    if sample.container_request == 1:
        named = (
            f"first request of container {sample.container}"
            if sample.container
            else "first request of its container"
        )
        return f"no container before, {named}" if empty else named
    if not empty or before is None:
        return None
    if sample.container is not None:
        return f"no container before, {sample.container} after"
    new = sorted((after or frozenset()) - before.containers)
    return f"no container before, {new[0]} after" if len(new) == 1 else None


def against_warm(
    sample: Sample, records: Mapping[str, CallRecord], state: PoolState, endpoint_id: str
) -> str | None:
    """Say what speaks against `sample` having met a container that had answered its endpoint before.

    Several such containers may take turns: each of them has loaded what the endpoint needs.
    """
    if is_new(sample, records):
        return NEW_CONTAINER
    loaded = state.loaded.get(endpoint_id, set())
    if sample.container is None or sample.container in loaded:
        return None
    if state.current is not None and sample.container != state.current:
        return f"the container changed from {state.current} to {sample.container}"
    # Where no container has said its name so far, this may well be the one that answered before.
    return f"container {sample.container} had not answered this endpoint before" if loaded else None


def is_new(sample: Sample, records: Mapping[str, CallRecord]) -> bool:
    """Whether `sample` is known to have been the first request of its container, or to have waited for its start."""
    own = records.get(sample.call_id or "")
    return sample.container_request == 1 or (own is not None and bool(own.startup_sec))


def with_record(sample: Sample, records: Mapping[str, CallRecord]) -> Sample:
    """Return `sample` with what the provider's record says of it, and with what no one accounts for."""
    own = records.get(sample.call_id or "")
    provider = sample.provider
    if own is not None:
        provider = Provider(
            container=own.container,
            queue_sec=own.queue_sec,
            boot_sec=own.startup_sec,
            # A job's own work may be a call of its own; this record is that of the one that took the job.
            execution_sec=own.execution_sec if sample.job is None else None,
            status=own.status,
        )
    return structs.replace(
        sample,
        provider=provider,
        container=sample.container or (provider.container if provider is not None else None),
        unattributed_sec=_unattributed(sample, provider),
    )


def _unattributed(sample: Sample, provider: Provider | None) -> float | None:
    """What is left of a call; None where nothing is known, or where what is known is longer than the call."""
    queue_sec, boot_sec = (provider.queue_sec, provider.boot_sec) if provider is not None else (None, None)
    executed_sec = structs.replace(sample, provider=provider).execution_part_sec
    known = [seconds for seconds in (queue_sec, boot_sec, executed_sec) if seconds is not None]
    left_sec = sample.elapsed_sec - sum(known)
    return left_sec if known and sample.ok and left_sec >= 0 else None
