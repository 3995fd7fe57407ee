"""The step that goes on in one process: what its users ask, and what has come of their calls so far."""

from __future__ import annotations

import pytest_modal_bench.load.engine.patched  # noqa: F401  # isort: skip - before all else

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import gevent
from gevent.event import Event
from locust.exception import StopUser
from msgspec import json

from pytest_modal_bench.call import failures
from pytest_modal_bench.call.request import RequestError
from pytest_modal_bench.call.spool import SpoolError
from pytest_modal_bench.load import schedule
from pytest_modal_bench.load.allowance import SpentUp
from pytest_modal_bench.load.caller import met_nobody
from pytest_modal_bench.load.messages import Batch, Record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gevent.queue import Queue

    from pytest_modal_bench.load.allowance import Allowance
    from pytest_modal_bench.load.caller import Equipment
    from pytest_modal_bench.load.messages import Prepare

_MOST_RECORDS = 500
"""In one batch."""
_WAKE_SEC = 0.05


class Present:
    """One step in one process."""

    def __init__(
        self,
        order: Prepare,
        equipment: Equipment,
        allowance: Allowance,
        *,
        trouble: Callable[[str], None],
    ) -> None:
        """`trouble` is told why this process can't go on."""
        self.order = order
        self.equipment = equipment
        self.allowance = allowance
        self.go = Event()
        self.zero = 0.0
        """When the step began, as `time.monotonic` has it."""
        self.idle: list[Queue[float | None]] = []
        """Where users take their next call from that have none now."""
        self.splits = [order.split]
        self.lag_sec = 0.0
        self.closed = False
        """Whether all has been told."""
        self._trouble = trouble
        self._records: list[Record] = []
        self._scheduling: bool | None = None
        self._halted = False
        self._began_cpu_sec = 0.0

    def begin(self) -> None:
        """Start the clock, and let users begin."""
        self.zero = time.monotonic()
        self._began_cpu_sec = time.process_time()
        self.go.set()
        gevent.spawn(self._feel_the_lag)

    def halt(self) -> None:
        """Begin no call any more."""
        self._halted = True
        self.go.set()

    @property
    def left_sec(self) -> float:
        """Seconds until no call is begun any more."""
        duration_sec = self.order.step.duration_sec
        if self._halted or duration_sec is None:
            return 0.0
        return self.zero + duration_sec - time.monotonic()

    @property
    def over(self) -> bool:
        """Whether users that wait for their answers begin no call any more."""
        return self._halted or self.left_sec <= 0

    @property
    def ended(self) -> bool:
        """Whether no user begins a call any more, once those that there are have ended."""
        if self._halted or not self.go.is_set():
            return self._halted
        if self.order.step.kind == "rate":
            return self._scheduling is False or (self._scheduling is None and self.over)
        return self.over

    @property
    def cpu_share(self) -> float:
        """Of one core, that this process has used since the step began."""
        took_sec = time.monotonic() - self.zero
        return (time.process_time() - self._began_cpu_sec) / took_sec if self.zero and took_sec > 0 else 0.0

    def schedule(self) -> Iterator[float]:
        """Yield when the calls of this process are meant to begin."""
        seed = schedule.schedule_seed(self.equipment.task.seed, self.order.number)
        for meant_sec in schedule.own(schedule.meant(self.order.step, seed), self.splits):
            if self._halted:
                return
            yield meant_sec

    def begin_schedule(self) -> bool:
        """Whether whoever asks is the one to go through the schedule."""
        first = self._scheduling is None and not self._halted
        if first:
            self._scheduling = True
        return first

    def end_schedule(self) -> None:
        """Let those go that wait for another call."""
        self._scheduling = False
        while self.idle:
            self.idle.pop().put(None)

    def release(self, given: Queue[float | None]) -> bool:
        """Take back a user whose call has ended, by where it is given them; return whether there may be another."""
        if self._scheduling and not self._halted:
            self.idle.append(given)
            return True
        return False

    def keep(self, record: Record) -> None:
        """Take note of a call."""
        self._records.append(record)

    def batches(self) -> Iterator[Batch]:
        """Take out what there is to tell."""
        while self._records:
            records, self._records = self._records[:_MOST_RECORDS], self._records[_MOST_RECORDS:]
            calls = [record.call for record in records]
            yield Batch(
                number=self.order.number,
                calls=json.encode(records),
                answered=sum(call.ok for call in calls),
                failed=sum(not call.ok and not call.under_way for call in calls),
                gone=sum(met_nobody(call) for call in calls),
                cut_off=sum(call.under_way for call in calls),
            )

    def put_back(self, batch: Batch) -> None:
        """Take a batch back that could not be sent."""
        self._records = json.decode(batch.calls, type=list[Record]) + self._records

    @contextmanager
    def telling(self) -> Iterator[None]:
        """End a user where no call may begin any more, or where this machine is in trouble, which is told.

        No call has failed for either.
        """
        try:
            yield
        except SpentUp:
            raise StopUser from None
        except (RequestError, SpoolError) as error:
            self._trouble(str(error))
            raise StopUser from None
        except Exception as error:  # noqa: BLE001 - a user that goes on would only meet it again
            self._trouble(f"{type(error).__name__}: {failures.of_exception(error)}")
            raise StopUser from None

    def _feel_the_lag(self) -> None:
        """Measure by how much this process wakes too late."""
        while not self.closed:
            due = time.monotonic() + _WAKE_SEC
            gevent.sleep(_WAKE_SEC)
            self.lag_sec = max(self.lag_sec, time.monotonic() - due)
