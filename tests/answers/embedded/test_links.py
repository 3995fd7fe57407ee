from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import pytest
from measure_server import Server, answer, answering, redirect

from pytest_modal_bench.answers.embedded import links as module
from pytest_modal_bench.answers.embedded.links import Links
from pytest_modal_bench.call.client import Client
from pytest_modal_bench.call.failures import CallError
from pytest_modal_bench.call.request import Request

if TYPE_CHECKING:
    from collections.abc import Iterator

    from measure_server import Received

CATALOGUE = {
    "User-Agent": "us",
    "Accept": "*/*",
    "Authorization": "Bearer swordfish",
    "X-Team": "red",
    "Content-Type": "a/b",
}


@pytest.fixture
def client() -> Iterator[Client]:
    with Client() as client:
        yield client


def links_of(client: Client, url: str, *, deadline_sec: float = 20.0) -> Links:
    """What an answer from `url` links to."""
    request = Request(method="POST", url=url, headers=CATALOGUE, body=b"{}", secrets=frozenset({"swordfish"}))
    with Client() as caller:
        got = caller.call(request, deadline_sec=20, fresh=True)
    return Links(client, request, got, deadline_sec=deadline_sec)


def test_a_link_to_the_same_origin_is_fetched_with_the_headers_of_the_call(client: Client) -> None:
    with Server(answering(lambda _: answer(b"media", content_type="image/png"))) as server:
        links = links_of(client, f"{server.url}/make")
        got = links.fetch(f"{server.url}/made.png")
        sent = server.received[-1]

    assert (got.body, got.headers["content-type"]) == (b"media", "image/png")
    assert (sent.method, sent.path, sent.body) == ("GET", "/made.png", b"")
    assert sent.headers["authorization"] == "Bearer swordfish"
    assert sent.headers["x-team"] == "red"
    assert "content-type" not in sent.headers
    assert links.spent_sec == pytest.approx(got.elapsed_sec)


def test_a_link_elsewhere_is_fetched_with_none_of_the_catalogues_headers(client: Client) -> None:
    with (
        Server(answering(lambda _: answer(b"media"))) as here,
        Server(answering(lambda _: answer(b"m"))) as there,
    ):
        links_of(client, here.url).fetch(f"{there.url}/made.png")
        links_of(client, here.url).fetch(f"{here.url.replace('127.0.0.1', 'localhost')}/made.png")
        sent = [*there.received, here.received[-1]]

    assert [received.path for received in sent] == ["/made.png"] * 2
    for received in sent:
        assert set(received.headers) <= {"host", "user-agent", "accept", "accept-encoding", "connection"}


def test_the_answer_itself_stays_while_its_links_are_fetched() -> None:
    def respond(received: Received) -> bytes:
        return answer(b"x" * 5_000_000 if received.path == "/make" else b"y" * 6_000_000)

    with Server(answering(respond)) as server, Client() as caller, Client() as fetcher:
        request = Request(method="POST", url=f"{server.url}/make")
        got = caller.call(request, deadline_sec=20, fresh=True)
        fetched = Links(fetcher, request, got, deadline_sec=20).fetch(f"{server.url}/made")

        assert not isinstance(got.body, bytes)
        assert not isinstance(fetched.body, bytes)
        assert got.body.read_bytes() == b"x" * 5_000_000
        assert fetched.body.read_bytes() == b"y" * 6_000_000


def test_a_link_that_fails_says_why_and_keeps_its_cause_but_not_its_key(client: Client) -> None:
    with Server(answering(lambda _: answer(b"gone", status="404 Not Found"))) as server:
        links = links_of(client, server.url)
        with pytest.raises(CallError) as caught:
            links.fetch(f"{server.url}/made.png")
    assert (str(caught.value), caught.value.cause) == ("not fetched: HTTP 404: gone", "application")

    with pytest.raises(CallError) as caught:
        links.fetch(f"http://127.0.0.1:{_free_port()}/made.png?X-Amz-Signature=0123456789abcdef")
    assert caught.value.cause == "refused"
    assert "0123456789abcdef" not in str(caught.value)
    assert str(caught.value).startswith("not fetched: ")


