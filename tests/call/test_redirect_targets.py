from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import pytest
from measure_server import Server, answer, answering, redirect

from pytest_modal_bench.call import connection as connections
from pytest_modal_bench.call.addresses import is_public
from pytest_modal_bench.call.client import Client
from pytest_modal_bench.call.request import Request

if TYPE_CHECKING:
    from measure_server import Received


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.216.34", True),
        ("2606:2800:220:1:248:1893:25c8:1946", True),
        ("::ffff:93.184.216.34", True),
        ("64:ff9b::5db8:d822", True),
        ("127.0.0.1", False),
        ("127.9.9.9", False),
        ("0.0.0.0", False),  # noqa: S104 - nothing is bound
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("100.64.0.1", False),
        ("169.254.169.254", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("::1", False),
        ("::", False),
        ("fe80::1%eth0", False),
        ("fd00:ec2::254", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:169.254.169.254", False),
        ("::127.0.0.1", False),
        ("64:ff9b::7f00:1", False),
        ("2002:7f00:1::", False),
        ("ff02::1", False),
    ],
)
def test_an_address_is_public_or_not(address: str, public: bool) -> None:
    assert is_public(address) is public


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


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "inside.test",
        "2130706433",
        "0x7f.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "0.0.0.0",  # noqa: S104 - nothing is bound
    ],
)
@pytest.mark.parametrize("known", [False, True], ids=["unknown", "connected"])
def test_a_redirect_from_a_public_host_inwards_is_refused(public_host: str, host: str, known: bool) -> None:
    def respond(received: Received) -> bytes:
        return redirect(f"http://{host}:{server.port}/inside") if received.path == "/" else answer(b"secret")

    with Server(answering(respond)) as server, Client() as client:
        if known:
            client.call(
                Request(method="GET", url=f"http://{host}:{server.port}/before"), deadline_sec=5, fresh=True
            )
        request = Request(method="POST", url=f"http://{public_host}:{server.port}/")
        got = client.call(request, deadline_sec=5, fresh=False)
    assert (got.ok, got.status, got.cause) == (False, 303, "application")
    assert got.error == (
        f"HTTP 303: redirect from a public host to {host.strip('[]')}, a loopback, link-local or private address, "
        "is not followed"
    )
    assert "/inside" not in {received.path for received in server.received}


@pytest.mark.parametrize("host", ["public.test", "also-public.test"])
def test_a_redirect_within_the_public_internet_is_followed(public_host: str, host: str) -> None:
    def respond(received: Received) -> bytes:
        return redirect(f"http://{host}:{server.port}/there") if received.path == "/" else answer(b"done")

    with Server(answering(respond)) as server, Client() as client:
        request = Request(method="POST", url=f"http://{public_host}:{server.port}/")
        assert client.call(request, deadline_sec=5, fresh=True).body == b"done"


def test_a_redirect_from_one_loopback_address_to_another_is_followed() -> None:
    with (
        Server(answering(lambda _: answer(b"done"))) as second,
        Server(answering(lambda _: redirect(second.url.replace("127.0.0.1", "localhost")))) as first,
        Client() as client,
    ):
        assert client.call(Request(method="GET", url=first.url), deadline_sec=5, fresh=True).body == b"done"


def test_a_detour_through_a_public_host_is_refused_too(public_host: str) -> None:
    def respond(received: Received) -> bytes:
        there = {"/": f"http://{public_host}:{server.port}/1", "/1": f"{server.url}/2"}
        return redirect(there[received.path]) if received.path in there else answer(b"secret")

    with Server(answering(respond)) as server, Client() as client:
        got = client.call(Request(method="GET", url=f"{server.url}/"), deadline_sec=5, fresh=True)
    assert "is not followed" in (got.error or "")
    assert [received.path for received in server.received] == ["/", "/1"]


def test_one_private_address_among_public_ones_is_enough(
    public_host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "is_public", lambda address: address.startswith("93."))
    resolve = socket.getaddrinfo

    def mixed(host: str, *how: Any) -> Any:
        found = resolve(host, *how)
        return [*found, *resolve("127.0.0.1", *how)] if host == "also-public.test" else found

    monkeypatch.setattr(socket, "getaddrinfo", mixed)

    def respond(received: Received) -> bytes:
        return redirect(f"http://also-public.test:{server.port}/x") if received.path == "/" else answer(b"s")

    with Server(answering(respond)) as server, Client() as client:
        got = client.call(
            Request(method="GET", url=f"http://{public_host}:{server.port}/"), deadline_sec=5, fresh=True
        )
    assert "is not followed" in (got.error or "")
