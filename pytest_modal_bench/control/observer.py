"""One process's access to the control plane: connected when first needed, and never a reason to fail a call.

Trouble costs evidence, not measurements: it is noted once, in one line, and from then on nobody is asked.
"""

from __future__ import annotations

import functools
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, TypeVar

from pytest_modal_bench.control.forcing import forced
from pytest_modal_bench.control.interface import ControlError
from pytest_modal_bench.control.pool_observer import ASKS, RECORDS, Before, NoPoolObserver, PoolObserver

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from pytest_modal_bench.control.interface import CallRecord, ControlPlane, Function
    from pytest_modal_bench.control.journal import Journal
    from pytest_modal_bench.model import Endpoint

T = TypeVar("T")

_ZERO_SEC = 60.0
"""How long Modal may take to end containers that were stopped."""
_POLL_SEC = 0.25
"""Seconds between two questions meanwhile, at the most."""
_RECORD_SEC = 2.0
"""How long a provider's record is waited for: it is best effort, and may never come."""


class Observer:
    """Asks about pools, and scales them to zero. `notes` are what went wrong, a line each."""

    def __init__(
        self,
        connect: Callable[[], ControlPlane],
        journal: Journal,
        *,
        patience_sec: Callable[[float], float],
    ) -> None:
        """`connect` is called at the first question; `patience_sec` scales a wait that Modal may need."""
        self.notes: list[str] = []
        self._connect = connect
        self._journal = journal
        self._patience_sec = patience_sec
        self._plane: ControlPlane | None = None
        self._pools: dict[tuple[str, str], PoolObserver] = {}
        self._unknown: set[tuple[str, str]] = set()
        self._gone: ControlError | None = None
        self._gpus: dict[tuple[str, str], str | None] = {}
        self._deploys: dict[tuple[str, str], str | None] = {}

    def close(self) -> None:
        """Let go of the connection, if there is one."""
        if self._plane is not None:
            self._plane.close()
            self._plane = None

    def of_pool(self, endpoint: Endpoint) -> PoolObserver:
        """Whoever can be asked about the endpoint's pool; nobody where the catalogue names no function."""
        if endpoint.function is None:
            return NoPoolObserver()
        key = endpoint.deployed_app, endpoint.function
        if key not in self._pools:
            self._pools[key] = _OnePool(self, *key, self._patience_sec(_RECORD_SEC))
        return self._pools[key]

    @contextmanager
    def forced(self, endpoint: Endpoint) -> Iterator[Callable[[], None]]:
        """Have the pool's autoscaler keep no container, and yield what ends those that there are.

        The settings are put back at the end, in every case. What is yielded raises `ControlError` if the pool does
        not reach zero, also because the control plane does not answer.
        """
        patience_sec = self._patience_sec(_ZERO_SEC)
        with ExitStack() as stack:
            try:
                zero = stack.enter_context(
                    forced(
                        self.connected(),
                        self._function(endpoint.deployed_app, endpoint.function or ""),
                        self._journal,
                        patience_sec=patience_sec,
                        poll_sec=min(patience_sec / 100, _POLL_SEC),
                    )
                ).zero
            except ControlError as error:
                zero = _refusing(error)
                self.note(error)
            yield zero
            try:
                stack.close()
            except ControlError as error:
                self.note(error)

    def ask(self, app: str, name: str, question: Callable[[Function], T]) -> T | None:
        """Put a question about a function to the control plane; None: there is no answer to be had."""
        if (app, name) in self._unknown:
            return None
        try:
            function = self._function(app, name)
        except ControlError as error:
            self._unknown.add((app, name))
            self.note(error)
            return None
        try:
            return question(function)
        except ControlError as error:
            self._gone = error
            self.note(error)
            return None

    def gpu(self, endpoint: Endpoint) -> str | None:
        """What the endpoint's containers ask for, as `Function.gpu` says; None: not known."""
        if endpoint.function is None:
            return None
        key = endpoint.deployed_app, endpoint.function
        if key not in self._gpus:
            self._gpus[key] = self._answer(lambda: self._function(*key).gpu())
        return self._gpus[key]

    def deployed(self, endpoint: Endpoint) -> str | None:
        """Which deploy of its app the endpoint is of, as `Function.deployed` says; None: not known."""
        if endpoint.function is None:
            return None
        key = endpoint.deployed_app, endpoint.function
        if key not in self._deploys:
            self._deploys[key] = self._answer(lambda: self._function(*key).deployed())
        return self._deploys[key]

    def rates(self) -> Mapping[str, str] | None:
        """The workspace's prices, as `ControlPlane.rates` says, asked for once; None: not known."""
        return self._rates

    def note(self, error: ControlError) -> None:
        """Tell of trouble, once."""
        if str(error) not in self.notes:
            self.notes.append(str(error))

    def connected(self) -> ControlPlane:
        """The control plane, connected to now if not before. Raises ControlError."""
        if self._gone is not None:
            raise self._gone
        if self._plane is None:
            try:
                self._plane = self._connect()
            except ControlError as error:
                self._gone = error
                raise
        return self._plane

    @functools.cached_property
    def _rates(self) -> Mapping[str, str] | None:
        return self._answer(lambda: self.connected().rates())

    def _answer(self, question: Callable[[], T]) -> T | None:
        # Not `ask`: a token that may not see prices, say, can still say which containers there are.
        try:
            return question()
        except ControlError as error:
            self.note(error)
            return None

    def _function(self, app: str, name: str) -> Function:
        return self.connected().function(app, name)


class _OnePool:
    """Asks about one pool."""

    def __init__(self, observer: Observer, app: str, name: str, record_sec: float) -> None:
        self._observer = observer
        self._app, self._name = app, name
        self._record_sec = record_sec

    def before(self) -> Before | None:
        """See `PoolObserver.before`."""

        def look(function: Function) -> Before:
            containers = function.containers()
            return Before(tuple(function.count() for _ in range(ASKS)), containers)

        return self._ask(look)

    def after(self) -> frozenset[str] | None:
        """See `PoolObserver.after`."""
        return self._ask(lambda function: function.own_containers())

    def records(self, call_ids: Sequence[str], *, questions: int = 0) -> Mapping[str, CallRecord] | None:
        """See `PoolObserver.records`."""
        if not call_ids:
            return None
        deadline = time.monotonic() + self._record_sec
        while True:
            found = self._ask(lambda function: function.records(RECORDS + questions))
            if found is None:
                return None
            records = {record.call_id: record for record in found}
            if all(call_id in records for call_id in call_ids):
                return records
            if time.monotonic() >= deadline:
                # Once they are late they stay late: whoever waited for one in vain does not wait for the next.
                self._record_sec = 0.0
                return records
            time.sleep(self._record_sec / 20)

    def _ask(self, question: Callable[[Function], T]) -> T | None:
        return self._observer.ask(self._app, self._name, question)


def _refusing(error: ControlError) -> Callable[[], None]:
    def refuse() -> None:
        raise error

    return refuse
