from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import pytest
from measure_server import Received, Server, answer, answering, redirect

from pytest_modal_bench.call import following
from pytest_modal_bench.call.client import Client
from pytest_modal_bench.call.following import AddressError
from pytest_modal_bench.call.request import Request

if TYPE_CHECKING:
    from pytest_modal_bench.call.answer import Answer

HERE = "https://app.example/v1/submit"
SENT = Request(
    method="POST",
    url=HERE,
    headers={
        "Authorization": "Bearer s3cret",
        "X-Key": "k3y",
        "Accept": "*/*",
        "User-Agent": "mine",
        "Content-Type": "application/json",
    },
    body=b"{}",
    secret_headers=frozenset({"authorization", "x-key"}),
    secrets=frozenset({"s3cret"}),
)


@pytest.mark.parametrize(
    ("address", "url"),
    [
        ("/result/1", "https://app.example/result/1"),
        ("result/1?x=y", "https://app.example/v1/result/1?x=y"),
        ("?x=y", "https://app.example/v1/submit?x=y"),
        ("//cdn.example/a", "https://cdn.example/a"),
        ("HTTP://CDN.example:80/a b", "http://cdn.example/a%20b"),
        ("https://bücher.example/", "https://xn--bcher-kva.example/"),
    ],
)
def test_an_address_is_relative_to_where_it_stood(address: str, url: str) -> None:
    assert following.resolved(HERE, address).lower().replace(":80/", "/") == url


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("file:///etc/passwd", "an address that is neither http nor https"),
        ("javascript:alert(1)", "an address that is neither http nor https"),
        ("https://user@app.example/", "an address that holds credentials"),
        ("https://user:password@app.example/", "an address that holds credentials"),
        ("https://app.example:443@evil.example/", "an address that holds credentials"),
        ("http://[::1", "an address that is not valid"),
        ("http://app.example:port/", "an address that is not valid"),
        ("http:///nowhere", "an address that is not valid"),
    ],
)
def test_some_addresses_are_not_asked(address: str, says: str) -> None:
    with pytest.raises(AddressError, match=f"^{says}$"):
        following.get(SENT, HERE, address)


def test_the_same_origin_is_sent_all_but_what_belongs_to_a_body() -> None:
    asked = following.get(SENT, HERE, "/result/1")
    assert (asked.method, asked.body, asked.url) == ("GET", None, "https://app.example/result/1")
    assert asked.headers == {name: value for name, value in SENT.headers.items() if name != "Content-Type"}
    assert (asked.secrets, asked.secret_headers) == (SENT.secrets, SENT.secret_headers)


@pytest.mark.parametrize(
    ("here", "address"),
    [
        (HERE, "https://other.example/result"),
        (HERE, "http://app.example/result"),
        (HERE, "https://app.example:8443/result"),
        (HERE, "https://app.example\\.evil.example/result"),
        ("https://other.example/", "https://app.example/result"),
        ("https://other.example/", "/result"),
    ],
)
def test_another_origin_gets_nothing_of_the_catalogues(here: str, address: str) -> None:
    headers = following.get(SENT, here, address).headers
    if following.origin(following.resolved(here, address)) != following.origin(HERE) or here != HERE:
        assert headers == {"Accept": "*/*", "User-Agent": "mine"}
    else:
        assert following.resolved(here, address).startswith("https://app.example/")


def test_a_basic_header_that_holds_a_secret_stays_here() -> None:
    sent = Request(
        method="GET", url=HERE, headers={"User-Agent": "s3cret"}, secret_headers=frozenset({"user-agent"})
    )
    assert following.get(sent, HERE, "https://other.example/").headers == {}


# --- The client follows ---


def follow(client: Client, submitted: Request, address: str) -> Answer:
    named_by = client.call(submitted, deadline_sec=5, fresh=True)
    return client.follow(submitted, named_by, address, deadline_sec=5)


@pytest.fixture
def public_host(monkeypatch: pytest.MonkeyPatch) -> str:
    """A host of the public internet, as far as a client can see; its address leads here."""
    look_up, connect = socket.getaddrinfo, socket.socket.connect
    names = {"public.test": "93.184.216.34", "also-public.test": "93.184.216.35", "inside.test": "127.0.0.1"}

    def resolve(host: str, *how: Any) -> Any:
        return look_up(names.get(host, host), *how)

    def reach(self: socket.socket, where: Any) -> None:
        connect(self, ("127.0.0.1", where[1]) if where[0].startswith("93.") else where)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    monkeypatch.setattr(socket.socket, "connect", reach)
    return "public.test"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "inside.test", "[::ffff:127.0.0.1]"])
def test_a_public_hosts_answer_leads_to_no_address_inside(public_host: str, host: str) -> None:
    with Server(answering(lambda _: answer(b"secret"))) as server, Client() as client:
        submitted = Request(method="POST", url=f"http://{public_host}:{server.port}/submit")
        got = follow(client, submitted, f"http://{host}:{server.port}/inside")
    assert (got.ok, got.status, got.cause) == (False, None, "application")
    assert got.error == (
        f"link from a public host to {host.strip('[]')}, a loopback, link-local or private address, is not followed"
    )
    assert "/inside" not in {received.path for received in server.received}


@pytest.mark.parametrize("host", ["public.test", "also-public.test"])
def test_one_within_the_public_internet_is_asked(public_host: str, host: str) -> None:
    with Server(answering(lambda _: answer(b"done"))) as server, Client() as client:
        submitted = Request(method="POST", url=f"http://{public_host}:{server.port}/submit")
        assert follow(client, submitted, f"http://{host}:{server.port}/there").body == b"done"


def test_a_link_that_redirects_inside_is_refused_too(public_host: str) -> None:
    def respond(received: Received) -> bytes:
        inside = f"http://127.0.0.1:{server.port}/inside"
        return redirect(inside) if received.path == "/there" else answer(b"done")

    with Server(answering(respond)) as server, Client() as client:
        submitted = Request(method="POST", url=f"http://{public_host}:{server.port}/submit")
        got = follow(client, submitted, f"http://also-public.test:{server.port}/there")
    assert (got.ok, got.status) == (False, 303)
    assert "redirect from a public host to 127.0.0.1" in (got.error or "")


def test_what_answers_on_this_machine_may_lead_elsewhere_on_it() -> None:
    with Server(answering(lambda _: answer(b"done"))) as server, Client() as client:
        submitted = Request(method="POST", url=f"{server.url}/submit")
        assert follow(client, submitted, server.url.replace("127.0.0.1", "localhost")).body == b"done"


def test_an_answer_says_where_it_came_from_and_where_it_leads_but_shows_it_to_nobody() -> None:
    def respond(received: Received) -> bytes:
        if received.path == "/submit":
            return redirect("/held?__modal_attempt_token=s3cr3t-t0ken")
        return answer(b"", status="202 Accepted", location="/result/s3cr3t-t0ken")

    with Server(answering(respond)) as server, Client() as client:
        got = client.call(Request(method="POST", url=f"{server.url}/submit"), deadline_sec=5, fresh=True)
    assert got.here == f"{server.url}/held?__modal_attempt_token=s3cr3t-t0ken"
    assert got.location == "/result/s3cr3t-t0ken"
    assert "s3cr3t" not in f"{got!r} {got.url} {got.headers} {got.here!r} {got.location!r}"
    assert not got.public
