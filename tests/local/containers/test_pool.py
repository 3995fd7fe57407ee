"""The pool against containers that are real processes, but do nothing except live and die."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, cast

import pytest

from pytest_modal_bench.local.containers.container import ContainerSpec
from pytest_modal_bench.local.containers.handle import ContainerDiedError, ContainerHandle
from pytest_modal_bench.local.containers.pool import Pool, Stats
from pytest_modal_bench.local.containers.records import Records
from pytest_modal_bench.local.workspace.apps import App
from pytest_modal_bench.local.workspace.settings import Limits

if TYPE_CHECKING:
    from pytest_modal_bench.local.containers.fork_server import ForkServer
    from pytest_modal_bench.local.events import ContainerEvent

CONTAINER = """
import json, os, socket, sys
supervisor = socket.socket(fileno=int(sys.argv[1]))
spec = json.loads(supervisor.makefile("rb").readline())
supervisor.sendall(b"%d\\n" % os.getpid())
if spec["name"] != "dies on boot" and (spec["name"] != "dies twice" or spec["deaths"] == 2):
    if spec["name"] != "boots for ever":
        supervisor.sendall(b"ready\\n")
    supervisor.recv(1)
"""


class FakeForkServer:
    """Starts stand-ins for containers, where the real one forks them."""

    def __init__(self) -> None:
        self.processes: list[subprocess.Popen[bytes]] = []
        self.broken = False

    def spawn(self, _listener: socket.socket) -> socket.socket:
        if self.broken:
            raise BrokenPipeError
        ours, theirs = socket.socketpair()
        with theirs:
            command = [sys.executable, "-S", "-E", "-c", CONTAINER, str(theirs.fileno())]
            self.processes.append(subprocess.Popen(command, pass_fds=[theirs.fileno()]))
        return ours


Scene = Callable[[Pool, FakeForkServer], Awaitable[Any]]


def play(
    scene: Scene,
    name: str = "trial",
    *,
    limits: Limits | None = None,
    log: list[ContainerEvent] | None = None,
    **app: Any,
) -> list[str]:
    """Play a scene with a pool, and return what its log says of containers' starts and ends."""
    fork_server = FakeForkServer()
    log = [] if log is None else log

    async def run() -> None:
        spec = ContainerSpec(name=name, app=App(endpoints={}, enter=0, **app), time_scale=0.001, loras=[])
        pool = Pool(spec, cast("ForkServer", fork_server), records=Records(), log=log.append, limits=limits)
        try:
            async with asyncio.timeout(20):
                await scene(pool, fork_server)
        finally:
            await pool.close()

    asyncio.run(run())
    for process in fork_server.processes:
        process.wait(60)
    return [event.what for event in log if event.what != "up"]


async def hold(pool: Pool, leave: asyncio.Event, seen: list[ContainerHandle]) -> None:
    async with pool.container() as container:
        seen.append(container)
        await leave.wait()


async def until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110 - there is no event to wait for
        await asyncio.sleep(0.002)


def test_a_container_is_started_on_demand_and_used_again() -> None:
    async def scene(pool: Pool, fork_server: FakeForkServer) -> None:
        assert pool.containers == []
        async with pool.container() as first:
            assert first.pid == fork_server.processes[0].pid
        async with pool.container() as second:
            assert second is first

    assert play(scene) == ["started", "stopped"]


def test_a_container_takes_so_many_inputs_and_then_another_is_started_and_then_they_queue() -> None:
    async def scene(pool: Pool, fork_server: FakeForkServer) -> None:
        leave, seen = asyncio.Event(), list[ContainerHandle]()
        holders = [asyncio.create_task(hold(pool, leave, seen)) for _ in range(7)]
        await until(lambda: len(seen) == 6)
        await asyncio.sleep(0.02)
        assert len(seen) == 6
        assert sorted(seen.count(container) for container in set(seen)) == [3, 3]
        assert len(fork_server.processes) == 2
        leave.set()
        await asyncio.gather(*holders)
        assert len(seen) == 7
        assert len(fork_server.processes) == 2

    play(scene, concurrent_inputs=3, max_containers=2)


def test_inputs_wait_in_order_and_for_no_container_in_particular() -> None:
    async def scene(pool: Pool, _fork_server: FakeForkServer) -> None:
        order: list[int] = []

        async def take(number: int) -> ContainerHandle:
            async with pool.container() as container:
                order.append(number)
                return container

        async with pool.container() as first:
            waiting = [asyncio.create_task(take(number)) for number in range(5)]
            await until(lambda: len(pool.containers) == 2)
        assert await waiting[0] is first, (
            "it was up and free before the other one, which was started for this input"
        )
        await asyncio.gather(*waiting)
        assert order == [0, 1, 2, 3, 4]

    play(scene, concurrent_inputs=1, max_containers=2)


