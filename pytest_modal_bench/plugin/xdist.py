"""The only module that knows xdist's internals: one pool is one unit of work, and what workers and controller exchange
beside test reports.
"""

from __future__ import annotations

from collections import deque
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from msgspec import convert, to_builtins
from xdist.report import report_collection_diff
from xdist.workermanage import parse_tx_spec_config

from pytest_modal_bench.protocol.progress import Event

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from xdist.workermanage import WorkerController

_PREPARE = "modal_bench"
_COLLECTED = "modal_bench_collected"
_PROGRESS = "modal_bench_progress"
WATCHED = "modal_bench_watched"
"""Of a worker's input: whether it is to send its events."""


class PoolScheduling:
    """Gives each worker whole pools, so that a pool's calls never overlap.

    The one that may take longest is begun first, else it would be what all wait for at the end (LPT, Graham 1969).

    A worker starts a test only once it knows the next one, so it is given its next pool, or told that there is none,
    while the last test of the one before is still to be run. When a worker dies, the test it was running is reported
    as crashed and not run again: its container may be what killed it. The rest of its pools goes to the worker that
    replaces it.
    """

    def __init__(
        self,
        config: pytest.Config,
        *,
        pool_of: Callable[[str], str],
        seconds_of: Callable[[str], float],
        prepare: Callable[[Sequence[str]], dict[str, Any]],
    ) -> None:
        """`pool_of` names the pool of a test id, and `seconds_of` says how long it may take; `prepare` returns what a
        worker is sent before its first test, given the test ids that have been started so far.
        """
        self.config = config
        self._pool_of = pool_of
        self._seconds_of = seconds_of
        self._prepare = prepare
        self._expected = len(parse_tx_spec_config(config))
        self._collections: dict[WorkerController, list[str]] = {}
        self._indices: dict[WorkerController, dict[str, int]] = {}
        self._pending: dict[WorkerController, deque[str]] = {}
        self._units: deque[list[str]] = deque()
        self._orphaned: deque[deque[list[str]]] = deque()
        self._started: list[str] = []
        self._prepared: set[WorkerController] = set()
        self.collection: list[str] | None = None

    @property
    def nodes(self) -> list[WorkerController]:
        """The workers that take part."""
        return list(self._pending)

    @property
    def collection_is_completed(self) -> bool:
        """Whether every worker that was started at the beginning has said what it collected."""
        return self.collection is not None or len(self._collections) >= self._expected

    @property
    def tests_finished(self) -> bool:
        """Whether nothing is left to be given out: at most the last test of each worker is still running."""
        return self.collection is not None and not self.has_pending

    @property
    def has_pending(self) -> bool:
        """Whether any test has not finished."""
        return bool(self._units or self._orphaned) or any(self._pending.values())

    def add_node(self, node: WorkerController) -> None:
        """A worker is up and begins to collect."""
        self._pending[node] = deque()

    def add_node_collection(self, node: WorkerController, collection: Sequence[str]) -> None:
        """A worker has collected."""
        self._collections[node] = list(collection)
        self._indices[node] = {nodeid: index for index, nodeid in enumerate(collection)}

    def mark_test_complete(self, node: WorkerController, item_index: int, duration: float = 0) -> None:
        """A worker has finished a test."""
        del duration
        self._pending[node].remove(self._collections[node][item_index])
        self._supply(node)

    def mark_test_pending(self, item: str) -> None:
        """Part of xdist's protocol, for plugins that rerun crashed tests: run `item` once more."""
        self._units.appendleft([item])
        for node in self.nodes:
            self._supply(node)

    def remove_pending_tests_from_node(self, node: WorkerController, indices: Sequence[int]) -> None:
        """Part of xdist's protocol; only a scheduler that steals tests gets called here, and this one never does."""
        del node, indices
        raise AssertionError("tests were taken back that nobody asked for")

    def remove_node(self, node: WorkerController) -> str | None:
        """A worker is gone. Returns the test it was running when it crashed, or None."""
        self._collections.pop(node, None)
        left = self._pending.pop(node)
        if not left:
            return None
        crashed = left.popleft()
        if left:
            self._orphaned.append(self._by_pool(left))
        return crashed

    def schedule(self) -> None:
        """Give out work: at the beginning to all, later to a worker that replaces a crashed one."""
        if self.collection is None:
            if not self._same_collections():
                self.collection = []
                return
            self.collection = list(next(iter(self._collections.values())))
            pools = self._by_pool(self.collection)
            self._units = deque(sorted(pools, key=lambda unit: -sum(map(self._seconds_of, unit))))
        newcomers = [node for node in self._collections if node not in self._prepared]
        for node in newcomers:
            self._prepared.add(node)
            node.sendcommand(_PREPARE, data=self._prepare(self._started))
            for unit in self._orphaned.popleft() if self._orphaned else ():
                self._give(node, unit)
            if not self._pending[node] and self._units:
                self._give(node, self._units.popleft())
        for node in newcomers:
            self._supply(node)

    def _by_pool(self, nodeids: Iterable[str]) -> deque[list[str]]:
        units: dict[str, list[str]] = {}
        for nodeid in nodeids:
            units.setdefault(self._pool_of(nodeid), []).append(nodeid)
        return deque(units.values())

    def _give(self, node: WorkerController, unit: list[str]) -> None:
        self._pending[node].extend(unit)
        self._started.extend(unit)
        indices = self._indices[node]
        node.send_runtest_some([indices[nodeid] for nodeid in unit])

    def _supply(self, node: WorkerController) -> None:
        while node in self._prepared and not node.shutting_down and len(self._pending[node]) <= 1:
            if self._units:
                self._give(node, self._units.popleft())
            else:
                node.shutdown()

    def _same_collections(self) -> bool:
        (first, expected), *others = self._collections.items()
        for node, collection in others:
            difference = report_collection_diff(expected, collection, first.gateway.id, node.gateway.id)
            if difference:
                report = pytest.CollectReport(node.gateway.id, "failed", longrepr=difference, result=[])
                self.config.hook.pytest_collectreport(report=report)
                return False
        return True


