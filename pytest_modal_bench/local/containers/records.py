"""The provider's record of calls: when each was enqueued and started, where it ran, and how it ended.

Moments are Unix time; durations are real seconds, as they passed on this machine.
"""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING, Literal

import msgspec

from pytest_modal_bench.local.identifiers import identifier
from pytest_modal_bench.local.workspace.scenario import AppFault

if TYPE_CHECKING:
    from pytest_modal_bench.local.containers.lifeline import Container

KEPT = 1000
"""Calls of one pool that are remembered."""

Status = Literal["pending", "running", "success", "timeout", "terminated", "init_failure", "internal_failure"]
"""A web call that the app answered is a success, whatever the answer."""


class Record(msgspec.Struct):
    """One call; None: not yet, or never."""

    call_id: str
    enqueued_at: float
    started_at: float | None = None
    container_id: str | None = None
    startup_sec: float | None = None
    """What the start of its container took, if the call waited for that."""
    ended_at: float | None = None
    status: Status = "pending"

    @property
    def execution_sec(self) -> float | None:
        """How long the container had it."""
        if self.started_at is None or self.ended_at is None:
            return None
        return self.ended_at - self.started_at

    def start(self, container: Container) -> None:
        """It is in a container that is up."""
        self.status = "running"
        self.started_at = time.time()
        self.container_id = container.id
        waited = container.up_at >= self.enqueued_at
        self.startup_sec = container.up_at - container.created_at if waited else None

    def requeue(self) -> None:
        """Its container was stopped under it: it waits for another."""
        self.status = "pending"
        self.started_at = self.container_id = self.startup_sec = None

    def end(self, status: Status) -> None:
        """It is over."""
        self.status = status
        self.ended_at = time.time()


class Records:
    """The last calls of one pool, as the provider tells of them: with the scenario's fault, if there is one."""

    def __init__(self, fault: AppFault | None = None, time_scale: float = 1.0) -> None:
        self._fault = (fault or AppFault()).records
        self._late = (fault or AppFault()).late_sec * time_scale
        self._kept: deque[Record] = deque(maxlen=KEPT)
        self._elsewhere = identifier("ta")

    def enqueue(self, call_id: str) -> Record:
        """Open the record of a call that waits for a container."""
        record = Record(call_id, time.time())
        self._kept.append(record)
        return record

    def told(self) -> list[Record]:
        """What the provider says now, oldest call first."""
        match self._fault:
            case "missing":
                return []
            case "late":
                known = time.time() - self._late
                return [each for each in self._kept if each.ended_at is not None and each.ended_at <= known]
            case "contradictory":
                return [
                    msgspec.structs.replace(each, container_id=each.container_id and self._elsewhere)
                    for each in self._kept
                ]
            case None:
                return list(self._kept)
