"""The local workspace's own log, read into calls and containers: the truth that a load is held against."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Self

from pytest_modal_bench.local.events import ContainerEvent, EndedCall

if TYPE_CHECKING:
    from pathlib import Path

ENDS = ("stopped", "died")


@dataclass(frozen=True)
class LoggedCall:
    """One call, by the log. Moments are those of `time.monotonic()`, of this process too."""

    entry: EndedCall

    @property
    def id(self) -> str | None:
        return self.entry.call

    @property
    def container(self) -> str | None:
        return self.entry.container

    @property
    def received(self) -> float:
        return self.entry.received

    @property
    def was_refused(self) -> bool:
        """Whether the edge answered it, and no container was asked."""
        return self.entry.what == "refused"

    @property
    def began(self) -> float:
        """When a container took it; fails for a call that none took."""
        assert self.entry.began is not None, f"no container took call {self.id}"
        return self.entry.began

    @property
    def waited_sec(self) -> float:
        """How long it waited for a container."""
        return self.began - self.received

    @property
    def queue_sec(self) -> float:
        """The same without the start of its container, where it waited for that, as the provider's record has it."""
        return max(0.0, self.waited_sec - (self.entry.startup_sec or 0.0))

    @property
    def execution_sec(self) -> float:
        """How long a container had it."""
        return self.entry.ended - self.began

    @property
    def is_first(self) -> bool:
        """Whether it was its container's first."""
        return self.entry.number == 1

    @property
    def waited_for_start(self) -> bool:
        """Whether it waited for the start of its container, and was one of those that this took at once."""
        return self.entry.startup_sec is not None


@dataclass(frozen=True)
class LoggedContainer:
    """One container, by the log, in the same moments; None: not yet."""

    id: str
    app: str
    asked: float
    up: float | None = None
    ended: float | None = None
    died: bool = False


@dataclass(frozen=True)
class WorkspaceLog:
    """What a workspace's log says of one app, or of all."""

    calls: list[LoggedCall] = field(default_factory=list)
    """In the order in which they were received."""
    containers: list[LoggedContainer] = field(default_factory=list)
    """In the order in which they were asked for."""

    @classmethod
    def read(cls, path: Path, app: str | None = None) -> Self:
        """Read it, also while it is written; calls are in it once they are over."""
        calls: list[LoggedCall] = []
        containers: dict[str, LoggedContainer] = {}
        for line in path.read_text().splitlines(keepends=True):
            fields = json.loads(line) if line.endswith("\n") else {}
            if not fields or app not in {None, fields["app"]}:
                continue
            if "received" in fields:
                calls.append(LoggedCall(EndedCall(**fields)))
                continue
            event = ContainerEvent(**fields)
            if event.what == "started":
                containers[event.container] = LoggedContainer(event.container, event.app, event.moment)
                continue
            known = containers[event.container]
            if event.what == "up":
                containers[event.container] = replace(known, up=event.moment)
            else:
                assert event.what in ENDS
                containers[event.container] = replace(known, ended=event.moment, died=event.what == "died")
        return cls(sorted(calls, key=lambda call: call.received), list(containers.values()))

    def between(self, begin: float, end: float) -> WorkspaceLog:
        """The calls that were received, and the containers that were asked for, in that time."""
        return WorkspaceLog(
            [call for call in self.calls if begin <= call.received <= end],
            [each for each in self.containers if begin <= each.asked <= end],
        )

    @property
    def accepted(self) -> list[LoggedCall]:
        """The calls that the edge did not refuse."""
        return [call for call in self.calls if not call.was_refused]

    @property
    def by_id(self) -> dict[str, LoggedCall]:
        """Those that have an id."""
        return {call.id: call for call in self.calls if call.id is not None}

    @property
    def first_calls(self) -> int:
        """Calls that were their container's first."""
        return sum(call.is_first for call in self.calls)

    @property
    def share_that_waited_for_a_start(self) -> float:
        """Of the accepted calls."""
        return sum(call.waited_for_start for call in self.accepted) / len(self.accepted)

    def up_after(self, begin: float) -> list[float]:
        """When the first, second, … container was up, in seconds since then."""
        return sorted(each.up - begin for each in self.containers if each.up is not None)

    def first_answers_after(self, begin: float) -> list[float]:
        """When the first, second, … container had answered its first call, in seconds since then."""
        first: dict[str, float] = {}
        for call in sorted(self.calls, key=lambda call: call.entry.ended):
            if call.container is not None and call.entry.status is not None:
                first.setdefault(call.container, call.entry.ended - begin)
        return sorted(first.values())
