from __future__ import annotations

import gzip
import socket
import struct
from typing import TYPE_CHECKING

import pytest
from client_calls import call, call_once
from measure_server import Connection, Server, answer, answering

if TYPE_CHECKING:
    from measure_server import Received

pytestmark = pytest.mark.usefixtures("nothing_left")


def test_a_chunked_answer_is_put_together() -> None:
    data = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    assert call_once(answering(lambda _: data)).body == b"abcde"


def test_an_answer_may_end_with_its_connection() -> None:
    def handle(connection: Connection) -> None:
        connection.receive()
        connection.send(b"HTTP/1.0 200 OK\r\n\r\nabc")

    got = call_once(handle)
    assert (got.ok, got.body) == (True, b"abc")


def test_the_answer_to_head_has_no_body() -> None:
    got = call_once(
        answering(lambda _: b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n"), method="HEAD", body=None
    )
    assert (got.ok, got.body) == (True, b"")


def test_gzip_that_nobody_asked_for_is_decoded() -> None:
    packed = gzip.compress(b"a" * 1000)
    assert call_once(answering(lambda _: answer(packed, content_encoding="gzip"))).body == b"a" * 1000


def test_an_answer_over_the_limit_is_a_failure() -> None:
    def respond(received: Received) -> bytes:
        return answer(b"x" * int(received.path.strip("/")))

    with Server(answering(respond)) as server:
        assert call(f"{server.url}/1000", max_body_bytes=1000).ok
        assert call(f"{server.url}/1001", max_body_bytes=1000).error == "answer larger than 1,000 bytes"


def test_the_limit_holds_for_what_is_unpacked() -> None:
    bomb = gzip.compress(bytes(10_000_000))
    got = call_once(answering(lambda _: answer(bomb, content_encoding="gzip")), max_body_bytes=100_000)
    assert got.error == "answer larger than 100,000 bytes"


def test_what_cannot_be_unpacked_is_a_failure() -> None:
    got = call_once(answering(lambda _: answer(b"no gzip", content_encoding="gzip")))
    assert got.error is not None
    assert "failed to decode" in got.error
    assert "('" not in got.error


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nabc",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n",
    ],
)
def test_an_answer_that_is_cut_short_is_a_failure(data: bytes) -> None:
    def handle(connection: Connection) -> None:
        connection.receive()
        connection.send(data)

    got = call_once(handle)
    assert not got.ok
    assert got.error is not None
    assert got.error.startswith("connection lost after ")
    assert "IncompleteRead" in got.error


def test_a_connection_that_is_reset_is_a_failure() -> None:
    def handle(connection: Connection) -> None:
        connection.receive()
        connection.send(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc")
        connection.wait(0.05)
        connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    error = call_once(handle).error
    assert error == "connection lost after 3 bytes: [Errno 104] Connection reset by peer"


def test_a_large_answer_that_is_lost_says_how_much_of_it_came() -> None:
    def handle(connection: Connection) -> None:
        connection.receive()
        connection.send(b"HTTP/1.1 200 OK\r\ncontent-length: 5000000\r\n\r\n" + bytes(1_000_000))
        connection.wait(0.2)
        connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    error = call_once(handle).error
    assert error == "connection lost after 1,000,000 bytes: [Errno 104] Connection reset by peer"


def test_a_redirects_long_body_is_not_read_to_its_end() -> None:
    def handle(connection: Connection) -> None:
        while (received := connection.receive()) is not None:
            if received.path == "/there":
                connection.send(answer(b"done"))
            else:
                connection.send(
                    b"HTTP/1.1 303 See Other\r\nlocation: /there\r\ncontent-length: 999999999\r\n\r\n"
                )
                connection.send(b"x" * 200_000)

    assert call_once(handle).body == b"done"
