from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING

import pytest
import requests

from pytest_modal_bench.call.trace import Trace
from pytest_modal_bench.model import Phases

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_modal_bench.call.connection import Adapter
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


def test_a_phase_that_happens_twice_is_summed(watchdog: Watchdog) -> None:
    with Trace(5, watchdog) as trace:
        took = []
        for _ in range(2):
            with trace.timing("wait"):
                time.sleep(0.01)
            took.append(trace.latest_sec("wait"))
    assert min(took) >= 0.01
    assert sum(took) <= trace.elapsed_sec
    assert trace.phases == Phases(wait_sec=sum(took))


def test_our_own_work_before_a_connect_and_a_send_is_no_phases(watchdog: Watchdog) -> None:
    with Trace(5, watchdog) as trace:
        time.sleep(0.03)
        with trace.timing("connect"):
            time.sleep(0.01)
        time.sleep(0.03)
        trace.sent(time.monotonic(), more=False)
        counted_sec, elapsed_sec = trace.counted_sec, trace.elapsed_sec
    assert counted_sec == pytest.approx(trace.latest_sec("connect") + trace.latest_sec("send"))
    assert 0.01 <= counted_sec <= elapsed_sec - 0.06


def test_a_wait_begins_when_all_is_sent_and_ends_when_something_comes_last(watchdog: Watchdog) -> None:
    with Trace(5, watchdog) as trace:
        trace.sent(time.monotonic(), more=False)
        time.sleep(0.03)
        with trace.receiving("wait"):
            trace.received(1)
            time.sleep(0.03)
        assert 0.03 <= trace.latest_sec("wait") <= trace.elapsed_sec - 0.03
        assert trace.received_sec == pytest.approx(trace.counted_sec)
        # What came with the head is not waited for once more; what the server sends meanwhile is no work of ours.
        with trace.receiving("download"):
            pass
        assert trace.latest_sec("download") == 0.0
        with trace.receiving("download"):
            trace.received(1)
        assert trace.latest_sec("download") >= 0.03


def test_what_is_sent_in_two_pieces_is_sent_meanwhile(watchdog: Watchdog) -> None:
    with Trace(5, watchdog) as trace:
        trace.sent(time.monotonic(), more=False)
        time.sleep(0.01)
        trace.sent(time.monotonic(), more=True)
    assert trace.phases.send_sec == pytest.approx(trace.counted_sec)
    assert trace.counted_sec >= 0.01


def _sleep_in_vain() -> None:
    time.sleep(0.01)
    raise ValueError("gone")


def test_a_wait_in_vain_is_counted_to_its_end(watchdog: Watchdog) -> None:
    with Trace(5, watchdog) as trace, pytest.raises(ValueError, match="gone"), trace.receiving("wait"):
        _sleep_in_vain()
    assert trace.latest_sec("wait") >= 0.01


def test_a_phase_that_fails_is_counted(watchdog: Watchdog) -> None:
    with Trace(5, watchdog) as trace, pytest.raises(ValueError, match="gone"), trace.timing("send"):
        int("gone")
    assert trace.phases.send_sec is not None
    assert trace.latest_sec("download") == 0.0


def test_what_was_done_before_the_clock_starts_is_left_out(watchdog: Watchdog) -> None:
    with Trace(5, watchdog) as trace:
        time.sleep(0.05)
        before = trace.elapsed_sec
        trace.start_clock()
        assert trace.elapsed_sec < before


def test_a_held_socket_is_shut_down_at_the_deadline(
    pair: tuple[socket.socket, socket.socket], watchdog: Watchdog
) -> None:
    one, _ = pair
    with Trace(0.1, watchdog) as trace:
        trace.hold(one)
        before = trace.over
        assert one.recv(1) == b""
        assert (before, trace.over) == (False, True)
        assert 0.1 <= trace.elapsed_sec < 0.35
        assert trace.left_sec > 0


def test_a_socket_that_comes_too_late_is_shut_down_at_once(
    pair: tuple[socket.socket, socket.socket], watchdog: Watchdog
) -> None:
    first, late = pair
    with Trace(0.05, watchdog) as trace:
        trace.hold(first)
        first.recv(1)
        trace.hold(late)
        assert late.recv(1) == b""


def test_after_a_call_its_socket_is_left_alone(
    pair: tuple[socket.socket, socket.socket], watchdog: Watchdog
) -> None:
    one, other = pair
    with Trace(0.05, watchdog) as trace:
        trace.hold(one)
    time.sleep(0.1)
    other.send(b"x")
    assert one.recv(1) == b"x"


def test_the_deadline_counts_from_when_the_clock_starts(watchdog: Watchdog) -> None:
    one, other = socket.socketpair()
    with one, other, Trace(0.3, watchdog) as trace:
        time.sleep(0.2)
        trace.start_clock()
        trace.hold(one)
        assert one.recv(1) == b""
        assert trace.elapsed_sec >= 0.3
