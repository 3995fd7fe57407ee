from __future__ import annotations

import socket
import ssl
import struct
import subprocess
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from measure_server import Connection, Server, answer

from pytest_modal_bench.call.client import Client
from pytest_modal_bench.call.request import Request
from pytest_modal_bench.protocol.sampling import as_sample

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pytest_modal_bench.call.answer import Answer

closed = threading.Event()


@pytest.fixture(autouse=True)
def nothing_closed_yet() -> Iterator[None]:
    closed.clear()
    yield
    closed.set()


def serves_once(connection: Connection, data: bytes = b"") -> None:
    if connection.receive() is not None:
        connection.send(data or answer(b"ok"))


def closes(connection: Connection) -> None:
    serves_once(connection)
    connection.socket.shutdown(socket.SHUT_RDWR)
    closed.set()


def resets(connection: Connection) -> None:
    serves_once(connection)
    connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.socket.close()
    closed.set()


def closes_after_a_while(connection: Connection) -> None:
    serves_once(connection, answer(b"ok", keep_alive="timeout=1"))
    connection.wait(0.1)
    connection.socket.shutdown(socket.SHUT_RDWR)
    closed.set()


def speaks_http_1_0(connection: Connection) -> None:
    serves_once(connection, b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok")
    connection.socket.shutdown(socket.SHUT_RDWR)
    closed.set()


def announces_it(connection: Connection) -> None:
    serves_once(connection, answer(b"ok", connection="close"))
    connection.socket.shutdown(socket.SHUT_RDWR)
    closed.set()


def says_goodbye_and_stays(connection: Connection) -> None:
    serves_once(connection)
    connection.wait(0.05)
    connection.send(answer(status="408 Request Timeout"))
    closed.set()
    connection.hold()


HANDLERS = [
    closes,
    resets,
    closes_after_a_while,
    speaks_http_1_0,
    announces_it,
    says_goodbye_and_stays,
]


def post(server: Server) -> Request:
    return Request(method="POST", url=server.url, body=b"{}")


def calls(client: Client, server: Server, count: int) -> list[Answer]:
    answers = []
    for _ in range(count):
        closed.clear()
        answers.append(client.call(post(server), deadline_sec=5, fresh=False))
        assert closed.wait(60)
        time.sleep(0.02)  # until the kernel has told
    return answers


def assert_marked(answers: list[Answer]) -> None:
    assert [each.error for each in answers] == [None] * len(answers)
    assert [each.reconnected for each in answers] == [False] + [True] * (len(answers) - 1)
    assert all(each.phases.connect_sec is not None for each in answers)
    sample = as_sample(answers[-1], start="warm", seed=1)
    assert (sample.start, sample.reconnected) == ("warm", True)


@pytest.mark.parametrize("handle", HANDLERS)
def test_a_connection_closed_between_calls_is_opened_anew_and_the_sample_says_so(
    handle: Callable[[Connection], None],
) -> None:
    with Server(handle) as server, Client() as client:
        assert_marked(calls(client, server, 3))
    assert len(server.received) == server.connections == 3


def test_so_is_one_that_tls_has_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "certificate.pem"
    command = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=here"
    )
    names = ["-addext", "subjectAltName=IP:127.0.0.1", "-addext", "keyUsage=digitalSignature,keyCertSign"]
    subprocess.run(
        [*command.split(), *names, "-keyout", path.with_suffix(".key"), "-out", path],
        check=True,
        capture_output=True,
    )
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(path))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path, path.with_suffix(".key"))

    def handle(connection: Connection) -> None:
        serves_once(connection)
        assert isinstance(connection.socket, ssl.SSLSocket)
        connection.socket.settimeout(0.2)
        try:
            connection.socket.unwrap()  # sends close_notify
        except OSError:
            pass
        finally:
            closed.set()

    with Server(handle, tls=context) as server, Client() as client:
        answers = calls(client, server, 3)
    assert_marked(answers)
    assert all(each.phases.tls_sec is not None for each in answers)


def test_a_connection_that_dies_before_the_first_byte_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    with Server(closes) as server, Client() as client:
        assert client.call(post(server), deadline_sec=5, fresh=False).ok
        assert closed.wait(60)
        time.sleep(0.02)
        # Nobody notices in time; but the kernel takes no byte.
        monkeypatch.setattr("urllib3.connection.HTTPConnection.is_connected", True)
        original, failed = socket.socket.send, list[bool]()

        def send(self: socket.socket, data: Any, *flags: int) -> int:
            if not failed and self.getpeername()[1] == server.port:
                failed.append(True)
                raise BrokenPipeError(32, "Broken pipe")
            return original(self, data, *flags)

        monkeypatch.setattr(socket.socket, "send", send)
        second = client.call(post(server), deadline_sec=5, fresh=False)
    assert failed
    assert (second.error, second.reconnected) == (None, True)
    assert len(server.received) == 2


def test_what_was_sent_is_not_sent_again() -> None:
    def handle(connection: Connection) -> None:
        serves_once(connection)
        connection.receive()

    with Server(handle) as server, Client() as client:
        assert client.call(post(server), deadline_sec=5, fresh=False).ok
        broken = client.call(post(server), deadline_sec=5, fresh=False)
    assert (broken.ok, broken.cause, broken.reconnected) == (False, "connection_lost", False)
    assert len(server.received) == 2


def test_a_fresh_connection_and_a_kept_one_are_no_reconnect() -> None:
    def handle(connection: Connection) -> None:
        while connection.receive() is not None:
            connection.send(answer(b"ok"))

    with Server(handle) as server, Client() as client:
        answers = [
            client.call(post(server), deadline_sec=5, fresh=fresh) for fresh in (True, False, True, False)
        ]
    assert [each.reconnected for each in answers] == [False] * 4


class Resolver:
    """Fails at the look-ups whose numbers it is given."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *failing: int) -> None:
        self.count = 0
        self._failing = failing
        self._look_up = socket.getaddrinfo
        monkeypatch.setattr(socket, "getaddrinfo", self)

    def __call__(self, host: str, *how: Any) -> Any:
        self.count += 1
        if self.count in self._failing:
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return self._look_up("127.0.0.1" if host == "app.invalid" else host, *how)


def test_a_name_that_is_not_found_once_between_two_calls_is_asked_for_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    resolver = Resolver(monkeypatch, 2)
    with Server(closes) as server, Client() as client:
        server.url = server.url.replace("127.0.0.1", "app.invalid")
        answers = calls(client, server, 2)
    assert_marked(answers)
    assert resolver.count == 3
    assert (answers[1].phases.connect_sec or 0) >= 0.1


def test_a_name_that_stays_unknown_or_was_never_known_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    resolver = Resolver(monkeypatch, 1, 3, 4)
    with Server(closes) as server, Client() as client:
        server.url = server.url.replace("127.0.0.1", "app.invalid")
        answers = [client.call(post(server), deadline_sec=5, fresh=True) for _ in range(3)]
    assert [each.cause for each in answers] == ["dns", None, "dns"]
    assert resolver.count == 4


def test_there_is_no_second_try_beyond_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    resolver = Resolver(monkeypatch, 2)
    with Server(closes) as server, Client() as client:
        server.url = server.url.replace("127.0.0.1", "app.invalid")
        assert client.call(post(server), deadline_sec=5, fresh=True).ok
        got = client.call(post(server), deadline_sec=0.09, fresh=True)
    assert (got.ok, resolver.count) == (False, 2)
