"""The log of the local workspace: what happens to containers and calls, as entries that go to a file or a terminal.

Moments are seconds on the machine's monotonic clock, as `time.monotonic()` gives them: on Linux that is one clock for
all processes, so that a client on the same machine can compare its own moments with them.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path


class ContainerEvent(NamedTuple):
    """What happened to a container; `at` is Unix time in seconds."""

    at: float
    app: str
    container: str
    what: str
    """`started` (asked for), `up` (takes inputs), `stopped` (by the autoscaler or by order), or `died`."""
    moment: float
    """The same as `at`, on the clock of moments."""


class EndedCall(NamedTuple):
    """A call that is over; `at` is Unix time in seconds, and so is no moment."""

    at: float
    app: str
    container: str | None
    """The last container that had the call; None: none had it."""
    path: str
    call: str | None
    """Modal's id of the call; None: it was refused before it got one."""
    status: int | None
    """The HTTP status that the client gets, if it waits for that; None: no answer was made."""
    received: float
    """The moment at which all of the request was there."""
    began: float | None
    """The moment at which its last container took it; None: none had it."""
    ended: float
    """The moment at which its container was done with it, or at which it was given up."""
    number: int | None
    """1 for the first call that its container took, 2 for the next; None: no container had it."""
    startup_sec: float | None
    """How long its container took to start, if the call waited for that; None: it did not."""
    gpu_seconds: float | None = None
    """Simulated, unscaled, as the app's header states them, even if the client does not get it; None: not stated."""
    cost_usd: float | None = None
    """As the app's header states it; None: not stated."""
    what: str = "answered"
    """`answered`, `refused` (by the edge: no container was asked), or `cancelled`."""


LogEntry = ContainerEvent | EndedCall
"""One entry of the log; in a file, one line of JSON."""


@contextmanager
def log_to(path: Path | None, then: Callable[[LogEntry], None]) -> Generator[Callable[[LogEntry], None]]:
    """Append each entry to a file at once, then pass it to `then`; without a path, only pass it to `then`.

    Raises `OSError` if the file cannot be opened.
    """
    if path is None:
        yield then
        return
    with path.open("a", encoding="utf-8", buffering=1) as file:

        def write(entry: LogEntry) -> None:
            file.write(json.dumps(entry._asdict()) + "\n")
            then(entry)

        yield write
