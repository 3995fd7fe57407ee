"""Whether the client's machine was too busy to time a call: the process woke late, or it computed most of the time."""

from __future__ import annotations

import contextlib
import os
import time
from typing import NamedTuple, Self

LEAST_SEC = 0.02
"""What is shorter is noise of the scheduler."""
LATE_SHARE = 0.05
"""Of a call: by so much its time may be too long before anybody minds."""
CPU_SHARE = 0.5
"""Of a call: whoever computes for longer does not wait for a server."""
_LOAD_PER_CORE = 2.0


class Saturation(NamedTuple):
    """The clocks when a call began."""

    began: float
    cpu: float
    """Of this thread alone: the others' work shows when it makes this process wake late."""

    @classmethod
    def begin(cls) -> Self:
        """Read the clocks."""
        return cls(time.monotonic(), time.thread_time())

    def reason(self, late_sec: float) -> str | None:
        """Say why the time of the call that ends now may be too long; None: nothing speaks against it.

        `late_sec`: by how much a timer of this process has been late meanwhile, at most.
        """
        took_sec, cpu_sec = time.monotonic() - self.began, time.thread_time() - self.cpu
        signals = []
        if late_sec >= max(LEAST_SEC, LATE_SHARE * took_sec):
            signals.append(f"this process woke {late_sec:.2f} s late")
        if cpu_sec >= max(LEAST_SEC, CPU_SHARE * took_sec):
            signals.append(f"this process computed for {cpu_sec:.2f} of {took_sec:.2f} s")
        return "; ".join([*signals, *_load()]) if signals else None


def _load() -> list[str]:
    """Name a high load average. It is one of minutes: of a call it proves nothing."""
    with contextlib.suppress(OSError):
        load, cores = os.getloadavg()[0], os.cpu_count() or 1
        if load > _LOAD_PER_CORE * cores:
            return [f"load average {load:.1f} on {cores} cores"]
    return []
