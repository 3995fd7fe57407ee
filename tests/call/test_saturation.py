"""Whether a call is marked as made while the machine was busy. Nothing here believes that this machine is not."""

from __future__ import annotations

import queue
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from measure_server import Connection, Server, answer, answering

from pytest_modal_bench.call import saturation
from pytest_modal_bench.call import trace as tracing
from pytest_modal_bench.call import watchdog as watching
from pytest_modal_bench.call.client import Client
from pytest_modal_bench.call.request import Request
from pytest_modal_bench.call.saturation import Saturation

if TYPE_CHECKING:
    from pytest_modal_bench.call.answer import Answer


def load_average(monkeypatch: pytest.MonkeyPatch, load: float) -> None:
    monkeypatch.setattr(
        saturation, "os", SimpleNamespace(getloadavg=lambda: (load, 0.0, 0.0), cpu_count=lambda: 2)
    )


def reason(
    monkeypatch: pytest.MonkeyPatch, *, took: float, late: float = 0.0, cpu: float = 0.0
) -> str | None:
    clocks = SimpleNamespace(monotonic=lambda: 100 + took, thread_time=lambda: 7 + cpu)
    monkeypatch.setattr(saturation, "time", clocks)
    return Saturation(100, 7).reason(late)


@pytest.mark.parametrize(
    ("took", "late", "cpu", "says"),
    [
        (0.1, 0.019, 0.0, None),
        (0.1, 0.021, 0.0, "this process woke 0.02 s late"),
        (10.0, 0.49, 0.0, None),
        (10.0, 0.51, 0.0, "this process woke 0.51 s late"),
        (0.03, 0.0, 0.019, None),
        (0.03, 0.0, 0.021, "this process computed for 0.02 of 0.03 s"),
        (1.0, 0.0, 0.49, None),
        (1.0, 0.0, 0.51, "this process computed for 0.51 of 1.00 s"),
        (1.0, 0.2, 0.6, "this process woke 0.20 s late; this process computed for 0.60 of 1.00 s"),
    ],
)
def test_a_busy_machine_shows_in_a_late_timer_or_in_computing(
    monkeypatch: pytest.MonkeyPatch, took: float, late: float, cpu: float, says: str | None
) -> None:
    load_average(monkeypatch, 0.5)
    assert reason(monkeypatch, took=took, late=late, cpu=cpu) == says


def test_a_load_average_is_named_but_proves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    load_average(monkeypatch, 9.06)
    assert reason(monkeypatch, took=1.0) is None
    late = reason(monkeypatch, took=1.0, late=0.3)
    assert late == "this process woke 0.30 s late; load average 9.1 on 2 cores"
    load_average(monkeypatch, 4.0)
    assert reason(monkeypatch, took=1.0, late=0.3) == "this process woke 0.30 s late"


def answered_after(seconds: float) -> Answer:
    def handle(connection: Connection) -> None:
        if connection.receive() is not None:
            connection.wait(seconds)
            connection.send(answer(b"ok"))

    with Server(handle) as server, Client() as client:
        request = Request(method="GET", url=server.url, headers={}, body=None)
        return client.call(request, deadline_sec=60, fresh=True)


class LateQueue:
    """Whoever waits for something that does not come waits for longer."""

    def __init__(self) -> None:
        self._queue = queue.SimpleQueue[bool]()
        self.put = self._queue.put

    def get(self, timeout: float | None) -> bool:
        try:
            return self._queue.get(timeout=timeout)
        except queue.Empty:
            time.sleep(0.1)
            raise


def test_a_call_whose_watchdog_is_late_is_marked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "queue", SimpleNamespace(SimpleQueue=LateQueue, Empty=queue.Empty))
    got = answered_after(0.3)
    assert got.ok
    assert got.client_busy is not None
    assert got.client_busy.startswith("this process woke 0.")


def test_a_watchdog_that_has_not_woken_when_the_call_ends_was_late(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching.Watchdog, "_run", lambda _, calls: calls.get())
    got = answered_after(0.3)
    assert got.client_busy is not None
    assert got.client_busy.startswith("this process woke 0.")


def test_a_call_on_a_quiet_machine_is_not_marked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracing.Trace, "woke", lambda *_: None)
    monkeypatch.setattr(
        saturation, "time", SimpleNamespace(monotonic=time.monotonic, thread_time=lambda: 0.0)
    )
    assert answered_after(0.05).client_busy is None


def test_a_call_that_fails_is_marked_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Saturation, "reason", lambda *_: "busy")
    with Server(answering(lambda _: answer(b"no", status="500 Oops"))) as server, Client() as client:
        request = Request(method="GET", url=server.url, headers={}, body=None)
        got = client.call(request, deadline_sec=60, fresh=True)
    assert (got.ok, got.client_busy) == (False, "busy")
