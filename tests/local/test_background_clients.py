"""Background clients, against servers in this process that count their requests."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from pytest_modal_bench.local.background_clients import run_background_clients
from pytest_modal_bench.local.http import listen
from pytest_modal_bench.local.workspace.scenario import AppFault, Resources, Scenario

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable


class Server:
    """Answers every request, and keeps its first line; or closes the connection without an answer."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.requests: list[str] = []
        self.closes = False

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        self.requests.append(head.decode().partition("\r\n")[0])
        if not self.closes:
            writer.write(
                b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
            )
        writer.close()


@asynccontextmanager
async def server() -> AsyncGenerator[Server]:
    listener = listen()
    made = Server(listener.getsockname()[1])
    async with await asyncio.start_server(made.serve, sock=listener):
        yield made


def scenario(**apps: AppFault) -> Scenario:
    return Scenario(
        summary="trial", resources=Resources(image=True, video=True, mask=True, lora=True), apps=apps
    )


def called_every(seconds: float) -> AppFault:
    return AppFault(background_interval=seconds)


async def until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110 - there is no event to wait for
        await asyncio.sleep(0.002)


def play(scene: Callable[[Server, Server], Awaitable[None]]) -> None:
    """Play a scene with two servers."""

    async def run() -> None:
        async with AsyncExitStack() as stack:
            one, other = [await stack.enter_async_context(server()) for _ in range(2)]
            async with asyncio.timeout(20):
                await scene(one, other)

    asyncio.run(run())


def test_an_app_is_called_again_and_again_and_others_are_not() -> None:
    async def scene(one: Server, other: Server) -> None:
        urls = {"one": one.url, "other": other.url}
        async with run_background_clients(scenario(one=called_every(0.01), other=AppFault()), urls, 1):
            await until(lambda: len(one.requests) >= 3)
        assert set(one.requests) == {"GET /health HTTP/1.1"}
        assert other.requests == []

    play(scene)


def test_each_app_has_a_client_of_its_own() -> None:
    async def scene(one: Server, other: Server) -> None:
        urls = {"one": one.url, "other": other.url}
        both = scenario(one=called_every(0.01), other=called_every(0.01))
        async with run_background_clients(both, urls, 1):
            await until(lambda: min(len(one.requests), len(other.requests)) >= 2)

    play(scene)


def test_the_interval_passes_before_the_first_call_and_is_scaled() -> None:
    async def scene(one: Server, _other: Server) -> None:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        async with run_background_clients(scenario(one=called_every(100)), {"one": one.url}, 0.005):
            await until(lambda: bool(one.requests))
        assert 0.5 <= loop.time() - begun < 100

    play(scene)


def test_calls_stop_at_the_end_even_one_that_waits_for_its_answer() -> None:
    async def scene(one: Server, _other: Server) -> None:
        waiting = asyncio.Event()

        async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            waiting.set()
            await reader.read()  # until the client is gone
            writer.close()

        listener = listen()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        hanging = await asyncio.start_server(hang, sock=listener)
        both = scenario(one=called_every(0.01), hanging=called_every(0.01))
        async with run_background_clients(both, {"one": one.url, "hanging": url}, 1):
            await waiting.wait()
            await until(lambda: bool(one.requests))
        hanging.close()
        await asyncio.sleep(0.05)  # a request may be on its way
        count = len(one.requests)
        await asyncio.sleep(0.1)
        assert len(one.requests) == count
        assert [task for task in asyncio.all_tasks() if "_call_repeatedly" in repr(task)] == []

    play(scene)


def test_a_broken_connection_does_not_stop_the_calls() -> None:
    async def scene(one: Server, _other: Server) -> None:
        one.closes = True
        async with run_background_clients(scenario(one=called_every(0.01)), {"one": one.url}, 1):
            await until(lambda: len(one.requests) >= 2)
            one.closes = False
            count = len(one.requests)
            await until(lambda: len(one.requests) >= count + 2)

    play(scene)


def test_an_error_in_the_block_comes_out_and_ends_the_calls() -> None:
    async def scene(one: Server, _other: Server) -> None:
        async def failing() -> None:
            async with run_background_clients(scenario(one=called_every(0.01)), {"one": one.url}, 1):
                await until(lambda: bool(one.requests))
                raise LookupError

        with pytest.raises(LookupError):
            await failing()
        await asyncio.sleep(0.05)  # a request may be on its way
        count = len(one.requests)
        await asyncio.sleep(0.05)
        assert len(one.requests) == count

    play(scene)