def test_a_container_is_started_for_each_that_the_queue_would_fill_and_no_more() -> None:
    async def scene(pool: Pool, fork_server: FakeForkServer) -> None:
        holders = [asyncio.create_task(hold(pool, asyncio.Event(), [])) for _ in range(5)]
        await until(lambda: pool.stats().backlog == 5)
        assert len(fork_server.processes) == 3
        for holder in holders:
            holder.cancel()

    play(scene, name="boots for ever", concurrent_inputs=2, max_containers=9)


def test_an_input_is_refused_once_too_many_wait_but_never_while_there_is_room() -> None:
    async def scene(pool: Pool, _fork_server: FakeForkServer) -> None:
        seen: list[ContainerHandle] = []
        leave = asyncio.Event()
        holders = []
        for _ in range(3):
            assert pool.refusal() is None
            holders.append(asyncio.create_task(hold(pool, leave, seen)))
            await asyncio.sleep(0)
        assert pool.refusal() == f"Function {pool.function_id} reached pending input queue limit (3)"
        await until(lambda: len(seen) == 2)
        assert pool.stats().backlog == 1
        assert pool.refusal() is None
        leave.set()
        await asyncio.gather(*holders)
        assert pool.refusal() is None

    play(scene, limits=Limits(pending_inputs=3), concurrent_inputs=2, max_containers=1)


def test_what_happens_to_a_container_is_logged_with_its_moment() -> None:
    before = time.monotonic()

    async def scene(pool: Pool, _fork_server: FakeForkServer) -> None:
        async with pool.container():
            pass

    log: list[ContainerEvent] = []
    play(scene, log=log)
    assert [event.what for event in log] == ["started", "up", "stopped"]
    moments = [event.moment for event in log]
    assert before <= moments[0] <= moments[1] <= moments[2] <= time.monotonic()


def test_an_idle_container_is_stopped_after_its_window_and_the_next_is_new() -> None:
    async def scene(pool: Pool, fork_server: FakeForkServer) -> None:
        async with pool.container() as first:
            pass
        await first.gone.wait()
        assert pool.containers == []
        async with pool.container() as second:
            assert second.id != first.id
        assert len(fork_server.processes) == 2
        assert fork_server.processes[0].wait(60) == -signal.SIGKILL

    assert play(scene, scaledown_window=20)[:3] == ["started", "stopped", "started"]


def test_a_container_in_use_is_not_stopped() -> None:
    async def scene(pool: Pool, _fork_server: FakeForkServer) -> None:
        async with pool.container():
            pass
        async with pool.container() as container:
            await asyncio.sleep(0.06)
            assert not container.gone.is_set()

    play(scene, scaledown_window=20)


def test_a_container_that_is_killed_is_noticed_and_forgotten() -> None:
    async def scene(pool: Pool, _fork_server: FakeForkServer) -> None:
        async with pool.container() as container:
            os.kill(container.pid, signal.SIGKILL)
            await container.gone.wait()
        assert pool.containers == []
        async with pool.container() as another:
            assert another is not container

    assert play(scene)[:3] == ["started", "died", "started"]


def test_a_container_that_dies_as_it_boots_fails_who_waits_for_it() -> None:
    async def scene(pool: Pool, _fork_server: FakeForkServer) -> None:
        with pytest.raises(ContainerDiedError):
            async with pool.container():
                pytest.fail("it came up")

    assert play(scene, name="dies on boot") == ["started", "died"]


def test_a_container_is_told_how_many_died_before_it() -> None:
    async def scene(pool: Pool, _fork_server: FakeForkServer) -> None:
        for _ in range(2):
            with pytest.raises(ContainerDiedError):
                await hold(pool, asyncio.Event(), [])
        async with pool.container():
            pass

    assert play(scene, name="dies twice").count("died") == 2


def test_closing_ends_a_container_that_is_still_booting_and_starts_no_more() -> None:
    async def scene(pool: Pool, fork_server: FakeForkServer) -> None:
        waiting = asyncio.create_task(hold(pool, asyncio.Event(), []))
        await until(lambda: bool(fork_server.processes))
        await pool.close()
        with pytest.raises(ContainerDiedError):
            await waiting
        with pytest.raises(ContainerDiedError):
            await hold(pool, asyncio.Event(), [])
        assert len(fork_server.processes) == 1

    play(scene, name="boots for ever")


def test_without_a_fork_server_the_error_is_the_callers() -> None:
    async def scene(pool: Pool, fork_server: FakeForkServer) -> None:
        fork_server.broken = True
        with pytest.raises(OSError):  # noqa: PT011 - whatever the socket says
            await hold(pool, asyncio.Event(), [])
        fork_server.broken = False
        async with pool.container():
            pass

    play(scene)


def test_a_shorter_window_holds_for_containers_that_are_idle_already() -> None:
    async def scene(pool: Pool, _fork_server: FakeForkServer) -> None:
        async with pool.container() as container:
            pass
        await asyncio.sleep(0.02)
        assert not container.gone.is_set()
        pool.change({"scaledown_window": 2})
        await container.gone.wait()

    assert play(scene) == ["started", "stopped"]


