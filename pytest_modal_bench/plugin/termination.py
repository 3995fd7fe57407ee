"""SIGTERM, which CI systems send, ends a session as Ctrl-C does: with its reports, and nothing left running."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from types import FrameType


class Termination:
    """Raises KeyboardInterrupt on SIGTERM: at once, but between the phases of a test only where the next one begins.

    Between them other plugins' hook wrappers run, and pluggy warns of an old-style one in which something is raised.
    Where warnings are errors, a session that was stopped there would end as an internal error, not as interrupted.
    """

    def __init__(self) -> None:
        self._holding = False
        self._came = False

    def on_signal(self, number: int, frame: FrameType | None) -> None:
        """The signal's handler."""
        del number, frame
        if self._holding:
            self._came = True
        else:
            raise KeyboardInterrupt("SIGTERM")

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self) -> Generator[None, object, object]:
        """Hold, outside of all other wrappers."""
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
        if self._came:
            self._came = False
            raise KeyboardInterrupt("SIGTERM")


def terminate_like_interrupt(config: pytest.Config) -> None:
    """Until `config` is done with, SIGTERM raises KeyboardInterrupt. Elsewhere than in a main thread, do nothing."""
    if threading.current_thread() is not threading.main_thread():
        return
    termination = Termination()
    config.pluginmanager.register(termination, "modal-bench-termination")
    previous = signal.signal(signal.SIGTERM, termination.on_signal)

    def restore() -> None:
        signal.signal(signal.SIGTERM, previous)

    config.add_cleanup(restore)
