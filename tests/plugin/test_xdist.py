from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from execnet import dumps, loads
from progress_events import begun, ended

from pytest_modal_bench.plugin.xdist import (
    PoolScheduling,
    progress_sender,
    receive_collected,
    receive_preparation,
    receive_progress,
    send_collected,
)
from pytest_modal_bench.protocol.progress import EndpointEnded, Event

TESTS = ["a1", "a2", "a3", "b1", "c1", "c2"]
"""Tests named by pool: three of a, one of b, two of c."""


@dataclass(eq=False)
class Worker:
    """What the scheduler sees of a worker, and a worker's rule: a test starts once the next one is known."""

    name: str
    queue: list[int] = field(default_factory=list)
    told: list[dict[str, Any]] = field(default_factory=list)
    shutting_down: bool = False

    @property
    def gateway(self) -> SimpleNamespace:
        return SimpleNamespace(id=self.name)

    def send_runtest_some(self, indices: list[int]) -> None:
        assert not self.shutting_down
        self.queue += indices

    def sendcommand(self, name: str, **kwargs: Any) -> None:
        assert name == "modal_bench"
        assert not self.queue, "told too late"
        self.told.append(kwargs["data"])

    def shutdown(self) -> None:
        self.shutting_down = True

    @property
    def can_start(self) -> bool:
        return len(self.queue) > 1 or (len(self.queue) == 1 and self.shutting_down)


class Farm:
    """A scheduler and its workers."""

    def __init__(
        self,
        count: int,
        tests: list[str] = TESTS,
        *,
        joined: bool = True,
        seconds: dict[str, float] | None = None,
    ) -> None:
        config: Any = SimpleNamespace(
            getvalue=lambda _: ["popen"] * count,
            option=SimpleNamespace(tx=["popen"] * count),
            hook=SimpleNamespace(pytest_collectreport=self._collect_report),
        )
        self.collect_reports: list[pytest.CollectReport] = []
        self.tests = tests
        self.scheduling = PoolScheduling(
            config,
            pool_of=lambda nodeid: nodeid[0],
            seconds_of=lambda nodeid: (seconds or {}).get(nodeid, 0.0),
            prepare=lambda started: {"started": list(started)},
        )
        self.ran: dict[str, list[str]] = {}
        self.workers = [self.join(f"gw{number}") for number in range(count if joined else 0)]
        if joined:
            self.scheduling.schedule()

    def _collect_report(self, report: pytest.CollectReport) -> None:
        self.collect_reports.append(report)

    def join(self, name: str) -> Any:
        worker: Any = Worker(name)
        self.scheduling.add_node(worker)
        self.scheduling.add_node_collection(worker, self.tests)
        return worker

    def step(self, worker: Any) -> None:
        assert worker.can_start, "a worker waits for ever"
        index = worker.queue.pop(0)
        self.ran.setdefault(worker.name, []).append(self.tests[index])
        self.scheduling.mark_test_complete(worker, index)

    def finish(self) -> None:
        while self.scheduling.has_pending:
            busy = [worker for worker in self.workers if worker.queue]
            assert busy, "tests are left, and nobody has them"
            for worker in busy:
                self.step(worker)
        assert all(worker.shutting_down for worker in self.workers)


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_every_test_runs_once_and_a_pool_stays_on_one_worker(count: int) -> None:
    farm = Farm(count)
    farm.finish()

    assert sorted(test for tests in farm.ran.values() for test in tests) == TESTS
    for pool in "abc":
        assert sum(any(test[0] == pool for test in tests) for tests in farm.ran.values()) == 1


def test_a_pool_runs_in_order_and_is_not_interrupted_by_another() -> None:
    farm = Farm(1)
    farm.finish()

    assert farm.ran["gw0"] == TESTS


def test_the_pool_that_may_take_longest_is_begun_first() -> None:
    farm = Farm(1, seconds={"a1": 1, "a2": 1, "a3": 1, "b1": 2, "c1": 4, "c2": 1})
    farm.finish()

    assert farm.ran["gw0"] == ["c1", "c2", "a1", "a2", "a3", "b1"]


