"""One app's containers: started on demand, kept and stopped as the autoscaler's settings ask for.

Inputs wait in one queue, in order. A container that is up and has room takes the first of them; one that boots has
none yet, so an input that waits is taken by whichever container has room first.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from pytest_modal_bench.local.containers.admission import Admission
from pytest_modal_bench.local.containers.autoscaler import Autoscaler
from pytest_modal_bench.local.containers.handle import ContainerDiedError, ContainerHandle
from pytest_modal_bench.local.events import ContainerEvent
from pytest_modal_bench.local.identifiers import object_id
from pytest_modal_bench.local.workspace.settings import Limits

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from pytest_modal_bench.local.containers.container import ContainerSpec
    from pytest_modal_bench.local.containers.fork_server import ForkServer
    from pytest_modal_bench.local.containers.records import Records

MAX_ENDED = 100
"""Ended containers of a pool that the control plane can still look up."""


class Stats(NamedTuple):
    """A pool at this moment."""

    backlog: int
    """Inputs that no container works on yet."""
    running: int
    containers: int
    """Those that boot included."""
    headroom: int
    """Inputs that the containers that are up could take in addition to those they have."""


class Pool:
    """One app's containers. Times are scaled by `time_scale`."""

    def __init__(
        self,
        spec: ContainerSpec,
        fork_server: ForkServer,
        *,
        records: Records,
        log: Callable[[ContainerEvent], None],
        limits: Limits | None = None,
    ) -> None:
        """Without `limits`, they are Modal's own."""
        self.name, self.app, self.time_scale = spec.name, spec.app, spec.time_scale
        self.records = records
        self.settings = Autoscaler.deployed(spec.app)
        self.containers: list[ContainerHandle] = []
        self.ended: deque[ContainerHandle] = deque(maxlen=MAX_ENDED)
        """Containers that were stopped or died, latest last."""
        self.function_id = object_id("fu")
        self._admission = Admission(limits or Limits(), self.function_id, spec.time_scale)
        self._spec = spec
        self._fork_server = fork_server
        self._log = log
        self._started = 0
        self._died = 0
        self._closing = False
        self._queue: deque[asyncio.Future[ContainerHandle]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._update()

    def refusal(self) -> str | None:
        """Why no input is accepted now; None: one is, and is counted."""
        return self._admission.refusal(len(self._queue) if not self._has_room() else 0)

    @asynccontextmanager
    async def container(self) -> AsyncGenerator[ContainerHandle]:
        """Hold a slot for one input in a container that is up; waits in the queue until one has room.

        Raises `ContainerDiedError` if the container that would have taken it died as it booted, or if the pool is
        closed; `OSError` if no container can be started.
        """
        container = await self._acquire_slot()
        try:
            yield container
        finally:
            self._release_slot(container)

    def change(self, changes: dict[str, int]) -> None:
        """Change autoscaler settings, which hold at once; raises `ValueError` if they make no sense."""
        self.settings = self.settings.with_changes(changes)
        self._update()

    def stop(self, container: ContainerHandle, *, after_inputs: bool = False) -> None:
        """Stop a container now, or when the inputs that it has are done."""
        if after_inputs and container.inputs:
            container.draining = True
        elif container in self.containers:
            self._stop(container)
        self._update()

    def stats(self) -> Stats:
        """Count inputs and containers."""
        return Stats(
            backlog=len(self._queue),
            running=sum(each.inputs for each in self.containers),
            containers=len(self.containers),
            headroom=sum(self.app.concurrent_inputs - each.inputs for each in self._serving()),
        )

    async def close(self) -> None:
        """Kill all containers, wait until they have ended, and start no more."""
        self._closing = True
        if self._timer:
            self._timer.cancel()
        self._fail(len(self._queue), ContainerDiedError(self.name))
        containers = list(self.containers)
        for container in containers:
            self._stop(container)
        for container in containers:
            await container.ended()

    async def _acquire_slot(self) -> ContainerHandle:
        """Queue for a slot in a container that is up."""
        if self._closing:
            raise ContainerDiedError(self.name)
        slot: asyncio.Future[ContainerHandle] = asyncio.get_running_loop().create_future()
        self._queue.append(slot)
        self._update()
        try:
            return await slot
        except asyncio.CancelledError:
            if slot in self._queue:
                self._queue.remove(slot)
                self._update()
            elif not slot.cancelled() and not slot.exception():
                self._release_slot(slot.result())
            raise

    def _release_slot(self, container: ContainerHandle) -> None:
        container.inputs -= 1
        container.idle_since = time.monotonic()
        if container.draining and not container.inputs and container in self.containers:
            self._stop(container)
        self._update()

    def _update(self) -> None:
        """Give queued inputs to containers, then start and stop containers as the settings ask for."""
        if self._closing:
            return
        for container in self._serving():
            while self._queue and container.inputs < self.app.concurrent_inputs:
                slot = self._queue.popleft()
                if not slot.done():  # a slot that is not wanted any more is done
                    container.inputs += 1
                    slot.set_result(container)
        self._scale()

    def _accepting(self) -> list[ContainerHandle]:
        return [each for each in self.containers if not each.draining]

    def _serving(self) -> list[ContainerHandle]:
        return [each for each in self._accepting() if each.up.is_set()]

    def _has_room(self) -> bool:
        return any(each.inputs < self.app.concurrent_inputs for each in self._serving())

    def _fail(self, inputs: int, error: Exception) -> None:
        """End the wait of the first so many inputs with an error."""
        for _ in range(min(inputs, len(self._queue))):
            slot = self._queue.popleft()
            if not slot.done():
                slot.set_exception(error)

    def _scale(self) -> None:
        busy = sum(each.inputs > 0 for each in self._accepting())
        wanted = self.settings.wanted(busy + math.ceil(len(self._queue) / self.app.concurrent_inputs))
        try:
            while len(self._accepting()) < wanted:
                self._start()
        except OSError as error:  # the fork server has ended
            self._fail(len(self._queue), error)
        if self._timer:
            self._timer.cancel()
        idle = [each for each in self._serving() if not each.inputs]
        for container in sorted(idle, key=lambda each: each.idle_since):
            if len(self._accepting()) <= wanted:
                break
            left = container.idle_since + self.settings.scaledown_window * self.time_scale - time.monotonic()
            if left > 0 and len(self._accepting()) <= self.settings.upper_bound:
                self._timer = asyncio.get_running_loop().call_later(left, self._update)
                break
            self._stop(container)

    def _start(self) -> ContainerHandle:
        self._started += 1
        spec = msgspec.structs.replace(self._spec, seed=self._started, deaths=self._died)
        container = ContainerHandle(self._fork_server, spec, self._changed)
        self.containers.append(container)
        self._log_event(container, "started")
        return container

    def _stop(self, container: ContainerHandle) -> None:
        """End a container, which takes no more inputs."""
        self._remove(container, "stopped")
        container.stop()

    def _changed(self, container: ContainerHandle) -> None:
        """Handle a container that came up, or that ended for whatever reason."""
        if not container.gone.is_set():
            container.idle_since = time.monotonic()
            if container in self.containers:
                self._log_event(container, "up")
        elif container in self.containers:
            self._died += 1
            self._remove(container, "died")
            if not container.up_at:
                self._fail(self.app.concurrent_inputs, ContainerDiedError(container.id))
        self._update()

    def _remove(self, container: ContainerHandle, what: str) -> None:
        self.containers.remove(container)
        self.ended.append(container)
        self._log_event(container, what)

    def _log_event(self, container: ContainerHandle, what: str) -> None:
        self._log(ContainerEvent(time.time(), self.name, container.id, what, time.monotonic()))
