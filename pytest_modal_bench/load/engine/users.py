"""Locust's users: those that wait for their answers, those that call once, and those that call by a schedule."""

from __future__ import annotations

import pytest_modal_bench.load.engine.patched  # noqa: F401  # isort: skip - before all else

import time
from typing import TYPE_CHECKING, Any

import gevent
from gevent.queue import Queue
from locust import User, task
from locust.exception import StopUser

from pytest_modal_bench.load.caller import Caller

if TYPE_CHECKING:
    from pytest_modal_bench.load.caller import Prepared
    from pytest_modal_bench.load.engine.present import Present

_AHEAD_SEC = 0.5
"""So long before it is meant to begin, a call is given to a user, who gets it ready."""
_SHORTEST_PAUSE_SEC, _LONGEST_PAUSE_SEC = 0.1, 1.0
"""Of a user whose call has failed, doubled with each failure: at once would be nobody's way to try again."""


class _Calling(User):
    """A user that makes calls."""

    abstract = True

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        self.present: Present = environment.present
        self.caller = Caller(self.present.equipment, self.present.allowance, self.present.keep)

    def on_stop(self) -> None:
        """Close the connections."""
        self.caller.close()

    def prepare(self) -> Prepared:
        """Get the next call ready."""
        with self.present.telling():
            return self.caller.prepare()

    def call(self, prepared: Prepared, meant_sec: float | None = None) -> bool:
        """Make a call, and return whether it was answered."""
        with self.present.telling():
            return self.caller.call(prepared, zero=self.present.zero, meant_sec=meant_sec)


class Steady(_Calling):
    """Calls, waits for the answer, and calls again, until the step is over."""

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        self._pause_sec = 0.0

    def on_start(self) -> None:
        """Get ready, so that all begin at the same moment."""
        self._prepared: Prepared | None = self.prepare()
        self.present.go.wait()

    @task
    def once(self) -> None:
        """Make one call."""
        if self.present.over:
            raise StopUser
        prepared, self._prepared = self._prepared or self.prepare(), None
        if self.call(prepared):
            self._pause_sec = 0.0
            return
        self._pause_sec = min(max(2 * self._pause_sec, _SHORTEST_PAUSE_SEC), _LONGEST_PAUSE_SEC)
        gevent.sleep(min(self._pause_sec, max(self.present.left_sec, 0.0)))


class Once(_Calling):
    """Calls once, at the same moment as all others."""

    def on_start(self) -> None:
        """Get ready."""
        self._prepared = self.prepare()
        self.present.go.wait()

    @task
    def once(self) -> None:
        """Make the call."""
        self.call(self._prepared, 0.0)
        raise StopUser


class Scheduled(_Calling):
    """Makes the calls that it is given, each when it is meant to begin; one at a time."""

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        self.given: Queue[float | None] = Queue()
        """When the next call is meant to begin; None: there is none."""

    @task
    def once(self) -> None:
        """Make the next call."""
        meant_sec = self.given.get()
        if meant_sec is None:
            raise StopUser
        prepared = self.prepare()
        gevent.sleep(max(self.present.zero + meant_sec - time.monotonic(), 0.0))
        self.call(prepared, meant_sec)
        if not self.present.release(self.given):
            raise StopUser


class Timetable(User):
    """Finds a user for each call of a schedule, however many are under way."""

    @task
    def whole(self) -> None:
        """Go through this process's share of the schedule."""
        present: Present = self.environment.present
        present.go.wait()
        if present.begin_schedule():
            with present.telling():
                for meant_sec in present.schedule():
                    gevent.sleep(max(present.zero + meant_sec - _AHEAD_SEC - time.monotonic(), 0.0))
                    given = present.idle.pop() if present.idle else self._another()
                    given.put(meant_sec)
            present.end_schedule()
        raise StopUser

    def _another(self) -> Queue[float | None]:
        """Have Locust start another user."""
        return self.environment.runner.spawn_users({Scheduled.__name__: 1})[0].given


KINDS: tuple[type[User], ...] = (Steady, Once, Scheduled, Timetable)
