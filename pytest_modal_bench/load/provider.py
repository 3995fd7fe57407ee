"""What the control plane says of a step's calls and containers, asked while the step goes on."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from msgspec import structs

from pytest_modal_bench.model import Provider, Sample

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pytest_modal_bench.control.interface import CallRecord, Function
    from pytest_modal_bench.control.observer import Observer
    from pytest_modal_bench.cost.pricing import Pricing
    from pytest_modal_bench.load.messages import Record
    from pytest_modal_bench.model import CostBasis, Endpoint, LoadCall

_COUNT_SEC, _RECORDS_SEC = 0.5, 2.0
"""Between two questions for containers, and two for records, at least."""
_REST = 4.0
"""Seconds without a question for each second that one took."""
_MOST = 1000
"""Records that the control plane gives at a time."""
_LAST_SEC = 4.0
"""How long records are waited for that are not there when the step has ended: they are best effort."""


class Watch:
    """Asks about one endpoint's pool, now and then. Nobody to ask: it knows nothing."""

    def __init__(self, observer: Observer | None, endpoint: Endpoint) -> None:
        self.records: dict[str, CallRecord] = {}
        self.pool: list[tuple[float, int]] = []
        """Seconds since the step began, and how many containers there were."""
        self._observer = observer if endpoint.function is not None else None
        self._endpoint = endpoint
        self._zero = time.monotonic()
        self._count_due = self._records_due = 0.0

    def begin(self) -> None:
        """Forget the step before: a new one begins now."""
        self.records.clear()
        self.pool.clear()
        self._zero = time.monotonic()
        self._count_due = self._records_due = 0.0

    def look(self) -> None:
        """Ask what is due."""
        now = time.monotonic()
        if now >= self._count_due:
            self._ask(self._count)
            self._count_due = _due(now, _COUNT_SEC)
        if now >= self._records_due:
            self._ask(self._read)
            self._records_due = _due(now, _RECORDS_SEC)

    def wait_for(self, call_ids: Iterable[str]) -> None:
        """Ask until the records of the last calls are there, for a little."""
        wanted = list(call_ids)[-_MOST:]
        deadline = time.monotonic() + _LAST_SEC
        self._ask(self._count)
        while wanted and self._observer is not None:
            self._ask(self._read)
            if all(call_id in self.records for call_id in wanted) or time.monotonic() >= deadline:
                return
            time.sleep(_LAST_SEC / 20)

    def _ask(self, question: Callable[[Function], None]) -> None:
        if self._observer is not None:
            self._observer.ask(self._endpoint.deployed_app, self._endpoint.function or "", question)

    def _count(self, function: Function) -> None:
        asked_sec = time.monotonic() - self._zero
        self.pool.append((asked_sec, function.count()))

    def _read(self, function: Function) -> None:
        for record in function.records(_MOST):
            self.records[record.call_id] = record


def _due(asked: float, every_sec: float) -> float:
    """Return when to ask again: whoever takes long to answer is not asked all the time."""
    now = time.monotonic()
    return now + max(every_sec, _REST * (now - asked))


def settled(
    record: Record, provider: CallRecord | None, pricing: Pricing, *, is_job: bool
) -> tuple[LoadCall, CostBasis | None]:
    """Return a call with what the provider's record says of it, and what its cost rests on."""
    call = record.call
    if provider is None or call.under_way:
        return call, record.cost_basis
    # A job's own work may be a call of its own; this record is that of the one that took the job.
    execution_sec = provider.execution_sec if not is_job else None
    priced = pricing.price(
        Sample(
            start="warm",
            ok=call.ok,
            elapsed_sec=call.elapsed_sec,
            started_at="",
            cost_usd=call.cost_usd if record.cost_basis == "measured" else None,
            cost_basis=record.cost_basis if record.cost_basis == "measured" else None,
            execution_sec=call.execution_sec,
            gpu_type=record.gpu,
            provider=Provider(
                container=provider.container,
                queue_sec=provider.queue_sec,
                boot_sec=provider.startup_sec,
                execution_sec=execution_sec,
                status=provider.status,
            ),
        )
    )
    met_start = None if provider.started_at is None else bool(provider.startup_sec)
    return (
        structs.replace(
            call,
            container=call.container or provider.container,
            first_of_container=call.first_of_container if call.first_of_container is not None else met_start,
            queue_sec=provider.queue_sec,
            execution_sec=execution_sec if execution_sec is not None else call.execution_sec,
            cost_usd=priced.cost_usd,
        ),
        priced.cost_basis,
    )
