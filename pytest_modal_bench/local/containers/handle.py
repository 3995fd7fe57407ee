"""The supervisor's handle of one container: starts its process, follows its state, counts its inputs, stops it."""

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

    from pytest_modal_bench.local.containers.container import ContainerSpec
    from pytest_modal_bench.local.containers.fork_server import ForkServer


class ContainerDiedError(Exception):
    """A container ended while an input was in it."""


class ContainerStoppedError(Exception):
    """A container was stopped on purpose while an input was in it: the input must run in another one."""


class ContainerHandle:
    """One container, from its start to its end; `changed` is called when it is up, and again when it has ended."""

    def __init__(
        self, fork_server: ForkServer, spec: ContainerSpec, changed: Callable[[ContainerHandle], None]
    ) -> None:
        self.id = identifier("ta")
        self.concurrent_inputs = spec.app.concurrent_inputs
        self.inputs = 0
        self.taken = 0
        """Inputs that it has taken since its start."""
        self.pid = 0
        """Its process id; 0 until the process has sent it."""
        self.created_at = time.time()
        self.up_at = 0.0
        """Unix time; 0: not yet."""
        self.ended_at = 0.0
        """Unix time; 0: not yet."""
        self.idle_since = 0.0
        """On the monotonic clock; has no meaning while it boots or has inputs."""
        self.draining = False
        """Whether it takes no more inputs, and ends after those that it has."""
        self.stopped = False
        """Whether it was ended on purpose."""
        self.up = asyncio.Event()
        """Set once it serves, or once it has ended: check `gone` too."""
        self.gone = asyncio.Event()
        """Set once it has ended."""
        with listen() as listener:
            self.port: int = listener.getsockname()[1]
            self._socket = fork_server.spawn(listener)
        self._changed = changed
        self._task = asyncio.create_task(self._follow(msgspec.structs.replace(spec, id=self.id)))

    async def _follow(self, spec: ContainerSpec) -> None:
        """Send the spec, then read what the container reports, until it ends."""
        reader, writer = await asyncio.open_connection(sock=self._socket)
        try:
            with suppress(OSError):
                writer.write(msgspec.json.encode(spec) + b"\n")
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
        """Kill the process; before its pid is known, close the socket to it instead, which ends it too."""
        self.stopped = True
        if self.gone.is_set():
            return
        if self.pid:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
        else:
            self._socket.shutdown(socket.SHUT_WR)

    async def ended(self) -> None:
        """Wait until the process has ended."""
        await asyncio.wait({self._task})
