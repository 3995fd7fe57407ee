from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
import requests
from measure_server import Server, answer, answering

from pytest_modal_bench.call import connection
from pytest_modal_bench.call.connection import Adapter
from pytest_modal_bench.call.trace import Trace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_modal_bench.call.watchdog import Watchdog


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    one, other = socket.socketpair()
    with one, other:
        yield one, other


def send(adapter: Adapter, url: str) -> bytes:
    prepared = requests.Request("GET", url).prepare()
    with adapter.send(prepared, stream=True, timeout=(5, 5)) as response:
        return response.content


def test_a_hop_is_told_to_the_trace(watchdog: Watchdog) -> None:
    adapter = Adapter()
    with Server(answering(lambda _: answer(b"ok"))) as server:
        with Trace(5, watchdog) as first:
            assert send(adapter, server.url) == b"ok"
        with Trace(5, watchdog) as second:
            assert send(adapter, server.url) == b"ok"
        adapter.close()
    assert first.phases.connect_sec is not None
    assert second.phases.connect_sec is None
    for trace in (first, second):
        assert trace.phases.tls_sec is None
        assert trace.phases.send_sec is not None
        assert trace.phases.wait_sec is not None


def test_closing_closes_what_is_kept_at_once(watchdog: Watchdog) -> None:
    ended = threading.Event()

    def handle(connection: object) -> None:
        answering(lambda _: answer(b"ok"))(connection)  # type: ignore[arg-type] # a Connection
        ended.set()

    adapter = Adapter()
    with Server(handle) as server:
        with Trace(5, watchdog):
            send(adapter, server.url)
        assert not ended.is_set()
        adapter.close()
        assert ended.wait(60)


@pytest.mark.parametrize("where", ["connecting", "waiting"])
def test_a_call_that_is_broken_off_closes_its_connection_at_once(
    monkeypatch: pytest.MonkeyPatch, where: str, watchdog: Watchdog
) -> None:
    ended = threading.Event()

    def handle(peer: object) -> None:
        with suppress(OSError):  # it may be answering still
            answering(lambda _: answer(b"ok"))(peer)  # type: ignore[arg-type] # a Connection
        ended.set()

    connect = socket.socket.connect

    def broken_off(_: object) -> None:
        raise KeyboardInterrupt

    def connected_and_broken_off(live: socket.socket, where: tuple[str, int]) -> None:
        connect(live, where)
        raise KeyboardInterrupt

    if where == "waiting":
        monkeypatch.setattr("http.client.HTTPResponse.begin", broken_off)
    else:
        monkeypatch.setattr(socket.socket, "connect", connected_and_broken_off)
    with Server(handle) as server:
        with pytest.raises(KeyboardInterrupt) as caught, Trace(5, watchdog):
            send(Adapter(), server.url)
        assert caught.tb is not None, "what the frames hold is not collected"
        assert ended.wait(60)


def test_a_host_with_several_addresses_is_tried_at_each(
    monkeypatch: pytest.MonkeyPatch, watchdog: Watchdog
) -> None:
    def look_up(_: str, port: int, *__: object) -> list[object]:
        kind = (socket.AF_INET, socket.SOCK_STREAM, 6, "")
        return [(*kind, ("127.0.0.1", 1)), (*kind, ("127.0.0.1", port))]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    adapter = Adapter()
    with Server(answering(lambda _: answer(b"ok"))) as server, Trace(5, watchdog):
        assert send(adapter, f"http://two.invalid:{server.port}/") == b"ok"
        adapter.close()


def test_two_origins_in_turn_keep_a_connection_each(watchdog: Watchdog) -> None:
    adapter = Adapter()
    with (
        Server(answering(lambda _: answer(b"one"))) as one,
        Server(answering(lambda _: answer(b"two"))) as two,
        Trace(5, watchdog),
    ):
        got = [send(adapter, server.url) for server in (one, one, two, one, two)]
        assert got == [b"one", b"one", b"two", b"one", b"two"]
        assert (one.connections, two.connections) == (1, 1)
        adapter.close()
        assert send(adapter, one.url) == b"one"
        assert one.connections == 2
        adapter.close()


@pytest.mark.parametrize(("host", "threads"), [("127.0.0.1", 0), ("[::1]", 0), ("localhost", 1)])
def test_only_a_name_is_looked_up_in_a_thread(
    watchdog: Watchdog, monkeypatch: pytest.MonkeyPatch, host: str, threads: int
) -> None:
    started = []

    class Counted(threading.Thread):
        def start(self) -> None:
            started.append(self)
            super().start()

    monkeypatch.setattr(connection, "threading", SimpleNamespace(Thread=Counted))
    adapter = Adapter()
    with Server(answering(lambda _: answer(b"ok"))) as server, Trace(60, watchdog):
        with suppress(requests.ConnectionError):  # where the machine has no IPv6, or nothing listens there
            send(adapter, f"http://{host}:{server.port}/")
        adapter.close()
    assert len(started) == threads


def test_many_addresses_that_do_not_answer_take_no_longer_than_the_deadline(
    watchdog: Watchdog, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited = []

    def connect(live: socket.socket, _: object) -> None:
        waited.append(live.gettimeout() or 0.0)
        time.sleep(waited[-1])
        raise TimeoutError

    monkeypatch.setattr(socket.socket, "connect", connect)
    where = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 1))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: [where] * 50)
    prepared = requests.Request("GET", "http://many.invalid/").prepare()
    with Trace(0.5, watchdog) as trace:
        with pytest.raises(requests.ConnectTimeout):
            Adapter().send(prepared, stream=True, timeout=(0.2, 0.5))
        assert trace.over
    assert len(waited) <= 4
    assert sum(waited) <= 0.6
