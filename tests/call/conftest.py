from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import psutil
import pytest

from pytest_modal_bench.call.watchdog import Watchdog

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def watchdog() -> Iterator[Watchdog]:
    with Watchdog() as one:
        yield one


def sockets() -> set[object]:
    return {(each.fd, each.laddr, each.raddr) for each in psutil.Process().net_connections()}


@pytest.fixture
def nothing_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """See that a test's calls leave neither threads nor sockets."""
    threads_before, sockets_before = set(threading.enumerate()), sockets()
    yield
    if "httpbin" not in request.fixturenames:  # whose threads and sockets come and go as it likes
        assert set(threading.enumerate()) <= threads_before
        assert sockets() <= sockets_before
