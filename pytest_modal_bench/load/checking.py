"""Decodes and checks a share of the answers, beside the calls: as many as leave the generator its time.

What of an endpoint's answers is a stream is always read: its times are in it. Of other answers the first is checked,
and then one whenever the one before is done and has been followed by a long enough rest.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

REST = 24.0
"""Seconds without a check for each second of checking: at most 4 % of the time, however many calls there are."""


class Checker:
    """One check at a time, in a thread of its own."""

    def __init__(self) -> None:
        self.problem: Exception | None = None
        """Why a check could not be made: trouble of this machine. None: there was none."""
        self._job: Callable[[], None] | None = None
        self._instead: Callable[[], None] | None = None
        self._changed = threading.Condition()
        self._rests_until = 0.0
        self._closed = False
        self._thread = threading.Thread(target=self._work, name="modal-bench-checker", daemon=True)
        self._thread.start()

    @property
    def is_free(self) -> bool:
        """Whether it would take a check now."""
        return self._job is None and time.monotonic() >= self._rests_until

    def check(self, job: Callable[[], None], instead: Callable[[], None]) -> None:
        """Have `job` done, which must only be given where it `is_free`; or `instead`, where that is given up."""
        with self._changed:
            self._job, self._instead = job, instead
            self._changed.notify_all()

    def finish(self, patience_sec: float) -> None:
        """Wait until it does nothing; what is not done by then is given up."""
        with self._changed:
            if (
                not self._changed.wait_for(lambda: self._job is None, patience_sec)
                and self._instead is not None
            ):
                self._instead()

    def close(self) -> None:
        """Take no more checks."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._job is not None or self._closed)
                job = self._job
            if job is None:
                return
            began = time.monotonic()
            try:
                job()
            except Exception as error:  # noqa: BLE001 - told by whoever looks
                self.problem = error
                if self._instead is not None:
                    self._instead()
            with self._changed:
                self._rests_until = time.monotonic() + REST * (time.monotonic() - began)
                self._job = self._instead = None
                self._changed.notify_all()