@pytest.mark.parametrize(
    ("link", "said"),
    [
        ("https://user:word@a.test/x", "a link to an address that holds credentials"),
        ("http://[::1/x", "a link to an address that is not valid"),
        ("http://a.test:99999/x", "a link to an address that is not valid"),
    ],
)
def test_a_link_that_nobody_should_ask_is_not_asked(client: Client, link: str, said: str) -> None:
    with Server(answering(lambda _: answer(b"fine"))) as server:
        links = links_of(client, server.url)
        with pytest.raises(CallError) as caught:
            links.fetch(link)

    assert (str(caught.value), caught.value.cause) == (said, "invalid_output")
    assert links.spent_sec is None, "nothing was fetched"


def test_one_deadline_holds_for_all_links_of_an_answer(client: Client) -> None:
    with (
        Server(lambda connection: connection.hold()) as slow,
        Server(answering(lambda _: answer(b"{}"))) as server,
    ):
        links = links_of(client, server.url, deadline_sec=0.2)
        with pytest.raises(CallError) as caught:
            links.fetch(slow.url)
        assert (str(caught.value), caught.value.cause) == ("not fetched: Timeout", "timeout")
        with pytest.raises(CallError) as caught:
            links.fetch(f"{server.url}/quick")

    assert (str(caught.value), caught.value.cause) == ("Timeout: no time is left to fetch it", "timeout")
    assert [received.path for received in server.received] == ["/"]


def test_so_many_bytes_may_come_of_all_links_of_an_answer(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_BYTES", 10)
    with Server(answering(lambda _: answer(b"sixsix"))) as server:
        links = links_of(client, server.url)
        links.fetch(f"{server.url}/1")
        with pytest.raises(CallError, match=r"^not fetched: more than 10 bytes in all$"):
            links.fetch(f"{server.url}/2")


@pytest.fixture
def public_host(monkeypatch: pytest.MonkeyPatch) -> str:
    """A host of the public internet, as far as a client can see; its address leads here."""
    look_up, connect = socket.getaddrinfo, socket.socket.connect

    def resolve(host: str, *how: Any) -> Any:
        return look_up("93.184.216.34" if host == "public.test" else host, *how)

    def reach(self: socket.socket, where: Any) -> None:
        connect(self, ("127.0.0.1", where[1]) if where[0].startswith("93.") else where)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    monkeypatch.setattr(socket.socket, "connect", reach)
    return "public.test"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "169.254.169.254", "[::1]", "2130706433"])
def test_a_link_from_a_public_host_inwards_is_refused(client: Client, public_host: str, host: str) -> None:
    with Server(answering(lambda _: answer(b"secret"))) as server:
        links = links_of(client, f"http://{public_host}:{server.port}/make")
        with pytest.raises(CallError) as caught:
            links.fetch(f"http://{host}:{server.port}/latest/meta-data")

    assert str(caught.value) == (
        f"not fetched: link from a public host to {host.strip('[]')}, a loopback, link-local or private address, "
        "is not followed"
    )
    assert [received.path for received in server.received] == ["/make"]


def test_a_redirect_of_a_link_inwards_is_refused_too(client: Client, public_host: str) -> None:
    def respond(received: Received) -> bytes:
        return redirect(f"{server.url}/inside") if received.path == "/made" else answer(b"secret")

    with Server(answering(respond)) as server:
        links = links_of(client, f"http://{public_host}:{server.port}/make")
        with pytest.raises(CallError, match=r"redirect from a public host to 127\.0\.0\.1"):
            links.fetch(f"http://{public_host}:{server.port}/made")

    assert [received.path for received in server.received] == ["/make", "/made"]


def test_a_link_to_the_public_host_itself_is_fetched(client: Client, public_host: str) -> None:
    with Server(answering(lambda _: answer(b"media"))) as server:
        url = f"http://{public_host}:{server.port}"

        assert links_of(client, f"{url}/make").fetch(f"{url}/made").body == b"media"


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
    return port
