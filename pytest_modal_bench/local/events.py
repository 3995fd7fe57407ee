"""What happens to containers and calls, and where it is told: to a person, or to a file of JSON lines."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path


class Event(NamedTuple):
    """Something that happened to a container; `at` is Unix time in seconds."""

    at: float
    app: str
    container: str
    what: str
    """`started`, `stopped` (by the autoscaler or by order), or `died`."""


class Answered(NamedTuple):
    """A call that is over; `at` is Unix time in seconds."""

    at: float
    app: str
    container: str | None
    """The last one that had it; None: none came up."""
    path: str
    call: str
    status: int
    """As the client is told."""
    gpu_seconds: float | None
    """Simulated, unscaled, as the app stated them before a header could get lost; None: it did not."""
    cost_usd: float | None
    """Likewise."""
    what: str = "answered"


Entry = Event | Answered
"""A line of the log."""


@contextmanager
def written_to(path: Path | None, then: Callable[[Entry], None]) -> Generator[Callable[[Entry], None]]:
    """Append each event to a file, at once, before `then` hears of it; without a path, `then` alone does.

    Raises `OSError` if the file cannot be opened.
    """
    if path is None:
        yield then
        return
    with path.open("a", encoding="utf-8", buffering=1) as file:

        def write(event: Entry) -> None:
            file.write(json.dumps(event._asdict()) + "\n")
            then(event)

        yield write
