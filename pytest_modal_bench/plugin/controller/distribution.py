"""With workers: what each is sent, and which tests it is given."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from pytest_modal_bench.plugin import load_handover
from pytest_modal_bench.plugin.xdist import PoolScheduling, interrupt, receive_collected
from pytest_modal_bench.run.longest import planned_sec

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from xdist.scheduler import Scheduling
    from xdist.workermanage import WorkerController

    from pytest_modal_bench.plugin.controller.equipment import Equipment
    from pytest_modal_bench.plugin.controller.session_tests import SessionTests
    from pytest_modal_bench.run.record import RunRecord


class Distribution:
    """Plugin of a controller of workers."""

    def __init__(
        self,
        record: RunRecord,
        equipment: Equipment,
        tests: SessionTests,
        *,
        select: Callable[[dict[str, str]], None],
        prepare: Callable[[Sequence[str]], dict[str, Any]],
    ) -> None:
        """`select` is told the endpoint ids of the session's tests; `prepare` as `PoolScheduling` has it."""
        self._record = record
        self._equipment = equipment
        self._tests = tests
        self._select = select
        self._prepare = prepare
        self._workers: list[WorkerController] = []

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: WorkerController) -> None:
        """Send a worker, as it starts, where to call and with what."""
        self._workers.append(node)
        receive_collected(node, self._tests.collected)
        node.workerinput["modal_bench"] = {
            **self._equipment.crossing(),
            "controller": os.getpid() if node.gateway.spec.popen else None,
            "today": self._record.began.date().isoformat(),
        }

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: Sequence[str]) -> None:
        """Remember what is part of the session; all workers collect the same."""
        if not self._record.results.selected:
            self._select({nodeid: self._tests.endpoint_ids[nodeid] for nodeid in ids})

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_make_scheduler(self, config: pytest.Config) -> Scheduling:
        """Keep a pool's calls from overlapping, whatever `--dist` says."""

        def pool_of(nodeid: str) -> str:
            # No pool: all loads are one unit, as they would disturb each other.
            is_load = nodeid in self._tests.under_load
            return load_handover.UNDER_LOAD if is_load else self._tests.endpoint(nodeid).pool

        def seconds_of(nodeid: str) -> float:
            if nodeid in self._tests.under_load:  # they wait for all others
                return 0.0
            return planned_sec(self._tests.endpoint(nodeid), self._equipment.settings)

        return PoolScheduling(config, pool_of=pool_of, seconds_of=seconds_of, prepare=self._prepare)

    @pytest.hookimpl
    def pytest_keyboard_interrupt(self) -> None:
        """Stop workers in the middle of a call."""
        for node in self._workers:
            interrupt(node)
