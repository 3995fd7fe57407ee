from __future__ import annotations

import signal
import threading

import pytest

from pytest_modal_bench.safety.signals import deferred_signals, held_signals


def test_a_signal_that_comes_in_between_is_delivered_when_it_is_done() -> None:
    done = []

    def interrupted() -> None:
        with deferred_signals():
            signal.raise_signal(signal.SIGINT)
            done.append("all of it")

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert done == ["all of it"]


def test_it_is_delivered_where_what_was_done_has_failed_too() -> None:
    def interrupted_and_broken() -> None:
        with deferred_signals():
            signal.raise_signal(signal.SIGINT)
            raise ValueError("broken")

    with pytest.raises(KeyboardInterrupt) as raised:
        interrupted_and_broken()
    assert isinstance(raised.value.__context__, ValueError)


def test_held_signals_are_handed_over_each_once_and_then_nothing_is_as_it_was_not() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with held_signals() as came:
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGTERM)
    assert came == [signal.SIGTERM, signal.SIGINT]
    assert signal.getsignal(signal.SIGTERM) is before


def test_in_another_thread_nothing_is_held_and_nothing_breaks() -> None:
    seen: list[list[int]] = []

    def run() -> None:
        with held_signals() as came:
            seen.append(came)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert seen == [[]]
