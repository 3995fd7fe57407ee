"""SIGTERM, which CI systems send, ends a session as Ctrl-C does: with its reports, and nothing left running."""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType

    import pytest


def terminate_like_interrupt(config: pytest.Config) -> None:
    """Until `config` is done with, SIGTERM raises KeyboardInterrupt. Elsewhere than in a main thread, do nothing."""
    if threading.current_thread() is not threading.main_thread():
        return

    def interrupt(signum: int, frame: FrameType | None) -> None:
        del signum, frame
        raise KeyboardInterrupt("SIGTERM")

    previous = signal.signal(signal.SIGTERM, interrupt)

    def restore() -> None:
        signal.signal(signal.SIGTERM, previous)

    config.add_cleanup(restore)
