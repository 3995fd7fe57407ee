"""What must not be cut short is done to its end before a signal has its effect."""

from __future__ import annotations

import signal
import threading
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

# The hang-up of a terminal and pytest-timeout's alarm would cut things short as well.
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM)


@contextmanager
def held_signals() -> Iterator[list[int]]:
    """Let no signal cut this short; yield a list that fills with those that came, for whoever deals with them then.

    Masking them in this thread would not do: they would reach another one, the SDK's, and Python handles them here.
    """
    came: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        # Handlers run in the main thread alone.
        yield came
        return

    def remember(signum: int, frame: FrameType | None) -> None:
        del frame
        if signum not in came:
            came.append(signum)

    with ExitStack() as stack:
        for signum in _SIGNALS:
            handler = signal.getsignal(signum)
            # One that is not Python's could not be put back.
            if handler is not None:
                stack.callback(signal.signal, signum, handler)
                signal.signal(signum, remember)
        yield came


@contextmanager
def deferred_signals() -> Iterator[None]:
    """Let no signal cut this short; deliver those that came when it is done, also if it fails."""
    came: list[int] = []
    try:
        with held_signals() as came:
            yield
    finally:
        for signum in came:
            signal.raise_signal(signum)
