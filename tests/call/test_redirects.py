from __future__ import annotations

import itertools
import logging
from typing import TYPE_CHECKING

import pytest
from client_calls import TOKEN, call, call_once
from measure_server import Connection, Server, answer, answering, redirect

from pytest_modal_bench.call.client import Client
from pytest_modal_bench.call.request import Request

if TYPE_CHECKING:
    from measure_server import Received

pytestmark = pytest.mark.usefixtures("nothing_left")


def test_a_result_is_fetched_with_get_and_the_same_credentials() -> None:
    def respond(received: Received) -> bytes:
        return redirect("/result?__modal_attempt_token=abc") if received.method == "POST" else answer(b"done")

    with Server(answering(respond)) as server:
        headers = {"Modal-Key": "wk-1", "Content-Type": "application/json", "X-Own": "1"}
        got = call(f"{server.url}/flux", headers=headers)
    post, result = server.received
    assert (got.ok, got.body, got.redirects) == (True, b"done", 1)
    assert got.url == f"{server.url}/result?__modal_attempt_token=[redacted]"
    assert (result.method, result.path, result.body) == ("GET", "/result?__modal_attempt_token=abc", b"")
    assert result.headers["modal-key"] == post.headers["modal-key"] == "wk-1"
    assert result.headers["x-own"] == "1"
    assert not {"content-type", "content-length"} & set(result.headers)
    assert server.connections == 1


def counting_down(received: Received) -> bytes:
    left = int(received.path.strip("/"))
    return redirect(f"/{left - 1}") if left else answer(b"done")


@pytest.mark.parametrize(("hops", "error"), [(30, None), (31, "Exceeded 30 redirects.")])
def test_thirty_redirects_are_followed(hops: int, error: str | None) -> None:
    with Server(answering(counting_down)) as server:
        got = call(f"{server.url}/{hops}")
    assert (got.ok, got.error, got.redirects) == (error is None, error, 30)
    assert len(server.received) == 31


def test_only_redirects_that_come_at_once_are_a_loop() -> None:
    turn = itertools.count()

    def handle(connection: Connection) -> None:
        while connection.receive() is not None:
            number = next(turn)
            if number % 8 == 7:
                # A busy client may look late, and so see less of it.
                connection.wait(0.3)
            connection.send(redirect("/x") if number < 34 else answer(b"done"))

    got = call_once(handle, held_after_sec=0.05)
    assert (got.error, got.redirects) == (None, 34)
    assert 0.2 < got.held_sec < got.elapsed_sec


def test_another_origin_gets_the_basic_headers_alone_and_so_does_the_first_one_after_it() -> None:
    names = (
        "authorization",
        "modal-key",
        "modal-secret",
        "cookie",
        "x-api-key",
        "x-from-env",
        "x-custom-token",
    )
    basic = {"user-agent": "bench", "accept": "*/*", "accept-encoding": "identity"}
    with Server(answering(lambda _: redirect(f"{first.url}/back"))) as second:

        def respond(received: Received) -> bytes:
            return answer(b"done") if received.path == "/back" else redirect(f"{second.url}/away")

        with Server(answering(respond)) as first, Client() as client:
            request = Request(
                method="POST",
                url=first.url,
                headers={**dict.fromkeys((*names, "X-Own", "Referer"), "value"), **basic},
            )
            got = client.call(request, deadline_sec=5, fresh=True)
    assert got.body == b"done"
    before, (away,), after = first.received[0], second.received, first.received[1]
    assert set(names) <= set(before.headers)
    for received in (away, after):
        assert received.headers.items() - {("host", received.headers["host"])} <= basic.items()


def test_a_basic_header_that_holds_a_secret_does_not_follow_either() -> None:
    with (
        Server(answering(lambda _: answer(b"done"))) as second,
        Server(answering(lambda _: redirect(second.url))) as first,
        Client() as client,
    ):
        request = Request(
            method="GET", url=first.url, headers={"Accept": TOKEN}, secret_headers=frozenset({"accept"})
        )
        assert client.call(request, deadline_sec=5, fresh=True).ok
    assert "accept" not in second.received[0].headers


@pytest.mark.parametrize("status", ["301 Moved Permanently", "302 Found", "303 See Other"])
@pytest.mark.parametrize(
    ("method", "then"), [("POST", "GET"), ("PUT", "GET"), ("GET", "GET"), ("HEAD", "HEAD")]
)
def test_a_redirect_is_read_and_not_sent_again(status: str, method: str, then: str) -> None:
    def respond(received: Received) -> bytes:
        return redirect("/there", status=status) if received.path == "/" else answer()

    with Server(answering(respond)) as server:
        assert call(server.url, method=method, body=None).ok
    assert [each.method for each in server.received] == [method, then]


@pytest.mark.parametrize("status", [307, 308])
def test_a_redirect_that_keeps_its_method_is_followed_only_for_reading(status: int) -> None:
    def respond(received: Received) -> bytes:
        return redirect("/there", status=f"{status} Redirect") if received.path == "/" else answer(b"done")

    with Server(answering(respond)) as server:
        assert call(server.url, method="GET", body=None).body == b"done"
        got = call(server.url)
    assert got.error == f"HTTP {status}: redirect of a POST is not followed: it would be sent twice"
    assert [each.method for each in server.received] == ["GET", "GET", "POST"]


@pytest.mark.parametrize(
    ("location", "error"),
    [
        (None, "HTTP 303: redirect without a Location"),
        ("ftp://127.0.0.1/x", "HTTP 303: redirect to an address that is neither http nor https"),
        ("file:///etc/passwd", "HTTP 303: redirect to an address that is neither http nor https"),
        ("http://user:password@127.0.0.1/", "HTTP 303: redirect to an address that holds credentials"),
        ("http://[::1", "HTTP 303: redirect to an address that is not valid"),
        ("http://127.0.0.1:port/", "HTTP 303: redirect to an address that is not valid"),
        ("https:///nowhere", "HTTP 303: redirect to an address that is not valid"),
    ],
)
def test_a_redirect_to_nowhere_is_a_failure(location: str | None, error: str) -> None:
    data = answer(status="303 See Other") if location is None else redirect(location)
    got = call_once(answering(lambda _: data))
    assert (got.ok, got.status, got.error) == (False, 303, error)


def test_a_location_may_be_relative_and_beyond_ascii() -> None:
    def respond(received: Received) -> bytes:
        return answer(b"done") if received.path.startswith("/a/") else redirect("../a/é?q=ü")

    with Server(answering(respond)) as server:
        assert call(f"{server.url}/b/c").body == b"done"
    assert server.received[1].path == "/a/%C3%A9?q=%C3%BC"


def test_a_result_urls_token_is_neither_told_nor_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    location = f"/x?__modal_attempt_token={TOKEN}"

    def respond(received: Received) -> bytes:
        return redirect(location) if received.method == "POST" else answer(b"gone", status="404 Gone")

    got = call_once(answering(respond))
    assert got.error == "HTTP 404: gone"
    assert TOKEN not in repr(got)
    assert TOKEN not in caplog.text
    assert "__modal_attempt_token=[redacted]" in caplog.text