def test_with_one_worker_a_pool_each_gets_one() -> None:
    farm = Farm(3)
    farm.finish()

    assert farm.ran == {"gw0": ["a1", "a2", "a3"], "gw1": ["b1"], "gw2": ["c1", "c2"]}


def test_every_worker_is_briefed_before_its_first_test() -> None:
    farm = Farm(3)

    assert [len(worker.told) for worker in farm.workers] == [1, 1, 1]


def test_a_crashed_test_is_not_run_again_and_the_rest_of_its_pool_goes_to_the_replacement() -> None:
    farm = Farm(2)
    first, second = farm.workers
    farm.step(first)

    assert farm.scheduling.remove_node(first) == "a2"
    assert not farm.scheduling.tests_finished
    farm.workers = [second]
    while second.queue and second.can_start:
        farm.step(second)
    replacement = farm.join("gw2")
    farm.workers = [second, replacement]
    farm.scheduling.schedule()
    farm.finish()

    assert farm.ran["gw2"][0] == "a3"
    assert "a1" in replacement.told[0]["started"]
    assert sorted(test for tests in farm.ran.values() for test in tests) == sorted(set(TESTS) - {"a2"})


def test_a_worker_that_crashes_with_nothing_left_is_no_crashed_test() -> None:
    farm = Farm(1, ["a1"])
    farm.finish()

    assert farm.scheduling.remove_node(farm.workers[0]) is None
    assert farm.scheduling.tests_finished


def test_when_the_last_test_crashes_nothing_is_left_to_run() -> None:
    farm = Farm(1, ["a1"])

    assert farm.scheduling.remove_node(farm.workers[0]) == "a1"
    assert farm.scheduling.tests_finished


def test_workers_that_collected_different_tests_run_none() -> None:
    farm = Farm(2, joined=False)
    one: Any = Worker("gw0")
    other: Any = Worker("gw1")
    for worker, tests in ((one, ["a1"]), (other, ["a2"])):
        farm.scheduling.add_node(worker)
        farm.scheduling.add_node_collection(worker, tests)
    farm.scheduling.schedule()

    assert farm.scheduling.tests_finished
    assert "Different tests were collected" in str(farm.collect_reports[0].longrepr)
    assert not one.queue
    assert not other.queue


def test_a_worker_receives_its_preparation_and_xdist_everything_else() -> None:
    known: list[Any] = []
    received: list[dict[str, Any]] = []
    interactor = SimpleNamespace(handle_command=known.append)
    config: Any = SimpleNamespace(pluginmanager=SimpleNamespace(get_plugins=lambda: [object(), interactor]))
    receive_preparation(config, received.append)

    interactor.handle_command(("modal_bench", {"data": {"lora": "known"}}))
    interactor.handle_command(("runtests", {"indices": [1]}))

    assert received == [{"lora": "known"}]
    assert known == [("runtests", {"indices": [1]})]


def test_the_controller_receives_what_was_collected_and_how_it_goes_on_and_xdist_everything_else() -> None:
    known: list[Any] = []
    received: list[Any] = []
    node: Any = SimpleNamespace(process_from_remote=known.append)
    events: list[Event] = []
    receive_collected(node, lambda *told: received.extend(told))
    receive_progress(node, events.append)

    def send(name: str, **data: Any) -> None:
        node.process_from_remote((name, data))

    interactor = SimpleNamespace(
        handle_command=None, sendevent=lambda name, **data: send(name, **loads(dumps(data)))
    )
    config: Any = SimpleNamespace(pluginmanager=SimpleNamespace(get_plugins=lambda: [interactor]))
    send_collected(config, {"test_endpoint[a]": "a"}, ["test_under_load[a]"])
    told: list[Event] = [begun(), ended(error="HTTP 500: boom", ok=False), EndpointEnded(endpoint="flux")]
    for event in told:
        progress_sender(config)(event)
    send("collectionfinish", ids=["test_endpoint[a]"])
    node.process_from_remote("end of the channel")

    assert received == [{"test_endpoint[a]": "a"}, ["test_under_load[a]"]]
    assert events == told
    assert known == [("collectionfinish", {"ids": ["test_endpoint[a]"]}), "end of the channel"]
