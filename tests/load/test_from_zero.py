from __future__ import annotations

import os
import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from load_server import endpoint, means, serving, settings

from pytest_modal_bench.control.interface import ControlError
from pytest_modal_bench.load import generators
from pytest_modal_bench.load.spec import parse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from load_server import LoadServer

    from pytest_modal_bench.model import Endpoint

pytestmark = pytest.mark.timeout(120)


class Pools:
    """Stands in for the observer: notes when containers are ended, and settings are put back."""

    def __init__(self, server: LoadServer, *, refuses: bool = False) -> None:
        self.happened: list[tuple[str, int]] = []
        """What, and how many calls had come by then."""
        self._server = server
        self._refuses = refuses

    @contextmanager
    def forced(self, of: Endpoint) -> Iterator[Callable[[], None]]:
        assert of.id == "flux"
        try:
            yield self._zero
        finally:
            self.happened.append(("put back", len(self._server.came)))

    def _zero(self) -> None:
        if self._refuses:
            raise ControlError("somebody else calls it")
        self.happened.append(("zero", len(self._server.came)))

    def gpu(self, of: Endpoint) -> None:
        del of

    def ask(self, app: str, name: str, question: Any) -> None:
        del app, name, question


def forcing(pools: Pools) -> Any:
    return means(observer=pools, settings=settings(cold="force"), processes=1)


def test_a_burst_begins_from_zero_where_cold_starts_are_forced_and_what_was_changed_is_put_back() -> None:
    with serving() as server:
        pools = Pools(server)
        load = generators.run(endpoint(server), parse("burst=3", "users=1 duration=0.2"), forcing(pools))
    assert pools.happened == [("zero", 0), ("put back", 3)]
    assert load.steps[0].n == 3


def test_a_pool_that_does_not_reach_zero_is_told() -> None:
    with serving() as server:
        pools = Pools(server, refuses=True)
        load = generators.run(endpoint(server), parse("burst=2"), forcing(pools))
    assert load.notes == ("burst=2 did not begin from zero: somebody else calls it",)
    assert load.steps[0].n == 2


def test_what_was_changed_is_put_back_when_the_burst_is_interrupted() -> None:
    with serving(seconds=30.0) as server:

        def interrupt() -> None:
            server.wait_for(3)
            os.kill(os.getpid(), signal.SIGINT)

        interrupting = threading.Thread(target=interrupt)
        interrupting.start()
        pools = Pools(server)
        with pytest.raises(generators.Interrupted) as interrupted:
            generators.run(endpoint(server), parse("burst=3"), forcing(pools))
        interrupting.join()
    assert pools.happened == [("zero", 0), ("put back", 3)]
    assert interrupted.value.load.steps[0].under_way == 3
