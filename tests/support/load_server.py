"""A server on loopback for loads: answers each call after a while, and knows what it was asked for and when."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import measure_server

from pytest_modal_bench.load.means import Means
from pytest_modal_bench.model import Endpoint
from pytest_modal_bench.run.settings import Settings
from pytest_modal_bench.run.spending import Spending

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pytest_modal_bench.cost.ledger import Ledger

JSON = {"content_type": "application/json"}


class LoadServer:
    """What it has seen. Moments are those of `time.monotonic`."""

    def __init__(self, answer: Callable[[measure_server.Received], bytes], seconds: float) -> None:
        self.seconds = seconds
        """Between a request and its answer."""
        self.came: list[float] = []
        self.answered = 0
        self.most_at_once = 0
        self.url = ""
        self._answer = answer
        self._at_once = 0
        self._lock = threading.Lock()

    def handle(self, connection: measure_server.Connection) -> None:
        """Answer whatever comes, until nothing does."""
        while (received := connection.receive()) is not None:
            with self._lock:
                self.came.append(time.monotonic())
                self._at_once += 1
                self.most_at_once = max(self.most_at_once, self._at_once)
            try:
                connection.wait(self.seconds)
                connection.send(self._answer(received))
                with self._lock:
                    self.answered += 1
            finally:
                with self._lock:
                    self._at_once -= 1

    def wait_for(self, calls: int, patience_sec: float = 30.0) -> None:
        """Wait until so many have come."""
        deadline = time.monotonic() + patience_sec
        while len(self.came) < calls and time.monotonic() < deadline:
            time.sleep(0.01)
        assert len(self.came) >= calls, f"{len(self.came)} of {calls} calls came"


def good(_: measure_server.Received) -> bytes:
    """Answer with JSON."""
    return measure_server.answer(b'{"ok": true}', **JSON)


@contextmanager
def serving(
    answer: Callable[[measure_server.Received], bytes] = good,
    *,
    seconds: float = 0.0,
    tls: ssl.SSLContext | None = None,
) -> Iterator[LoadServer]:
    """Serve."""
    load_server = LoadServer(answer, seconds)
    with measure_server.Server(load_server.handle, tls=tls) as server:
        load_server.url = server.url
        yield load_server


def endpoint(server: LoadServer, **given: Any) -> Endpoint:
    """Return an endpoint of the server."""
    fixed = {"id": "flux", "name": "Flux", "path": "/flux", "app": "flux", "pool": "flux", "category": "Flux"}
    return Endpoint(**{**fixed, "url": server.url, "timeout": 60.0, "payload": {"seed": "{seed}"}, **given})


def settings(**given: Any) -> Settings:
    """Return settings of a run that is not on the local workspace."""
    unset: dict[str, Any] = dict.fromkeys(field.name for field in fields(Settings))
    return Settings(**unset | {"cold": "off", "time_scale": 1.0, "auto": False} | given)


def means(ledger: Ledger | None = None, **given: Any) -> Means:
    """Return what a load is made with: one process, unless more are asked for."""
    chosen = given.pop("settings", settings())
    spending = Spending(chosen, ledger, lambda: None)
    return Means(**{"settings": chosen, "spending": spending, "processes": 1, "seed": "0", **given})


def script(server: LoadServer, spec: str, path: Path) -> Path:
    """Write a program that puts the server under load, for tests that kill it."""
    path.write_text(
        f"""
import load_server, sys
from pytest_modal_bench.load import generators, spec
server = load_server.LoadServer(load_server.good, 0.0)
server.url = {server.url!r}
generators.run(load_server.endpoint(server), spec.parse({spec!r}), load_server.means(processes=2))
"""
    )
    return path
