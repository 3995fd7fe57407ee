"""What is worse than usual is measured again after all else, so that a slow minute is over: its test is run once more.
So is that of what was called in turn with another environment: how much that scatters, all endpoints say together.

The first time such a test is run nothing of it is reported; what it has measured is kept all the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

import pytest
from _pytest.runner import runtestprotocol

from pytest_modal_bench.plugin.collection import endpoint_of, is_under_load

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from contextlib import AbstractContextManager

    from pytest_modal_bench.run.gating import Gate

MAY_WAIT = pytest.StashKey[bool]()
"""Whether a test is run again if it raises `Waits`."""
SECOND_TIME = pytest.StashKey[bool]()
"""Whether a test is being run again for that."""
_WAITS = pytest.StashKey[bool]()


class Waits(pytest.skip.Exception):  # type: ignore[name-defined, misc] # not seen by mypy
    """Ends a test that is to be run again. Like a skip, it is nothing that a debugger is started for."""


class Deferral:
    """Plugin that runs endpoints' tests, if these are compared with others: they may end as `Waits`."""

    def __init__(self, gate: Gate, reporting: Callable[[pytest.Item], AbstractContextManager[None]]) -> None:
        """`reporting`: reports of a test that is run again are made within it."""
        self._gate = gate
        self._reporting = reporting
        self._waiting: list[pytest.Item] = []

    @pytest.hookimpl
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Let the gate know what is part of the run."""
        endpoints = {endpoint.id: endpoint for item in session.items if (endpoint := endpoint_of(item))}
        self._gate.expect(endpoints.values())

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
        """Run an endpoint's test, and report it unless it waits. Where tests are rerun, that is for others to do."""
        if is_under_load(item):
            self._judge_waiting(item)  # under load, endpoints are not as they were
            return None
        if endpoint_of(item) is None or _reruns(item):
            return None
        item.stash[MAY_WAIT] = not item.stash.get(SECOND_TIME, False)
        before = len(item.user_properties)
        item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        reports = runtestprotocol(item, log=False, nextitem=nextitem)
        if item.stash.get(_WAITS, False):
            item.stash[_WAITS] = False
            del item.user_properties[before:]
            self._waiting.append(item)
            # Of all reports that of a setup alone counts as none; it carries what was measured.
            setup, call, *_ = reports
            setup.modal_bench = call.modal_bench  # type: ignore[attr-defined] # as `EndpointFixtures` has put it there
            reports = [setup]
        for report in reports:
            item.ihook.pytest_runtest_logreport(report=report)
        item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        return True

    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(self) -> Generator[None, object, object]:
        """After all tests run those that wait. Where a run is stopped before, what they measured is in the report."""
        done = yield
        self._judge_waiting(None)
        return done

    def _judge_waiting(self, following: pytest.Item | None) -> None:
        """Run again what waits; `following`: the test that is run after it."""
        waiting, self._waiting = self._waiting, []
        for number, item in enumerate(waiting):
            item.stash[SECOND_TIME] = True
            nextitem = waiting[number + 1] if number + 1 < len(waiting) else following
            with self._reporting(item):
                item.config.hook.pytest_runtest_protocol(item=item, nextitem=nextitem)


def wait(item: pytest.Item) -> NoReturn:
    """End a test for now: raises `Waits`."""
    item.stash[_WAITS] = True
    raise Waits("worse than usual, or called in turn with others: judged at the end of the run")


def _reruns(item: pytest.Item) -> bool:
    """Whether another plugin runs failing tests again, by itself."""
    return bool(item.config.getoption("reruns", None)) or item.get_closest_marker("flaky") is not None
