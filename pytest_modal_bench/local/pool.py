"""The containers behind one host: started on demand, stopped after their scaledown window."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import socket
import time
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from pytest_modal_bench.local.container import Order
from pytest_modal_bench.local.http import listen

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from pytest_modal_bench.local.workspace import App
    from pytest_modal_bench.local.zygote import Zygote


class ContainerDiedError(Exception):
    """A container ended while an input was in it."""


class Event(NamedTuple):
    """Something that happened to a container; `at` is Unix time in seconds."""

    at: float
    app: str
    container: str
    what: str


def identifier(kind: str) -> str:
    """Draw an id such as Modal's: `ta-01…` for a container, `fc-01…` for a call."""
    return f"{kind}-01" + "".join(random.choices("0123456789ABCDEFGHJKMNPQRSTVWXYZ", k=24))  # noqa: S311


class Container:
    """The supervisor's side of one container: its lifeline, and how many inputs are in it."""

    def __init__(self, zygote: Zygote, order: Order, ended: Callable[[Container], None]) -> None:
        self.id = identifier("ta")
        self.inputs = 0
        self.pid = 0
        """Its process; 0 before it has said so."""
        self.up = asyncio.Event()
        """Set once it serves, or once it is gone."""
        self.gone = asyncio.Event()
        with listen() as listener:
            self.port: int = listener.getsockname()[1]
            self._lifeline = zygote.spawn(listener)
        self._ended = ended
        self._living = asyncio.create_task(self._live(order))

    async def _live(self, order: Order) -> None:
        reader, writer = await asyncio.open_connection(sock=self._lifeline)
        try:
            with suppress(OSError):
                writer.write(msgspec.json.encode(order) + b"\n")
                self.pid = int(await reader.readline() or 0)
                await reader.readline()  # `ready`, or the end
                if not reader.at_eof():
                    self.up.set()
                await reader.read()
        finally:
            writer.close()
            self.gone.set()
            self.up.set()
            self._ended(self)

    def kill(self) -> None:
        """End the process by a signal, or, before its pid is known, by closing its lifeline."""
        if self.gone.is_set():
            return
        if self.pid:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
        else:
            self._lifeline.shutdown(socket.SHUT_WR)

    async def ended(self) -> None:
        """Wait until the process is gone."""
        await asyncio.wait({self._living})


class Pool:
    """One app's containers. Times are scaled by `time_scale`."""

    def __init__(  # noqa: PLR0913 - what a container is told comes through here
        self,
        name: str,
        app: App,
        zygote: Zygote,
        *,
        time_scale: float,
        killed: list[str],
        loras: list[str],
        log: Callable[[Event], None],
    ) -> None:
        self.name = name
        self.app = app
        self.time_scale = time_scale
        self.containers: list[Container] = []
        self._zygote = zygote
        self._killed, self._loras = killed, loras
        self._log = log
        self._started = 0
        self._closing = False
        self._room = asyncio.Semaphore(app.max_containers * app.concurrent_inputs)
        self._idle: dict[Container, asyncio.TimerHandle] = {}

    @asynccontextmanager
    async def container(self) -> AsyncGenerator[Container]:
        """Hold one input's place in a container that is up, waiting in the queue and for its boot.

        Raises `ContainerDiedError` if it ends while it boots, `OSError` if none can be started.
        """
        async with self._room:
            if self._closing:
                raise ContainerDiedError(self.name)
            container = self._choose()
            container.inputs += 1
            if timer := self._idle.pop(container, None):
                timer.cancel()
            try:
                await container.up.wait()
                if container.gone.is_set():
                    raise ContainerDiedError(container.id)
                yield container
            finally:
                container.inputs -= 1
                if not container.inputs and not container.gone.is_set():
                    self._idle[container] = asyncio.get_running_loop().call_later(
                        self.app.scaledown_window * self.time_scale,
                        self._stop,
                        container,
                    )

    async def close(self) -> None:
        """Kill all containers, wait until they are gone, and start no more."""
        self._closing = True
        containers = list(self.containers)
        for container in containers:
            self._stop(container)
        for container in containers:
            await container.ended()

    def _choose(self) -> Container:
        for container in self.containers:
            if container.inputs < self.app.concurrent_inputs:
                return container
        self._started += 1
        order = Order(
            name=self.name,
            app=self.app,
            time_scale=self.time_scale,
            seed=self._started,
            killed=self._killed,
            loras=self._loras,
        )
        container = Container(self._zygote, order, self._ended)
        self.containers.append(container)
        self._note(container, "started")
        return container

    def _stop(self, container: Container) -> None:
        """Scale down: the container takes no more inputs and ends."""
        if timer := self._idle.pop(container, None):
            timer.cancel()
        self.containers.remove(container)
        self._note(container, "stopped")
        container.kill()

    def _ended(self, container: Container) -> None:
        """Forget a container that ended, however it did."""
        if timer := self._idle.pop(container, None):
            timer.cancel()
        if container in self.containers:
            self.containers.remove(container)
            self._note(container, "died")

    def _note(self, container: Container, what: str) -> None:
        self._log(Event(time.time(), self.name, container.id, what))