def receive_preparation(config: pytest.Config, take: Callable[[dict[str, Any]], None]) -> None:
    """In a worker, before it runs tests: have `take` called with the preparation that its scheduler sends.

    xdist has no hook for messages to a worker, but ignores commands that it does not know.
    """
    interactor = _interactor(config)
    known = interactor.handle_command

    def handle_command(command: Any) -> None:
        if isinstance(command, tuple) and command[0] == _PREPARE:
            take(command[1]["data"])
        else:
            known(command)

    interactor.handle_command = handle_command


def send_collected(config: pytest.Config, endpoints: dict[str, str], under_load: list[str]) -> None:
    """In a worker, before it says what it has collected: tell the controller which endpoint each test id has.

    `under_load`: the ids of those tests that put theirs under load.
    """
    _interactor(config).sendevent(_COLLECTED, endpoints=endpoints, under_load=under_load)


def receive_collected(node: WorkerController, take: Callable[[dict[str, str], list[str]], None]) -> None:
    """In the controller, as a worker is configured: have `take` called with what `send_collected` sends."""
    _receive(node, _COLLECTED, lambda message: take(message["endpoints"], message["under_load"]))


def progress_sender(config: pytest.Config) -> Callable[[Event], None]:
    """In a worker: return what sends an event to the controller."""
    interactor = _interactor(config)
    return lambda event: interactor.sendevent(_PROGRESS, event=to_builtins(event))


def receive_progress(node: WorkerController, take: Callable[[Event], None]) -> None:
    """In the controller, as a worker is configured: have `take` called, in another thread, with each event."""
    _receive(node, _PROGRESS, lambda message: take(convert(message["event"], Event)))


def _receive(node: WorkerController, name: str, take: Callable[[dict[str, Any]], None]) -> None:
    """Have `take` called with the worker's messages of that name.

    xdist has no hook for messages from a worker, and fails for events that it does not know.
    """
    known = node.process_from_remote

    def process_from_remote(message: Any) -> None:
        if isinstance(message, tuple) and message[0] == name:
            take(message[1])
        else:
            known(message)

    node.process_from_remote = process_from_remote


@contextmanager
def reporting(item: pytest.Item) -> Iterator[None]:
    """In a worker: have reports be those of `item`, though another test was given out last."""
    interactor = _interactor(item.config)
    before = interactor.item_index
    interactor.item_index = item.session.items.index(item)
    try:
        yield
    finally:
        interactor.item_index = before


def interrupt(node: WorkerController) -> None:
    """Stop a worker that may be in the middle of a call; without it xdist waits ten seconds for the call to end."""
    process = getattr(getattr(node.gateway, "_io", None), "popen", None)
    if process is not None and process.poll() is None:
        process.terminate()


def _interactor(config: pytest.Config) -> Any:
    return next(p for p in config.pluginmanager.get_plugins() if hasattr(p, "handle_command"))
