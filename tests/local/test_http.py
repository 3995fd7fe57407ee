from __future__ import annotations

import asyncio
import signal
import socket
from typing import Any

import httpx
import pytest

from pytest_modal_bench.local.http import RESET, Server, listen, reserve


async def app(_scope: Any, _receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"here"})


async def resetting(scope: Any, _receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"here", "more_body": True})
    scope["extensions"][RESET]()


async def stuck(_scope: Any, _receive: Any, _send: Any) -> None:
    await asyncio.Event().wait()


def test_it_listens_on_loopback_alone() -> None:
    with listen() as listener:
        assert listener.getsockname()[0] == "127.0.0.1"


def test_on_a_reserved_port_nobody_listens_and_nobody_else_can() -> None:
    with reserve() as idle:
        host, port = idle.getsockname()
        assert host == "127.0.0.1"
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((host, port), timeout=60)
        with pytest.raises(OSError, match="in use"):
            socket.create_server((host, port))


def test_it_serves_several_sockets_once_it_is_up_and_says_nothing_of_itself() -> None:
    async def scene() -> list[httpx.Response]:
        listeners = [listen(), listen()]
        urls = [f"http://127.0.0.1:{listener.getsockname()[1]}/" for listener in listeners]
        server = Server(app)
        running = asyncio.create_task(server.serve(listeners))
        await server.up.wait()
        async with httpx.AsyncClient(trust_env=False) as client:
            answers = [await client.get(url) for url in urls]
        server.should_exit = True
        await running
        return answers

    answers = asyncio.run(scene())
    assert [answer.text for answer in answers] == ["here", "here"]
    assert "server" not in answers[0].headers


def test_an_app_can_reset_its_connection_once_it_has_sent_something() -> None:
    async def scene() -> bytes:
        listener = listen()
        server = Server(resetting)
        running = asyncio.create_task(server.serve([listener]))
        await server.up.wait()
        reader, writer = await asyncio.open_connection(*listener.getsockname())
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        received = await reader.readuntil(b"here")
        with pytest.raises(ConnectionResetError):
            await reader.read()
        writer.close()
        server.should_exit = True
        await running
        return received

    assert asyncio.run(scene()).startswith(b"HTTP/1.1 200 OK\r\n")


def test_it_stops_at_once_though_a_request_never_ends() -> None:
    async def scene() -> None:
        listener = listen()
        address = listener.getsockname()
        server = Server(stuck)
        running = asyncio.create_task(server.serve([listener]))
        await server.up.wait()
        _, writer = await asyncio.open_connection(*address)
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        await asyncio.sleep(0.05)
        server.should_exit = True
        async with asyncio.timeout(5):
            await running
        writer.close()

    asyncio.run(scene())


def test_it_leaves_signals_alone() -> None:
    async def scene() -> None:
        before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
        server = Server(app)
        running = asyncio.create_task(server.serve([listen()]))
        await server.up.wait()
        assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
        server.should_exit = True
        await running

    asyncio.run(scene())
