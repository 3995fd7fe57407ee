from __future__ import annotations

import contextlib
import socket
import threading
from types import SimpleNamespace

import pytest

from pytest_modal_bench.call import watchdog as watching
from pytest_modal_bench.call.trace import Trace
from pytest_modal_bench.call.watchdog import Watchdog


def test_one_thread_watches_all_calls_until_it_is_closed() -> None:
    before = set(threading.enumerate())
    with Watchdog() as watchdog:
        assert set(threading.enumerate()) == before
        with Trace(5, watchdog), Trace(5, watchdog):
            (first,) = set(threading.enumerate()) - before
        with Trace(5, watchdog):
            assert set(threading.enumerate()) - before == {first}
        watchdog.close()
        assert set(threading.enumerate()) == before
        with Trace(5, watchdog):
            assert len(set(threading.enumerate()) - before) == 1
    assert set(threading.enumerate()) == before


def test_each_call_is_cut_off_at_its_own_deadline(watchdog: Watchdog) -> None:
    pairs = [socket.socketpair() for _ in range(3)]
    traces = [Trace(seconds, watchdog) for seconds in (60, 0.2, 0.01)]
    with contextlib.ExitStack() as stack:
        for trace, (one, other) in zip(traces, pairs, strict=True):
            stack.enter_context(one)
            stack.enter_context(other)
            stack.enter_context(trace).hold(one)
        for one, _ in reversed(pairs[1:]):
            assert one.recv(1) == b""
        assert [trace.over for trace in traces] == [False, True, True]
        pairs[0][1].send(b"x")
        assert pairs[0][0].recv(1) == b"x"


def test_ctrl_c_while_the_thread_is_started_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    class BrokenOff(threading.Thread):
        def start(self) -> None:
            super().start()
            raise KeyboardInterrupt

    before = set(threading.enumerate())
    monkeypatch.setattr(watching, "threading", SimpleNamespace(Thread=BrokenOff))
    with pytest.raises(KeyboardInterrupt), Trace(5, Watchdog()):
        pytest.fail("it did not begin")
    assert set(threading.enumerate()) == before
