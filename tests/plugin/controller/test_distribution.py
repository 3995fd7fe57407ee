from __future__ import annotations

import datetime as dt
import os
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from controller_parts import NOWHERE, Parts
from execnet import dumps, loads

from pytest_modal_bench.plugin.controller.distribution import Distribution
from pytest_modal_bench.plugin.xdist import send_collected

if TYPE_CHECKING:
    from project import Project

IDS = {"test[a]": "a", "test[b]": "b", "test[c]": "c", "test_load[a]": "a", "test_load[b]": "b"}
LOADS = ["test_load[a]", "test_load[b]"]


@dataclass(eq=False)
class Worker:
    """What a controller sees of a worker: a process of this machine, or one of another."""

    popen: bool = True
    runs: bool = True
    workerinput: dict[str, Any] = field(default_factory=dict)
    given: list[int] = field(default_factory=list)
    told: list[Any] = field(default_factory=list)
    terminated: int = 0
    shutting_down: bool = False

    def __post_init__(self) -> None:
        process = SimpleNamespace(poll=lambda: None if self.runs else 0, terminate=self._terminate)
        self.gateway = SimpleNamespace(
            id="gw", spec=SimpleNamespace(popen=self.popen), _io=SimpleNamespace(popen=process)
        )

    def _terminate(self) -> None:
        self.terminated += 1

    def process_from_remote(self, message: Any) -> None:
        raise AssertionError(f"xdist does not know {message}")

    def send_runtest_some(self, indices: list[int]) -> None:
        self.given += indices

    def sendcommand(self, _: str, data: Any) -> None:
        self.told.append(data)

    def shutdown(self) -> None:
        self.shutting_down = True

    def collects(self, endpoint_ids: dict[str, str], under_load: list[str]) -> None:
        """Say what it has collected, over a channel as between processes."""
        interactor = SimpleNamespace(
            handle_command=None,
            sendevent=lambda name, **data: self.process_from_remote((name, loads(dumps(data)))),
        )
        config: Any = SimpleNamespace(pluginmanager=SimpleNamespace(get_plugins=lambda: [interactor]))
        send_collected(config, endpoint_ids, under_load)


class Controller:
    """The parts of a controller of workers, with its plugin for them."""

    def __init__(self, project: Project, *args: str, slow: str | None = None) -> None:
        """`slow`: the path whose calls may take longest."""
        catalogue = project.catalogue(NOWHERE, "/a", "/b", "/c", apps=2)
        if slow is not None:
            before, own = catalogue.read_text().split(f'path = "{slow}"')
            catalogue.write_text(f'{before}path = "{slow}"{own.replace("timeout = 10", "timeout = 100", 1)}')
        self.parts = Parts(project, *args, measures=False)
        self.selected: list[dict[str, str]] = []
        self.distribution = Distribution(
            self.parts.record,
            self.parts.equipment,
            self.parts.tests,
            select=self._select,
            prepare=lambda begun: {"begun": [*begun]},
        )

    def _select(self, endpoint_ids: dict[str, str]) -> None:
        self.selected.append(dict(endpoint_ids))
        self.parts.start().select(endpoint_ids)

    def join(self, **given: Any) -> Any:
        worker: Any = Worker(**given)
        self.distribution.pytest_configure_node(worker)
        return worker

    def order(self, count: int) -> list[list[str]]:
        """Return which tests each of so many workers is given, of which the first does all that it can get."""
        workers = [self.join() for _ in range(count)]
        workers[0].collects(IDS, LOADS)
        self.distribution.pytest_xdist_node_collection_finished([*IDS])
        scheduling = self.distribution.pytest_xdist_make_scheduler(self.parts.config)
        for worker in workers:
            scheduling.add_node(worker)
            scheduling.add_node_collection(worker, [*IDS])
        scheduling.schedule()
        for worker in workers:
            for index in worker.given:  # which grows meanwhile
                scheduling.mark_test_complete(worker, index)
        return [[[*IDS][index] for index in worker.given] for worker in workers]


def test_a_worker_is_sent_as_it_starts_where_to_call_and_on_which_day_the_run_began(project: Project) -> None:
    controller = Controller(project)
    controller.parts.record.began = dt.datetime(2026, 2, 2, 23, 59, tzinfo=dt.UTC)
    sent = loads(dumps(controller.join().workerinput))["modal_bench"]

    assert sent["urls"] == {"app0": NOWHERE, "app1": NOWHERE.replace("127.0.0.1", "127.0.0.2")}
    assert sent["shared"] == str(controller.parts.shared)
    assert sent["today"] == "2026-02-02"


def test_only_a_worker_on_this_machine_can_see_whether_its_controller_lives(project: Project) -> None:
    controller = Controller(project)

    assert controller.join().workerinput["modal_bench"]["controller"] == os.getpid()
    assert controller.join(popen=False).workerinput["modal_bench"]["controller"] is None


def test_what_the_first_worker_says_that_it_will_run_is_the_session_and_all_others_will_run_the_same(
    project: Project,
) -> None:
    controller = Controller(project)
    for worker in (controller.join(), controller.join()):
        worker.collects(IDS, ["test_load[a]"])
        controller.distribution.pytest_xdist_node_collection_finished(["test[b]", "test_load[a]"])

    assert controller.selected == [{"test[b]": "b", "test_load[a]": "a"}]
    assert [each.id for each in controller.parts.record.results.selected] == ["a", "b"]
    assert controller.parts.tests.under_load == {"test_load[a]"}


def test_a_pool_is_one_workers_and_all_loads_are_one_other(project: Project) -> None:
    controller = Controller(project, "--tx=3*popen", "--dist=each")

    assert controller.order(3) == [["test[a]", "test[c]"], ["test[b]"], LOADS]


@pytest.mark.parametrize(
    ("slow", "order"),
    [
        (None, ["test[a]", "test[c]", "test[b]", *LOADS]),
        ("/b", ["test[b]", "test[a]", "test[c]", *LOADS]),
    ],
)
def test_the_pool_that_may_take_longest_is_begun_first_and_loads_last(
    project: Project, slow: str | None, order: list[str]
) -> None:
    controller = Controller(project, "--tx=1*popen", "--dist=load", slow=slow)

    assert controller.order(1) == [order]


def test_an_interrupt_stops_those_workers_that_run(project: Project) -> None:
    controller = Controller(project)
    busy, ended = controller.join(), controller.join(runs=False)
    controller.distribution.pytest_keyboard_interrupt()

    assert (busy.terminated, ended.terminated) == (1, 0)
