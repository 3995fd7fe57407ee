"""The log of the local workspace: what happens to containers and calls, as entries that go to a file or a terminal."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path


class ContainerEvent(NamedTuple):
    """A container started or ended; `at` is Unix time in seconds."""

    at: float
    app: str
    container: str
    what: str
    """`started`, `stopped` (by the autoscaler or by order), or `died`."""


class AnsweredCall(NamedTuple):
    """A call that is over; `at` is Unix time in seconds."""

    at: float
    app: str
    container: str | None
    """The last container that had the call; None: none came up."""
    path: str
    call: str
    status: int
    """The HTTP status that the client gets."""
    gpu_seconds: float | None
    """Simulated, unscaled, as the app's header states them, even if the client does not get it; None: not stated."""
    cost_usd: float | None
    """As the app's header states it; None: not stated."""
    what: str = "answered"


LogEntry = ContainerEvent | AnsweredCall
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
