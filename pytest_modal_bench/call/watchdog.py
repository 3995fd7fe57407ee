"""The thread that cuts calls off when they are due."""

from __future__ import annotations

import contextlib
import math
import queue
import threading
import time
from typing import TYPE_CHECKING, Protocol, Self

if TYPE_CHECKING:
    from types import TracebackType

_LOOK_SEC = 0.05
"""So often the watchdog looks while a call goes on: one that begins meanwhile need not wake it, and how late it comes
tells how busy the machine is."""


class Watched(Protocol):
    """A call that has a deadline."""

    @property
    def due(self) -> float:
        """When it is to be cut off, as `time.monotonic` has it."""

    def woke(self, at: float, meant: float) -> None:
        """Take note that it is looked at at moment `at`, and not when it was meant to be."""

    def cut_off(self) -> None:
        """End it, whatever it waits for."""


class Watchdog:
    """A thread that cuts calls off at their deadlines, however many there are. It runs from the first to `close`.

    A socket's timeout holds for one read, and the next read begins it anew: a server that drips would outlast the
    deadline. There is no lock here that Ctrl-C could leave locked: sets and queues need none.
    """

    def __init__(self) -> None:
        self._watched: set[Watched] = set()
        self._thread: threading.Thread | None = None
        self._calls: queue.SimpleQueue[bool] = queue.SimpleQueue()
        """Wakes the thread: to look once more, or (False) to end."""
        self._looks_at = math.inf
        """When the thread should look next, as `time.monotonic` has it."""

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End the thread."""
        self.close()

    def watch(self, call: Watched) -> None:
        """Cut `call` off when it is due, unless it is left alone before."""
        self._watched.add(call)
        if self._thread is None:
            self._start()
        elif call.due < self._looks_at:
            self._looks_at = time.monotonic()
            self._calls.put(True)

    def leave(self, call: Watched) -> None:
        """Leave `call` alone."""
        self._watched.discard(call)
        call.woke(time.monotonic(), self._looks_at)

    def close(self) -> None:
        """End the thread; the next call starts another."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._calls.put(False)
            with contextlib.suppress(RuntimeError):  # Ctrl-C came before it ran
                thread.join()

    def _start(self) -> None:
        # A queue of its own: a thread that never ran leaves behind what should have ended it.
        self._calls, self._looks_at = queue.SimpleQueue(), time.monotonic()
        self._thread = threading.Thread(
            target=self._run, args=(self._calls,), name="modal-bench-watchdog", daemon=True
        )
        try:
            self._thread.start()
        except BaseException:
            self.close()
            raise

    def _run(self, calls: queue.SimpleQueue[bool]) -> None:
        going_on = True
        while going_on:
            # In this order: a call that begins after the set was read wakes the thread.
            meant, self._looks_at = self._looks_at, math.inf
            now = time.monotonic()
            due = [self._look(call, now, meant) for call in tuple(self._watched)]
            if due:
                self._looks_at = min(now + _LOOK_SEC, *due)
            with contextlib.suppress(queue.Empty):
                going_on = calls.get(timeout=self._looks_at - now if due else None)

    def _look(self, call: Watched, now: float, meant: float) -> float:
        """Return when `call` is due, and cut it off if that is now; `meant`: when it should have been looked at."""
        call.woke(now, meant)
        if call.due > now:
            return call.due
        call.cut_off()
        self.leave(call)
        return math.inf
