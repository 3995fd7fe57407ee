from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

import pytest

from pytest_modal_bench.call.client import Client
from pytest_modal_bench.call.proxies import unused_proxy
from pytest_modal_bench.call.request import Request

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_modal_bench.call.answer import Answer

PROXY = "http://user:s3cret@proxy.invalid:3128"


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


@pytest.fixture
def closed_port() -> Iterator[int]:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


def call(url: str, deadline_sec: float = 5) -> Answer:
    with Client() as client:
        return client.call(Request(method="GET", url=url), deadline_sec=deadline_sec, fresh=True)


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"])
def test_a_call_that_finds_no_connection_names_the_proxy_that_is_not_used(
    monkeypatch: pytest.MonkeyPatch, closed_port: int, variable: str
) -> None:
    monkeypatch.setenv(variable, PROXY)
    error = call(f"http://127.0.0.1:{closed_port}/").error or ""
    assert error.endswith(f"; {variable} is set, but proxies are not used")
    assert "s3cret" not in error


def test_a_name_that_is_not_found_names_it_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", PROXY)
    got = call("https://nothing.invalid/")
    assert got.cause == "dns"
    assert (got.error or "").endswith("; HTTPS_PROXY is set, but proxies are not used")


def test_a_connect_that_takes_too_long_names_it_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", PROXY)
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        address = full.getsockname()
        waiting = [socket.socket() for _ in range(4)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(address)
        got = call(f"http://127.0.0.1:{address[1]}/", deadline_sec=0.3)
        for each in waiting:
            each.close()
    assert got.error == "Timeout; ALL_PROXY is set, but proxies are not used"


def test_a_proxy_for_others_is_not_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", PROXY)
    assert unused_proxy("http://host.invalid/") is None
    monkeypatch.setenv("NO_PROXY", "host.invalid")
    assert unused_proxy("https://host.invalid/") is None
    assert unused_proxy("https://other.invalid/") == "HTTPS_PROXY"


def test_without_a_proxy_nothing_is_said(closed_port: int) -> None:
    assert "prox" not in (call(f"http://127.0.0.1:{closed_port}/").error or "prox")
