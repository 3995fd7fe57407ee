"""What happens to containers, and where it is told: to a person, or to a file of JSON lines."""

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


@contextmanager
def written_to(path: Path | None, then: Callable[[Event], None]) -> Generator[Callable[[Event], None]]:
    """Append each event to a file, at once, before `then` hears of it; without a path, `then` alone does.

    Raises `OSError` if the file cannot be opened.
    """
    if path is None:
        yield then
        return
    with path.open("a", encoding="utf-8", buffering=1) as file:

        def write(event: Event) -> None:
            file.write(json.dumps(event._asdict()) + "\n")
            then(event)

        yield write
