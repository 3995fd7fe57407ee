from __future__ import annotations

import gzip
import http.client
import socket
import ssl
import subprocess
import threading
import time
import warnings
from typing import TYPE_CHECKING, Any

import pytest
import urllib3.connection
import waitress.server
from client_calls import TOKEN, call, call_once, get
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from measure_server import Connection, Server, answer, answering, redirect

from pytest_modal_bench.call.client import Client
from pytest_modal_bench.call.request import Request
from pytest_modal_bench.call.watchdog import Watchdog

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from measure_server import Received

    from pytest_modal_bench.call.answer import Answer

DEADLINE_SEC = 0.3
LONGER_SEC = (DEADLINE_SEC, 2.0, 8.0)
"""Deadlines for what has to get somewhere before it is cut off: a busy machine may need more than the first."""
ALLOWED_SEC = 2.0
"""How late the end of a call may be; without a deadline it would never end."""

pytestmark = pytest.mark.usefixtures("nothing_left")


def watching() -> int:
    return sum(thread.name == "modal-bench-watchdog" for thread in threading.enumerate())


def test_a_client_has_one_watchdog_until_it_is_closed() -> None:
    with Server(answering(lambda _: answer(b"ok"))) as server, Client() as client:
        for fresh in (True, False, True):
            assert client.call(get(server.url), deadline_sec=60, fresh=fresh).ok
            assert watching() == 1
        client.close()
        assert watching() == 0
        assert client.call(get(server.url), deadline_sec=60, fresh=False).ok


def test_clients_may_share_a_watchdog() -> None:
    with Server(answering(lambda _: answer(b"ok"))) as server, Watchdog() as watchdog:
        for _ in range(2):
            with Client(watchdog=watchdog) as one, Client(watchdog=watchdog) as other:
                for client in (one, other, one):
                    assert client.call(get(server.url), deadline_sec=60, fresh=True).ok
            assert watching() == 1


# --- an answer


def test_an_answer_is_kept_whole() -> None:
    def respond(received: Received) -> bytes:
        return answer(received.body[::-1], content_type="image/png", X_Cost_USD="0.25")

    with Server(answering(respond)) as server:
        got = call(f"{server.url}/flux?a=b", body=b"abc", headers={"X-Own": "1"})
    assert (got.ok, got.status, got.body, got.error) == (True, 200, b"cba", None)
    assert got.headers["x-cost-usd"] == "0.25"
    assert got.headers["content-type"] == "image/png"
    assert got.url == f"{server.url}/flux?a=b"
    assert (got.redirects, got.held_sec) == (0, 0.0)
    assert got.started_at.endswith("+00:00")
    (received,) = server.received
    assert (received.method, received.path) == ("POST", "/flux?a=b")
    assert received.headers["x-own"] == "1"


def test_a_request_without_body_sends_none() -> None:
    with Server(answering(lambda _: answer())) as server:
        call(server.url, method="GET", body=None)
        call(server.url, method="POST", body=None)
    assert [(each.method, each.headers.get("content-length")) for each in server.received] == [
        ("GET", None),
        ("POST", "0"),
    ]


