"""The containers behind one host: started on demand, kept and stopped as the autoscaler's settings say."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from pytest_modal_bench.local.containers.autoscaler import Autoscaler
from pytest_modal_bench.local.containers.lifeline import Container, ContainerDiedError
from pytest_modal_bench.local.events import Event

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from pytest_modal_bench.local.containers.container import Order
    from pytest_modal_bench.local.containers.records import Records
    from pytest_modal_bench.local.containers.zygote import Zygote

REMEMBERED = 100
"""Containers that ended and can still be asked for."""


class Stats(NamedTuple):
    """A pool at this moment."""

    waiting: int
    """Inputs that no container works on yet."""
    running: int
    containers: int
    """Those that boot included."""
    room: int
    """Inputs that the containers that are up could take beside those they have."""


class Pool:
    """One app's containers. Times are scaled by `time_scale`."""

    def __init__(
        self, order: Order, zygote: Zygote, *, records: Records, log: Callable[[Event], None]
    ) -> None:
        self.name, self.app, self.time_scale = order.name, order.app, order.time_scale
        self.records = records
        self.settings = Autoscaler.deployed(order.app)
        self.containers: list[Container] = []
        self.past: deque[Container] = deque(maxlen=REMEMBERED)
        """Containers that were, latest last."""
        self._order = order
        self._zygote = zygote
        self._log = log
        self._started = 0
        self._died = 0
        self._closing = False
        self._queue: deque[asyncio.Future[Container]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._settle()

    @asynccontextmanager
    async def container(self) -> AsyncGenerator[Container]:
        """Hold one input's place in a container that is up, waiting in the queue and for its boot.

        Raises `ContainerDiedError` if it ends while it boots, unless it was stopped on purpose: then another
        one is waited for. Raises `OSError` if none can be started.
        """
        while True:
            container = await self._place()
            try:
                await container.up.wait()
                if not container.gone.is_set():
                    yield container
                    return
                if not container.stopped or self._closing:
                    raise ContainerDiedError(container.id)
            finally:
                self._leave(container)

    def change(self, changes: dict[str, int]) -> None:
        """Change autoscaler settings, which hold at once; raises `ValueError` if they make no sense."""
        self.settings = self.settings.with_changes(changes)
        self._settle()

    def stop(self, container: Container, *, after_inputs: bool = False) -> None:
        """Stop a container now, or when the inputs that it has are done."""
        if after_inputs and container.inputs:
            container.leaving = True
        elif container in self.containers:
            self._stop(container)
        self._settle()

    def stats(self) -> Stats:
        """Count what there is."""
        up = [each for each in self._open() if each.up.is_set()]
        held = sum(each.inputs for each in self.containers)
        running = sum(each.inputs for each in self.containers if each.up.is_set())
        return Stats(
            waiting=held - running + sum(not place.done() for place in self._queue),
            running=running,
            containers=len(self.containers),
            room=sum(self.app.concurrent_inputs - each.inputs for each in up),
        )

    async def close(self) -> None:
        """Kill all containers, wait until they are gone, and start no more."""
        self._closing = True
        if self._timer:
            self._timer.cancel()
        for place in self._queue:
            if not place.done():
                place.set_exception(ContainerDiedError(self.name))
        containers = list(self.containers)
        for container in containers:
            self._stop(container)
        for container in containers:
            await container.ended()

    async def _place(self) -> Container:
        """Queue for a place in a container, whether it is up or not."""
        if self._closing:
            raise ContainerDiedError(self.name)
        place: asyncio.Future[Container] = asyncio.get_running_loop().create_future()
        self._queue.append(place)
        self._settle()
        try:
            return await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled() and not place.exception():
                self._leave(place.result())
            raise

    def _leave(self, container: Container) -> None:
        """Give a place back."""
        container.inputs -= 1
        container.idle_since = time.monotonic()
        if container.leaving and not container.inputs and container in self.containers:
            self._stop(container)
        self._settle()

    def _settle(self) -> None:
        """Hand out places, then start and stop containers as the settings want it."""
        if self._closing:
            return
        while self._queue:
            place = self._queue[0]
            if not place.done():
                try:
                    container = self._choose()
                except OSError as error:
                    place.set_exception(error)
                else:
                    if container is None:
                        break
                    container.inputs += 1
                    place.set_result(container)
            self._queue.popleft()
        self._scale()

    def _open(self) -> list[Container]:
        return [each for each in self.containers if not each.leaving]

    def _choose(self) -> Container | None:
        """A container with room, a new one if need be; None: there may be no more."""
        for container in self._open():
            if container.inputs < self.app.concurrent_inputs:
                return container
        return self._start() if len(self._open()) < self.settings.most else None

    def _scale(self) -> None:
        wanted = self.settings.wanted(sum(each.inputs > 0 for each in self._open()))
        with suppress(OSError):  # without a zygote the next call says so
            while len(self._open()) < wanted:
                self._start()
        if self._timer:
            self._timer.cancel()
        idle = [each for each in self._open() if each.up.is_set() and not each.inputs]
        for container in sorted(idle, key=lambda each: each.idle_since):
            if len(self._open()) <= wanted:
                break
            left = container.idle_since + self.settings.scaledown_window * self.time_scale - time.monotonic()
            if left > 0 and len(self._open()) <= self.settings.most:
                self._timer = asyncio.get_running_loop().call_later(left, self._settle)
                break
            self._stop(container)

    def _start(self) -> Container:
        self._started += 1
        order = msgspec.structs.replace(self._order, seed=self._started, deaths=self._died)
        container = Container(self._zygote, order, self._changed)
        self.containers.append(container)
        self._note(container, "started")
        return container

    def _stop(self, container: Container) -> None:
        """End a container, which takes no more inputs."""
        self._forget(container, "stopped")
        container.stop()

    def _changed(self, container: Container) -> None:
        """Take note of a container that came up, or ended, however it did."""
        if not container.gone.is_set():
            container.idle_since = time.monotonic()
        elif container in self.containers:
            self._died += 1
            self._forget(container, "died")
        self._settle()

    def _forget(self, container: Container, what: str) -> None:
        self.containers.remove(container)
        self.past.append(container)
        self._note(container, what)

    def _note(self, container: Container, what: str) -> None:
        self._log(Event(time.time(), self.name, container.id, what))
