"""What the edge writes to the log of the local workspace: an entry for each call that is over."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from pytest_modal_bench.local.events import EndedCall

if TYPE_CHECKING:
    from pytest_modal_bench.local.containers.records import Record
    from pytest_modal_bench.local.edge.answer import Answer


def ended_call(app: str, record: Record, path: str, made: Answer | None) -> EndedCall:
    """Make the log entry of a call that is over, with the time and cost that its app states; None: it was cancelled."""
    stated = dict(made.headers) if made else {}
    seconds, cost = stated.get("x-execution-time-sec"), stated.get("x-cost-usd")
    return EndedCall(
        at=time.time(),
        app=app,
        container=record.container_id,
        path=path,
        call=record.call_id,
        status=made.status if made else None,
        received=record.received,
        began=record.began,
        ended=record.ended or time.monotonic(),
        number=record.number,
        startup_sec=record.startup_sec,
        gpu_seconds=None if seconds is None else float(seconds),
        cost_usd=None if cost is None else float(cost),
        what="answered" if made else "cancelled",
    )


def refused_call(app: str, path: str, made: Answer) -> EndedCall:
    """Make the log entry of a call that the edge itself answered."""
    now = time.monotonic()
    return EndedCall(
        at=time.time(),
        app=app,
        container=None,
        path=path,
        call=None,
        status=made.status,
        received=now,
        began=None,
        ended=now,
        number=None,
        startup_sec=None,
        what="refused",
    )
