"""SIGTERM, which CI systems send, ends a session as Ctrl-C does: with its reports, and nothing left running.

A session that is ending already is not cut short by a second one of either: it puts back what it has changed, writes
its reports, and ends quietly.
"""

from __future__ import annotations

import atexit
import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from types import FrameType


class Termination:
    """Raises KeyboardInterrupt on a signal: at once, but between the phases of a test only where the next one begins.

    Between them other plugins' hook wrappers run, and pluggy warns of an old-style one in which something is raised.
    Where warnings are errors, a session that was stopped there would end as an internal error, not as interrupted.
    """

    def __init__(self) -> None:
        self._holding = False
        self._came: signal.Signals | None = None
        self.ending = False
        """Whether the session has been interrupted: it ends, and no other signal has an effect."""

    def on_signal(self, number: int, frame: FrameType | None) -> None:
        """The handler of SIGTERM and SIGINT."""
        del frame
        if self.ending:
            return
        if self._holding:
            self._came = signal.Signals(number)
        else:
            self._interrupt(signal.Signals(number))

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self) -> Generator[None, object, object]:
        """Hold, outside of all other wrappers. A test that begins says that nothing is ending."""
        self.ending = False
        self._holding = True
        try:
            return (yield)
        finally:
            self._release()

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_setup(self) -> Generator[None, None, None]:
        """Don't hold, inside of all other wrappers."""
        with self._free():
            yield

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_call(self) -> Generator[None, None, None]:
        """As in setup."""
        with self._free():
            yield

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_teardown(self) -> Generator[None, None, None]:
        """As in setup."""
        with self._free():
            yield

    @contextmanager
    def _free(self) -> Iterator[None]:
        self._release()
        try:
            yield
        finally:
            self._holding = True

    def _release(self) -> None:
        self._holding = False
        if self._came is not None:
            came, self._came = self._came, None
            self._interrupt(came)

    def _interrupt(self, number: signal.Signals) -> NoReturn:
        self.ending = True
        raise KeyboardInterrupt(*([number.name] if number != signal.SIGINT else []))


def terminate_like_interrupt(config: pytest.Config) -> None:
    """Until `config` is done with, SIGTERM and SIGINT raise KeyboardInterrupt, once.

    Elsewhere than in a main thread, do nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    termination = Termination()
    config.pluginmanager.register(termination, "modal-bench-termination")
    previous = {
        number: signal.signal(number, termination.on_signal)
        for number in (signal.SIGTERM, signal.SIGINT)
        # Whoever runs in the background may have been told to ignore Ctrl-C.
        if number == signal.SIGTERM or signal.getsignal(number) is signal.default_int_handler
    }

    def restore() -> None:
        for number, handler in previous.items():
            signal.signal(number, handler)
        if termination.ending:
            # What is left is the interpreter's own end.
            atexit.register(signal.signal, signal.SIGINT, signal.SIG_IGN)

    config.add_cleanup(restore)
