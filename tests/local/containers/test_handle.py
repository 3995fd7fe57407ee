"""A handle, with the test at the other end of its socket, where the container's process would be."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

import pytest

from pytest_modal_bench.local.containers.container import ContainerSpec
from pytest_modal_bench.local.containers.handle import ContainerHandle
from pytest_modal_bench.local.workspace.apps import App

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from pytest_modal_bench.local.containers.fork_server import ForkServer

SPEC = ContainerSpec(name="trial", app=App(endpoints={}, enter=0), time_scale=1, loras=[], seed=7)


class FakeForkServer:
    """Hands the container's end of its socket to the test, instead of forking."""

    def __init__(self) -> None:
        self.container_end = socket.socket()
        self.listening = False
        self.port = 0

    def spawn(self, listener: socket.socket) -> socket.socket:
        self.port = listener.getsockname()[1]
        self.listening = bool(listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))
        self.container_end.close()
        supervisor_end, self.container_end = socket.socketpair()
        return supervisor_end


class Scene:
    """A handle, and the container that the test plays."""

    def __init__(self) -> None:
        self.fork_server = FakeForkServer()
        self.changes: list[bool] = []
        """For each call of `changed`, whether the container was gone."""
        self.handle = ContainerHandle(
            cast("ForkServer", self.fork_server),
            SPEC,
            lambda handle: self.changes.append(handle.gone.is_set()),
        )
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def spec(self) -> Any:
        """What the container is to be, as it receives it."""
        self._reader, self._writer = await asyncio.open_connection(sock=self.fork_server.container_end)
        return json.loads(await self._reader.readline())

    def send(self, line: bytes) -> None:
        assert self._writer is not None
        self._writer.write(line + b"\n")

    def end(self) -> None:
        assert self._writer is not None
        self._writer.close()

    async def close(self) -> None:
        self.fork_server.container_end.close()
        if self._writer is not None:
            self._writer.close()
            with suppress(OSError):
                await self._writer.wait_closed()

    async def supervisor_has_closed(self) -> bool:
        assert self._reader is not None
        return await self._reader.read() == b""


def play(scene: Callable[[Scene], Awaitable[None]]) -> None:
    async def run() -> None:
        made = Scene()
        try:
            async with asyncio.timeout(20):
                await scene(made)
        finally:
            await made.close()
            await made.handle.ended()

    asyncio.run(run())


async def until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110 - there is no event to wait for
        await asyncio.sleep(0.002)


def test_a_container_gets_its_spec_and_a_listening_socket_of_its_own() -> None:
    async def scene(made: Scene) -> None:
        spec = await made.spec()

        assert (spec["name"], spec["seed"], spec["id"]) == ("trial", 7, made.handle.id)
        assert made.handle.id.startswith("ta-01")
        assert made.fork_server.listening
        assert made.handle.port == made.fork_server.port > 0

    play(scene)


def test_it_boots_comes_up_and_ends_and_says_each_time_that_it_changed() -> None:
    async def scene(made: Scene) -> None:
        handle = made.handle
        await made.spec()
        assert (handle.pid, handle.up_at, handle.ended_at) == (0, 0, 0)
        made.send(b"4321")
        await until(lambda: handle.pid == 4321)
        assert not handle.up.is_set()
        assert made.changes == []
        made.send(b"ready")
        await handle.up.wait()
        assert 0 < handle.created_at <= handle.up_at <= time.time()
        assert made.changes == [False]
        made.end()
        await handle.ended()
        assert handle.gone.is_set()
        assert handle.up_at <= handle.ended_at <= time.time()
        assert made.changes == [False, True]
        assert not handle.stopped

    play(scene)


@pytest.mark.parametrize("lines", [[], [b"4321"]], ids=["before its pid", "as it boots"])
def test_one_that_dies_before_it_is_up_wakes_those_who_wait_for_it(lines: list[bytes]) -> None:
    async def scene(made: Scene) -> None:
        await made.spec()
        for line in lines:
            made.send(line)
        made.end()
        await made.handle.up.wait()
        assert made.handle.gone.is_set()
        assert (made.handle.up_at, made.changes) == (0, [True])

    play(scene)


def test_stopping_kills_its_process() -> None:
    async def scene(made: Scene) -> None:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-S", "-E", "-c", "import time; time.sleep(60)", stdin=subprocess.DEVNULL
        )
        await made.spec()
        made.send(b"%d" % process.pid)
        made.send(b"ready")
        await made.handle.up.wait()
        made.handle.stop()
        assert await process.wait() == -signal.SIGKILL
        assert made.handle.stopped
        made.end()
        await made.handle.ended()

    play(scene)


def test_stopping_one_whose_process_is_not_known_yet_closes_the_socket_to_it() -> None:
    async def scene(made: Scene) -> None:
        await made.spec()
        made.handle.stop()
        assert await made.supervisor_has_closed()
        made.end()
        await made.handle.ended()
        assert made.handle.stopped
        assert made.changes == [True]

    play(scene)


def test_one_that_is_stopped_as_it_boots_never_comes_up(monkeypatch: pytest.MonkeyPatch) -> None:
    killed: list[tuple[int, int]] = []
    monkeypatch.setattr("os.kill", lambda pid, number: killed.append((pid, number)))

    async def scene(made: Scene) -> None:
        await made.spec()
        made.send(b"4321")
        await until(lambda: made.handle.pid == 4321)
        made.handle.stop()
        made.send(b"ready")  # it was on its way already
        made.end()
        await made.handle.ended()
        assert (made.handle.up_at, made.changes) == (0, [True])
        assert killed == [(4321, signal.SIGKILL)]

    play(scene)


def test_stopping_one_that_has_ended_signals_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    killed: list[int] = []
    monkeypatch.setattr("os.kill", lambda pid, _number: killed.append(pid))

    async def scene(made: Scene) -> None:
        await made.spec()
        made.send(b"4321")
        made.send(b"ready")
        made.end()
        await made.handle.ended()
        made.handle.stop()
        assert killed == []

    play(scene)


def test_stopping_one_whose_process_has_just_ended_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(_pid: int, _number: int) -> None:
        raise ProcessLookupError

    monkeypatch.setattr("os.kill", gone)

    async def scene(made: Scene) -> None:
        await made.spec()
        made.send(b"4321")
        await until(lambda: made.handle.pid == 4321)
        made.handle.stop()
        assert made.handle.stopped

    play(scene)
