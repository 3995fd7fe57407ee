"""The supervisor's side of one container: its lifeline, and how many inputs are in it."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec

from pytest_modal_bench.local.http import listen
from pytest_modal_bench.local.identifiers import identifier

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_modal_bench.local.containers.container import Order
    from pytest_modal_bench.local.containers.zygote import Zygote


class ContainerDiedError(Exception):
    """A container ended while an input was in it."""


class ContainerStoppedError(Exception):
    """A container was stopped on purpose while an input was in it: the input is to run elsewhere."""


class Container:
    """A container from its order to its end; `changed` is called when it is up, and when it is gone."""

    def __init__(self, zygote: Zygote, order: Order, changed: Callable[[Container], None]) -> None:
        self.id = identifier("ta")
        self.inputs = 0
        self.pid = 0
        """Its process; 0 before it has said so."""
        self.created_at = time.time()
        self.up_at = 0.0
        """Unix time; 0: not yet."""
        self.ended_at = 0.0
        self.idle_since = 0.0
        """On the monotonic clock; of no meaning while it boots or has inputs."""
        self.leaving = False
        """Whether it takes no more inputs, and ends after those that it has."""
        self.stopped = False
        """Whether it was ended on purpose."""
        self.up = asyncio.Event()
        """Set once it serves, or once it is gone."""
        self.gone = asyncio.Event()
        with listen() as listener:
            self.port: int = listener.getsockname()[1]
            self._lifeline = zygote.spawn(listener)
        self._changed = changed
        self._living = asyncio.create_task(self._live(msgspec.structs.replace(order, id=self.id)))

    async def _live(self, order: Order) -> None:
        reader, writer = await asyncio.open_connection(sock=self._lifeline)
        try:
            with suppress(OSError):
                writer.write(msgspec.json.encode(order) + b"\n")
                self.pid = int(await reader.readline() or 0)
                await reader.readline()  # `ready`, or the end
                if not reader.at_eof() and not self.stopped:
                    self.up_at = time.time()
                    self.up.set()
                    self._changed(self)
                await reader.read()
        finally:
            writer.close()
            self.ended_at = time.time()
            self.gone.set()
            self.up.set()
            self._changed(self)

    def stop(self) -> None:
        """End the process by a signal, or, before its pid is known, by closing its lifeline."""
        self.stopped = True
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
