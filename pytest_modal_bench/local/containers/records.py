"""The records that the control plane keeps of calls: when each was enqueued and started, where it ran, how it ended.

Moments are Unix time; durations are real seconds, measured on this machine.
"""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING, Literal

import msgspec

from pytest_modal_bench.local.identifiers import identifier
from pytest_modal_bench.local.workspace.scenario import AppFault

if TYPE_CHECKING:
    from pytest_modal_bench.local.containers.handle import ContainerHandle

MAX_RECORDS = 10_000
"""Records of one pool that are kept; older ones are dropped."""

Status = Literal["pending", "running", "success", "timeout", "terminated", "init_failure", "internal_failure"]
"""A web call that the app answered is a success, whatever its status."""


class Record(msgspec.Struct):
    """One call; None: not yet, or never."""

    call_id: str
    enqueued_at: float
    started_at: float | None = None
    container_id: str | None = None
    startup_sec: float | None = None
    """How long the start of its container took, if the call waited for that."""
    ended_at: float | None = None
    status: Status = "pending"
    received: float = msgspec.field(default_factory=time.monotonic)
    """Like the next two, on the monotonic clock."""
    began: float | None = None
    ended: float | None = None
    number: int | None = None
    """1 for the first call that its container took."""

    @property
    def execution_sec(self) -> float | None:
        """How long the call was in its container."""
        if self.started_at is None or self.ended_at is None:
            return None
        return self.ended_at - self.started_at

    def start(self, container: ContainerHandle) -> None:
        """Note that the call is in a container that is up."""
        self.status = "running"
        self.started_at, self.began = time.time(), time.monotonic()
        self.container_id = container.id
        container.taken += 1
        self.number = container.taken
        # When it came up it took as many as it takes at once. Who came later waited for those, not for its start.
        was_next = self.number <= container.concurrent_inputs
        waited = was_next and container.up_at >= self.enqueued_at
        self.startup_sec = container.up_at - container.created_at if waited else None

    def requeue(self) -> None:
        """Note that its container was stopped, and that the call waits for another one."""
        self.status = "pending"
        self.started_at = self.container_id = self.startup_sec = self.began = self.number = None

    def end(self, status: Status) -> None:
        """Note that the call is over."""
        self.status = status
        self.ended_at, self.ended = time.time(), time.monotonic()


class Records:
    """The records of one pool's last calls, with what the scenario does to them: late, missing or contradictory."""

    def __init__(self, fault: AppFault | None = None, time_scale: float = 1.0) -> None:
        self._fault = (fault or AppFault()).records
        self._late = (fault or AppFault()).late_sec * time_scale
        self._kept: deque[Record] = deque(maxlen=MAX_RECORDS)
        self._wrong_container_id = identifier("ta")

    def enqueue(self, call_id: str) -> Record:
        """Start the record of a call that waits for a container."""
        record = Record(call_id, time.time())
        self._kept.append(record)
        return record

    def visible(self) -> list[Record]:
        """The records that the control plane shows now, oldest call first."""
        match self._fault:
            case "missing":
                return []
            case "late":
                newest = time.time() - self._late
                return [each for each in self._kept if each.ended_at is not None and each.ended_at <= newest]
            case "contradictory":
                return [
                    msgspec.structs.replace(each, container_id=each.container_id and self._wrong_container_id)
                    for each in self._kept
                ]
            case None:
                return list(self._kept)
