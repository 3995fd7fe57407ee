"""What a call's start rests on: evidence from its container and from the control plane, weighed. Asks nobody itself.

Evidence is never stretched: what speaks against a start drops the sample, what does not prove it leaves it unverified.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple, Protocol

import msgspec
from msgspec import structs

from pytest_modal_bench import middleware
from pytest_modal_bench.model import Provider
from pytest_modal_bench.safety.text import inert

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pytest_modal_bench.control.interface import CallRecord
    from pytest_modal_bench.model import Sample

NEW_CONTAINER = "it ran in a new container"

ASKS = 2
"""How often the control plane says, before a call, that there is no container, before it is believed."""


RECORDS = 200
"""Records of a pool's last calls that are looked at."""


class Before(NamedTuple):
    """What the control plane said right before a call."""

    counts: tuple[int, ...]
    """How many containers the pool had, each time it was asked."""
    containers: frozenset[str]
    """The containers of the whole app."""


class Witness(Protocol):
    """Whoever can be asked about a pool's containers without waking it. None: it does not know."""

    def before(self) -> Before | None:
        """What there is now, right before a call."""

    def after(self) -> frozenset[str] | None:
        """The containers of the whole app, right after a call."""

    def records(self, call_ids: Sequence[str]) -> Mapping[str, CallRecord] | None:
        """The provider's records of the pool's last calls, by call id; those of `call_ids` are waited for a little."""


class NoWitness:
    """Where there is nobody to ask."""

    def before(self) -> None:
        """See `Witness.before`."""

    def after(self) -> None:
        """See `Witness.after`."""

    def records(self, call_ids: Sequence[str]) -> None:
        """See `Witness.records`."""
        del call_ids


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


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What an answer's headers say of its container and call; None: nothing, or nothing that makes sense."""

    container: str | None = None
    container_request: int | None = None
    container_started_at: str | None = None
    container_uptime_sec: float | None = None
    region: str | None = None
    handler_sec: float | None = None
    call_id: str | None = None


def told(headers: Mapping[str, str]) -> Told:
    """Read what the middleware and Modal put into `headers`, whose names are in lower case."""
    return Told(
        container=identifier(headers.get(middleware.CONTAINER.lower())),
        container_request=_ordinal(headers.get(middleware.REQUEST.lower())),
        container_started_at=identifier(headers.get(middleware.STARTED.lower())),
        container_uptime_sec=number(headers.get(middleware.UPTIME.lower())),
        region=identifier(headers.get(middleware.REGION.lower())),
        handler_sec=_handler_sec(headers.get(middleware.TIMING.lower(), "")),
        call_id=identifier(headers.get("modal-function-call-id")),
    )


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
    if uptime is not None and uptime > sample.elapsed_sec:
        return f"its container was up for {uptime:.1f} s when it answered, longer than the call took"
    return _against_record(sample, records)


def _against_record(sample: Sample, records: Mapping[str, CallRecord]) -> str | None:
    own = records.get(sample.call_id or "")
    if sample.call_id is not None and len(records) >= RECORDS and not _reaches_back(own, records):
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


def against_warm(sample: Sample, records: Mapping[str, CallRecord], state: PoolState) -> str | None:
    """Say what speaks against `sample` having met the container that its endpoint was called in before."""
    if is_new(sample, records):
        return NEW_CONTAINER
    if None not in (sample.container, state.current) and sample.container != state.current:
        return f"the container changed from {state.current} to {sample.container}"
    return None


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
            execution_sec=own.execution_sec,
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


_LARGEST = 1e9
"""No honest header says more seconds, dollars or requests; sums of what is larger would end at infinity."""


def identifier(text: str | None) -> str | None:
    """Return a header's value as a short line of printable characters; None if there is nothing in it."""
    if text is None:
        return None
    return inert("".join(c for c in text if c.isprintable()).strip()[:100]) or None


def number(text: str | None) -> float | None:
    """Return a header's value as a number from 0 to `_LARGEST`; None if it is none."""
    try:
        value = float(text) if text is not None else math.nan
    except ValueError:
        return None
    return value if 0 <= value <= _LARGEST else None


def _ordinal(text: str | None) -> int | None:
    value = number(text)
    return int(value) if value is not None and value >= 1 and value == int(value) else None


def _handler_sec(timing: str) -> float | None:
    """Read the duration of the metric `handler`, in milliseconds (W3C, Server Timing, section 3)."""
    for metric in timing.split(","):
        name, *parameters = (part.strip() for part in metric.split(";"))
        for parameter in parameters if name.lower() == "handler" else ():
            key, _, value = parameter.partition("=")
            milliseconds = number(value.strip().strip('"'))
            if key.strip().lower() == "dur" and milliseconds is not None:
                return milliseconds / 1000
    return None