def test_phases_add_up() -> None:
    def handle(connection: Connection) -> None:
        connection.receive()
        connection.wait(0.1)
        connection.send(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\na")
        connection.wait(0.1)
        connection.send(b"b")

    got = call_once(handle)
    phases = got.phases
    assert phases.connect_sec is not None
    assert phases.tls_sec is None
    assert phases.send_sec is not None
    assert phases.wait_sec is not None
    assert phases.download_sec is not None
    assert phases.wait_sec >= 0.09
    assert phases.download_sec > 0
    # Where the machine is busy the first byte is seen late: what the wait has more, the download has less.
    assert phases.wait_sec + phases.download_sec >= 0.18
    known = phases.connect_sec + phases.send_sec + phases.wait_sec + phases.download_sec
    assert known == pytest.approx(got.elapsed_sec, abs=1e-6)


@pytest.mark.parametrize("fresh", [True, False])
def test_our_own_work_is_not_the_servers_time(monkeypatch: pytest.MonkeyPatch, fresh: bool) -> None:
    slow_sec = 0.5
    put_request = urllib3.connection.HTTPConnection.putrequest
    parse_headers = http.client.parse_headers

    def slowly_put(*args: Any, **kwargs: Any) -> None:
        time.sleep(slow_sec)
        put_request(*args, **kwargs)

    def slowly_parse(file: Any) -> http.client.HTTPMessage:
        parsed = parse_headers(file)
        time.sleep(slow_sec)
        return parsed

    with Server(answering(lambda _: answer(b"x" * 200))) as server, Client() as client:
        client.call(get(server.url), deadline_sec=5, fresh=True)
        monkeypatch.setattr(urllib3.connection.HTTPConnection, "putrequest", slowly_put)
        monkeypatch.setattr(http.client, "parse_headers", slowly_parse)
        began = time.monotonic()
        got = client.call(get(server.url), deadline_sec=5, fresh=fresh)
        ended = time.monotonic()
        whole_sec = ended - began
    assert got.ok
    assert began + slow_sec <= got.began
    assert got.began + got.elapsed_sec <= ended - slow_sec
    assert whole_sec >= 2 * slow_sec
    assert got.elapsed_sec < slow_sec


# --- the deadline


def never_answers(connection: Connection) -> None:
    connection.receive()
    connection.hold()


def never_reads(connection: Connection) -> None:
    connection.hold()


def drips_its_head(connection: Connection) -> None:
    connection.receive()
    connection.send(b"HTTP/1.1 200 OK\r\nX-Long: ")
    connection.drip(b"x")


def drips_its_body(connection: Connection) -> None:
    connection.receive()
    connection.send(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n")
    connection.drip(b"x")


def drips_a_body_without_length(connection: Connection) -> None:
    connection.receive()
    connection.send(b"HTTP/1.0 200 OK\r\n\r\n")
    connection.drip(b"x")


def drips_chunks(connection: Connection) -> None:
    connection.receive()
    connection.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
    connection.drip(b"1\r\nx\r\n")


def drips_a_chunk_length(connection: Connection) -> None:
    connection.receive()
    connection.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
    connection.drip(b"0")


def drips_gzip_of_nothing(connection: Connection) -> None:
    connection.receive()
    connection.send(b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 100000\r\n\r\n")
    connection.send(gzip.compress(b"")[:10])
    connection.drip(b"\0\0\0\xff\xff")


def drips_a_redirects_body(connection: Connection) -> None:
    connection.receive()
    connection.send(b"HTTP/1.1 303 See Other\r\nlocation: /x\r\ncontent-length: 100000\r\n\r\n")
    connection.drip(b"x")


def asks_to_continue(connection: Connection) -> None:
    connection.receive()
    while not connection.server.closing.is_set():
        connection.send(b"HTTP/1.1 100 Continue\r\n\r\n")


def never_stops(connection: Connection) -> None:
    connection.receive()
    connection.send(b"HTTP/1.1 200 OK\r\n\r\n")
    while not connection.server.closing.is_set():
        connection.send(b"x" * 1000)
        connection.wait(0.001)


def holds_every_hop(connection: Connection) -> None:
    while connection.receive() is not None:
        connection.wait(0.06)
        connection.send(redirect("/again"))


BAD_SERVERS = [
    never_answers,
    never_reads,
    drips_its_head,
    drips_its_body,
    drips_a_body_without_length,
    drips_chunks,
    drips_a_chunk_length,
    drips_gzip_of_nothing,
    drips_a_redirects_body,
    asks_to_continue,
    never_stops,
    holds_every_hop,
]


def assert_timed_out(got: Answer, deadline_sec: float = DEADLINE_SEC) -> None:
    assert (got.ok, got.error) == (False, "Timeout")
    assert 0 <= got.elapsed_sec - deadline_sec < ALLOWED_SEC


def cut_off(make: Callable[[float], Answer], far_enough: Callable[[Answer], object]) -> tuple[Answer, float]:
    """The answer to a call that got far enough before its deadline, which grows until it does, in seconds."""
    for deadline_sec in LONGER_SEC:
        got = make(deadline_sec)
        if far_enough(got):
            break
    return got, deadline_sec


@pytest.mark.parametrize("handle", BAD_SERVERS)
def test_the_deadline_ends_a_call(handle: Callable[[Connection], None]) -> None:
    body = b"x" * (8 << 20) if handle is never_reads else b"{}"
    assert_timed_out(
        call_once(handle, body=body, deadline_sec=DEADLINE_SEC, held_after_sec=0.05, max_body_bytes=1 << 30)
    )


def drips_its_handshake(connection: Connection) -> None:
    connection.send(b"\x16\x03\x03\x40\x00")  # a TLS record of 16 KiB
    connection.drip(b"\0")


@pytest.mark.parametrize("handle", [never_reads, drips_its_handshake])
def test_the_deadline_ends_a_tls_handshake(handle: Callable[[Connection], None]) -> None:
    with Server(handle) as server:
        url = server.url.replace("http:", "https:")
        got, deadline_sec = cut_off(
            lambda deadline_sec: call(url, deadline_sec=deadline_sec), lambda got: got.phases.tls_sec
        )
    assert_timed_out(got, deadline_sec)
    assert got.phases.tls_sec is not None
    assert got.phases.send_sec is None


def test_the_deadline_ends_a_names_look_up(monkeypatch: pytest.MonkeyPatch) -> None:
    given_up, resolver_threads = threading.Event(), list[threading.Thread]()

    def look_up(*_: object) -> list[object]:
        resolver_threads.append(threading.current_thread())
        given_up.wait()
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    got = call("http://slow.invalid/", deadline_sec=DEADLINE_SEC)
    given_up.set()
    # On a busy machine the deadline may come before the thread has begun.
    for thread in resolver_threads:
        thread.join()
    assert_timed_out(got)


def test_a_held_chain_is_waiting() -> None:
    got, deadline_sec = cut_off(
        lambda deadline_sec: call_once(holds_every_hop, deadline_sec=deadline_sec, held_after_sec=0.05),
        lambda got: got.redirects > 1,
    )
    assert got.status is None
    assert 2 <= got.redirects <= deadline_sec / 0.06
    # The server may begin to wait before the client does, and ends sooner then. Less than 0.05 s is not held.
    assert got.redirects * 0.05 <= got.held_sec <= deadline_sec + ALLOWED_SEC


def test_the_next_call_after_a_timeout_is_a_call_like_any_other() -> None:
    def handle(connection: Connection) -> None:
        while (received := connection.receive()) is not None:
            if received.path == "/slow":
                connection.hold()
            connection.send(answer(b"ok"))

    with Server(handle) as server, Client() as client:
        slow = client.call(get(f"{server.url}/slow"), deadline_sec=0.2, fresh=False)
        quick = client.call(get(f"{server.url}/quick"), deadline_sec=5, fresh=False)
    assert (slow.error, quick.body) == ("Timeout", b"ok")


def test_what_came_before_a_timeout_is_kept() -> None:
    got, _ = cut_off(
        lambda deadline_sec: call_once(drips_its_body, deadline_sec=deadline_sec), lambda got: got.body
    )
    assert got.status == 200
    assert isinstance(got.body, bytes)
    assert set(got.body) == {ord("x")}


# --- connections


def test_connections_are_kept_unless_a_fresh_one_is_asked_for() -> None:
    with Server(answering(lambda _: answer(b"ok"))) as server, Client() as client:
        answers = [
            client.call(get(server.url), deadline_sec=5, fresh=fresh) for fresh in (False, False, True)
        ]
    assert server.connections == 2
    assert [each.phases.connect_sec is None for each in answers] == [False, True, False]


def test_a_connection_is_kept_after_a_chunked_answer() -> None:
    data = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
    with Server(answering(lambda _: data)) as server, Client() as client:
        for _ in range(3):
            assert client.call(get(server.url), deadline_sec=5, fresh=False).body == b"abc"
    assert server.connections == 1


def test_a_kept_connection_that_is_dead_is_replaced_before_anything_is_sent() -> None:
    closed = threading.Event()

    def handle(connection: Connection) -> None:
        connection.receive()
        connection.send(answer(b"ok"))
        connection.socket.shutdown(socket.SHUT_RDWR)
        closed.set()

    with Server(handle) as server, Client() as client:
        for _ in range(2):
            closed.clear()
            assert client.call(get(server.url), deadline_sec=5, fresh=False).ok
            assert closed.wait(60)
    assert (server.connections, len(server.received)) == (2, 2)


def test_a_post_whose_connection_breaks_is_not_sent_again() -> None:
    def handle(connection: Connection) -> None:
        connection.receive()
        connection.send(answer(b"ok"))
        connection.receive()

    with Server(handle) as server, Client() as client:
        request = Request(method="POST", url=server.url, body=b"{}")
        assert client.call(request, deadline_sec=5, fresh=False).ok
        broken = client.call(request, deadline_sec=5, fresh=False)
    assert broken.error == (
        "('Connection aborted.', RemoteDisconnected('Remote end closed connection without response'))"
    )
    assert len(server.received) == 2


@pytest.mark.parametrize("status", ["413 Too Large", "429 Too Many Requests", "503 Service Unavailable"])
def test_an_answer_that_says_when_to_come_back_is_not_tried_again(status: str) -> None:
    with Server(answering(lambda _: answer(b"later", status=status, retry_after="0"))) as server:
        assert call(server.url).error == f"HTTP {status[:3]}: later"
    assert len(server.received) == 1


def test_proxies_and_netrc_are_ignored(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with Server(answering(lambda _: answer(b"ok"))) as server:
        assert call(server.url).ok
    assert "authorization" not in server.received[0].headers


# --- TLS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tls") / "certificate.pem"
    command = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=loopback"
    )
    extensions = [
        "-addext",
        "subjectAltName=IP:127.0.0.1",
        "-addext",
        "keyUsage=digitalSignature,keyCertSign",
    ]
    subprocess.run(
        [*command.split(), *extensions, "-keyout", path.with_suffix(".key"), "-out", path],
        check=True,
        capture_output=True,
    )
    return path


@pytest.fixture
def trusted(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))


@pytest.fixture
def tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.with_suffix(".key"))
    return context


def test_a_certificate_that_nobody_vouches_for_is_refused(tls: ssl.SSLContext) -> None:
    with Server(answering(lambda _: answer(b"ok")), tls=tls) as server:
        got = call(f"{server.url}/x")
    assert got.error is not None
    assert got.error.startswith(
        f"HTTPSConnectionPool(host='127.0.0.1', port={server.port}): Max retries exceeded with url: /x "
        "(Caused by SSLError(SSLCertVerificationError("
    )
    assert server.received == []


@pytest.mark.usefixtures("trusted")
def test_a_certificate_from_the_environment_is_trusted(tls: ssl.SSLContext) -> None:
    with Server(answering(lambda _: answer(b"ok")), tls=tls) as server:
        got = call(server.url)
    assert (got.error, got.body) == (None, b"ok")
    assert got.phases.connect_sec is not None
    assert got.phases.tls_sec is not None
    assert got.phases.connect_sec + got.phases.tls_sec < got.elapsed_sec


@pytest.mark.usefixtures("trusted")
def test_a_dripping_body_over_tls_ends_at_the_deadline(tls: ssl.SSLContext) -> None:
    with Server(drips_its_body, tls=tls) as server:
        assert_timed_out(call(server.url, deadline_sec=DEADLINE_SEC))


def test_a_handshake_that_is_cut_off_is_told_as_requests_tells_it() -> None:
    def handle(connection: Connection) -> None:
        connection.socket.recv(1 << 16)

    with Server(handle) as server:
        got = call(f"{server.url.replace('http:', 'https:')}/qwen-image-edit-2511")
    assert got.error is not None
    assert got.error.startswith(
        f"HTTPSConnectionPool(host='127.0.0.1', port={server.port}): Max retries exceeded with url: "
        "/qwen-image-edit-2511 (Caused by SSLError("
    )


# --- failures


def test_an_http_error_is_told_with_its_body() -> None:
    data = answer(b"modal-http: internal error: function was terminated by signal\n", status="500 Oops")
    got = call_once(answering(lambda _: data))
    assert (got.ok, got.status) == (False, 500)
    assert got.error == "HTTP 500: modal-http: internal error: function was terminated by signal"


@pytest.mark.parametrize("status", ["304 Not Modified", "300 Multiple Choices"])
def test_whatever_is_no_success_is_a_failure(status: str) -> None:
    assert call_once(answering(lambda _: answer(status=status))).error == f"HTTP {status}"


def test_a_long_error_is_cut() -> None:
    got = call_once(answering(lambda _: answer(b"x" * 5000, status="500 Oops")))
    assert got.error == f"HTTP 500: {'x' * 1990}… (5,010 characters in all)"


def test_a_refused_connection_is_told_as_requests_tells_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    error = call(f"http://127.0.0.1:{port}/x").error or ""
    assert error.startswith(
        f"HTTPConnectionPool(host='127.0.0.1', port={port}): Max retries exceeded with url: /x "
    )
    assert "[Errno 111] Connection refused" in error
    assert "0x" not in error


@pytest.mark.parametrize(
    "url", ["http://", "nothing", "http://[::1", "http://127.0.0.1:port/", "ftp://127.0.0.1/"]
)
def test_an_address_that_is_none_is_a_failure(url: str) -> None:
    got = call(url)
    assert not got.ok
    assert got.error


# --- secrets


def test_a_secret_that_a_server_repeats_is_taken_out() -> None:
    def respond(received: Received) -> bytes:
        return answer(f"no access for {received.headers['authorization']}".encode(), status="403 No")

    got = call_once(answering(respond), headers={"Authorization": TOKEN})
    assert got.error == "HTTP 403: no access for [redacted]"
    assert TOKEN not in repr(got)


# --- whatever a server sends


@pytest.fixture
def said() -> list[bytes]:
    return []


@pytest.fixture
def babbler(said: list[bytes]) -> Iterator[Server]:
    def handle(connection: Connection) -> None:
        connection.receive()
        connection.send(said[-1])

    with Server(handle) as server:
        yield server


heads = st.sampled_from(
    [
        b"",
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip, deflate\r\n\r\n",
        b"HTTP/1.1 500 \x1b[31m\r\n\r\n",
        b"HTTP/1.1 500 Oops\r\n\r\n{",
        b"HTTP/1.1 303 See Other\r\nlocation: ",
        b"HTTP/1.1 200 OK\r\ncontent-length: ",
    ]
)


@given(head=heads, rest=st.binary(max_size=200))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_answer_makes_a_call_raise(babbler: Server, said: list[bytes], head: bytes, rest: bytes) -> None:
    said.append(head + rest)
    got = call(babbler.url, deadline_sec=0.5)
    assert got.ok == (got.error is None)
    assert got.error is None or (got.error.isprintable() and got.error == got.error.strip())


# --- a server that is not of this project


@pytest.fixture(scope="module")
def httpbin() -> Iterator[str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its dependencies
        import httpbin as package
    server = waitress.server.create_server(package.app, host="127.0.0.1", port=0, threads=4)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.effective_port}"
    server.close()
    thread.join()


@pytest.mark.parametrize(
    ("path", "status", "error"),
    [
        ("/image/png", 200, None),
        ("/gzip", 200, None),
        ("/delay/0.1", 200, None),
        ("/redirect/30", 200, None),
        ("/redirect/31", 302, "Exceeded 30 redirects."),
        ("/drip?duration=0.2&numbytes=5", 200, None),
        ("/drip?duration=6&numbytes=50", 200, "Timeout"),
        ("/delay/1", None, "Timeout"),
        ("/status/404", 404, "HTTP 404 NOT FOUND"),
        ("/status/500", 500, "HTTP 500 INTERNAL SERVER ERROR"),
    ],
)
def test_httpbin(httpbin: str, path: str, status: int | None, error: str | None) -> None:
    # Long enough for the head of an answer, however busy the machine is.
    deadline_sec = 2.0 if status and error == "Timeout" else DEADLINE_SEC if error == "Timeout" else 5.0
    got = call(httpbin + path, method="GET", body=None, deadline_sec=deadline_sec)
    assert (got.status, got.error, got.ok) == (status, error, error is None)