def test_a_longer_window_too() -> None:
    async def scene(pool: Pool, _fork_server: FakeForkServer) -> None:
        async with pool.container() as container:
            pass
        pool.change({"scaledown_window": 3000})
        await asyncio.sleep(0.1)
        assert not container.gone.is_set()

    play(scene, scaledown_window=40)


def test_a_minimum_of_containers_is_started_kept_and_replaced_until_it_is_lowered() -> None:
    async def scene(pool: Pool, _fork_server: FakeForkServer) -> None:
        pool.change({"min_containers": 2})
        assert len(pool.containers) == 2
        await asyncio.gather(*(each.up.wait() for each in pool.containers))
        await asyncio.sleep(0.02)
        kept, dying = pool.containers
        os.kill(dying.pid, signal.SIGKILL)
        await dying.gone.wait()
        assert len(pool.containers) == 2
        pool.change({"min_containers": 0})
        await kept.gone.wait()
        await until(lambda: not pool.containers)

    log = play(scene, scaledown_window=10)
    assert (log.count("started"), log.count("died"), log.count("stopped")) == (3, 1, 2)


def test_an_app_can_be_deployed_with_a_minimum() -> None:
    async def scene(pool: Pool, _fork_server: FakeForkServer) -> None:
        assert len(pool.containers) == 1

    play(scene, min_containers=1)


def test_a_buffer_is_kept_as_long_as_there_is_an_input() -> None:
    async def scene(pool: Pool, _fork_server: FakeForkServer) -> None:
        pool.change({"buffer_containers": 1})
        assert pool.containers == []
        async with pool.container() as container:
            assert len(pool.containers) == 2
            await asyncio.gather(*(each.up.wait() for each in pool.containers))
            await asyncio.sleep(0.03)
            assert len(pool.containers) == 2
        await container.gone.wait()
        await until(lambda: not pool.containers)

    play(scene, scaledown_window=10)


def test_a_lower_maximum_ends_idle_containers_and_lets_inputs_queue() -> None:
    async def scene(pool: Pool, _fork_server: FakeForkServer) -> None:
        async with pool.container(), pool.container():
            pass
        assert len(pool.containers) == 2
        pool.change({"max_containers": 1})
        assert len(pool.containers) == 1
        async with pool.container():
            waiting = asyncio.create_task(hold(pool, asyncio.Event(), []))
            await until(lambda: pool.stats().backlog == 1)
            pool.change({"max_containers": 2})
            await until(lambda: pool.stats().running == 2)
            waiting.cancel()

    play(scene, concurrent_inputs=1)


def test_an_input_that_is_not_wanted_any_more_gives_its_place_back() -> None:
    async def scene(pool: Pool, _fork_server: FakeForkServer) -> None:
        async with pool.container():
            waiting = asyncio.create_task(hold(pool, asyncio.Event(), []))
            await until(lambda: pool.stats().backlog == 1)
            waiting.cancel()
            await asyncio.wait({waiting})
            assert pool.stats().backlog == 0
        async with pool.container():
            pass

    play(scene, concurrent_inputs=1, max_containers=1)


def test_who_waits_for_a_container_that_is_stopped_gets_another() -> None:
    async def scene(pool: Pool, _fork_server: FakeForkServer) -> None:
        seen: list[ContainerHandle] = []
        leave = asyncio.Event()
        waiting = asyncio.create_task(hold(pool, leave, seen))
        await until(lambda: bool(pool.containers))
        (stopped,) = pool.containers
        pool.stop(stopped)
        await until(lambda: bool(seen))
        assert seen[0] is not stopped
        leave.set()
        await waiting
        assert stopped in pool.ended

    assert play(scene)[:2] == ["started", "stopped"]


def test_a_container_can_be_stopped_after_its_inputs() -> None:
    async def scene(pool: Pool, _fork_server: FakeForkServer) -> None:
        async with pool.container() as leaving:
            pool.stop(leaving, after_inputs=True)
            async with pool.container() as another:
                assert another is not leaving
            await asyncio.sleep(0.02)
            assert not leaving.gone.is_set()
        await leaving.gone.wait()
        assert pool.containers == [another]
        pool.stop(another, after_inputs=True)
        await another.gone.wait()

    assert play(scene) == ["started", "started", "stopped", "stopped"]


def test_it_counts_what_there_is() -> None:
    async def scene(pool: Pool, _fork_server: FakeForkServer) -> None:
        assert pool.stats() == Stats(backlog=0, running=0, containers=0, headroom=0)
        leave = asyncio.Event()
        holders = [asyncio.create_task(hold(pool, leave, [])) for _ in range(4)]
        await until(lambda: bool(pool.containers))
        assert pool.stats() == Stats(backlog=4, running=0, containers=1, headroom=0)
        await until(lambda: pool.stats().running > 0)
        assert pool.stats() == Stats(backlog=1, running=3, containers=1, headroom=0)
        leave.set()
        await asyncio.gather(*holders)
        assert pool.stats() == Stats(backlog=0, running=0, containers=1, headroom=3)

    play(scene, concurrent_inputs=3, max_containers=1)
