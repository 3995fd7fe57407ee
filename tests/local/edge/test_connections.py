"""The edge's connections, against a server on loopback that keeps, closes or cuts them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import h11
import pytest

from pytest_modal_bench.local.edge.connections import BrokenError, Connections
from pytest_modal_bench.local.http import listen, reserve

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

REQUEST = h11.Request(method="POST", target="/", headers=[("host", "x"), ("content-length", "2")])
WHOLE = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\nx-note: caf\xe9\r\n\r\ndone"
PIECES = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n"


class Server:
    """Answers each request with the same bytes."""

    def __init__(self, answer: bytes = WHOLE, *, closes: bool = False) -> None:
        self.answer, self.closes = answer, closes
        self.accepted = 0
        self.writers: list[asyncio.StreamWriter] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        self.writers.append(writer)
        while await reader.read(65536):
            writer.write(self.answer)
            await asyncio.sleep(0.02)
            if self.closes:
                break
        writer.close()


def play(server: Server, scene: Callable[[Connections, int], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        connections, listener = Connections(), listen()
        async with await asyncio.start_server(server.serve, sock=listener), asyncio.timeout(20):
            result = await scene(connections, listener.getsockname()[1])
            connections.close()
            await asyncio.sleep(0.05)
        return result

    return asyncio.run(run())


async def call(connections: Connections, port: int) -> tuple[int, list[tuple[str, str]], list[bytes]]:
    async with connections.response(port, REQUEST, b"{}") as response:
        return response.status, response.headers, [piece async for piece in response.pieces()]


def test_a_connection_is_used_again_once_its_answer_is_whole() -> None:
    async def scene(connections: Connections, port: int) -> None:
        for _ in range(3):
            status, headers, pieces = await call(connections, port)
            assert (status, b"".join(pieces)) == (200, b"done")
            assert ("x-note", "caf\xe9") in headers

    server = Server()
    play(server, scene)
    assert server.accepted == 1


def test_calls_at_the_same_time_have_a_connection_each_and_later_ones_share_them() -> None:
    async def scene(connections: Connections, port: int) -> None:
        for _ in range(3):
            await asyncio.gather(*(call(connections, port) for _ in range(20)))

    server = Server()
    play(server, scene)
    assert server.accepted == 20


def test_a_body_in_pieces_comes_without_their_framing() -> None:
    async def scene(connections: Connections, port: int) -> bytes:
        return b"".join((await call(connections, port))[2])

    assert play(Server(PIECES), scene) == b"onetwo"


def test_one_that_was_left_in_the_middle_is_not_used_again() -> None:
    async def scene(connections: Connections, port: int) -> None:
        for _ in range(2):
            async with connections.response(port, REQUEST, b"{}"):
                pass

    server = Server()
    play(server, scene)
    assert server.accepted == 2


def test_one_that_the_container_has_closed_is_not_used_again() -> None:
    async def scene(connections: Connections, port: int) -> None:
        for _ in range(2):
            await call(connections, port)
            await asyncio.sleep(0.1)

    server = Server(closes=True)
    play(server, scene)
    assert server.accepted == 2


@pytest.mark.parametrize("answer", [b"", WHOLE[:20], WHOLE[:-1], PIECES[:-10], b"no HTTP at all\r\n\r\n"])
def test_an_answer_that_breaks_off_or_is_none_is_an_error(answer: bytes) -> None:
    async def scene(connections: Connections, port: int) -> None:
        with pytest.raises(BrokenError):
            await call(connections, port)

    play(Server(answer, closes=True), scene)


def test_a_container_that_is_gone_is_an_error() -> None:
    async def scene(connections: Connections, _port: int) -> None:
        with reserve() as nobody, pytest.raises(BrokenError):
            await call(connections, nobody.getsockname()[1])

    play(Server(), scene)
