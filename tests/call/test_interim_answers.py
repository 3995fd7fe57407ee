from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from measure_server import Connection, Server, answer, answering

from pytest_modal_bench.call import connection as connections
from pytest_modal_bench.call.client import Client
from pytest_modal_bench.call.request import Request

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_modal_bench.call.answer import Answer

HINTS = b"HTTP/1.1 103 Early Hints\r\nlink: </style.css>; rel=preload\r\n\r\n"
PROCESSING = b"HTTP/1.1 102 Processing\r\n\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
UNKNOWN = b"HTTP/1.1 199 Whatever\r\ncontent-length: 5\r\n\r\n"


def call(handle: Callable[[Connection], None], **how: float) -> Answer:
    with Server(handle) as server, Client() as client:
        request = Request(method="POST", url=server.url, body=b"{}")
        return client.call(request, deadline_sec=how.get("deadline_sec", 5), fresh=True)


@pytest.mark.parametrize(
    "before",
    [HINTS, PROCESSING, CONTINUE, UNKNOWN, HINTS * 3 + PROCESSING + CONTINUE, HINTS * 500],
    ids=["103", "102", "100", "199", "mixed", "many"],
)
def test_interim_answers_are_read_past(before: bytes) -> None:
    got = call(answering(lambda _: before + answer(b"done", x_own="1")))
    assert (got.status, got.error, got.body) == (200, None, b"done")
    assert got.headers == {"content-length": "4", "x-own": "1"}


def test_the_connection_is_kept_after_them() -> None:
    with Server(answering(lambda _: HINTS + answer(b"done"))) as server, Client() as client:
        for _ in range(3):
            assert client.call(Request(method="GET", url=server.url), deadline_sec=5, fresh=False).ok
    assert server.connections == 1


def test_waiting_goes_on_to_the_final_answers_head() -> None:
    def handle(connection: Connection) -> None:
        connection.receive()
        for _ in range(3):
            connection.send(PROCESSING)
            connection.wait(0.05)
        connection.send(answer(b"done"))

    got = call(handle)
    assert got.ok
    assert (got.phases.wait_sec or 0) >= 0.14


def test_the_deadline_holds_while_they_come() -> None:
    def handle(connection: Connection) -> None:
        connection.receive()
        while not connection.server.closing.is_set():
            connection.send(PROCESSING)
            connection.wait(0.02)

    got = call(handle, deadline_sec=0.3)
    assert got.error == "Timeout"
    assert 0.3 <= got.elapsed_sec < 0.55


def test_a_server_that_sends_nothing_else_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "MOST_INTERIM", 10)
    got = call(answering(lambda _: HINTS * 11 + answer(b"done")))
    assert (got.error, got.cause) == ("more than 10 interim answers, and no final one", "application")


def test_a_switch_of_protocols_is_final() -> None:
    assert call(answering(lambda _: b"HTTP/1.1 101 Switching Protocols\r\n\r\n")).status == 101
