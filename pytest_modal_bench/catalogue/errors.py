"""What is wrong with a catalogue, where, and the way out: always one line."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

_SHOWN = 80


class CatalogueError(ValueError):
    """A catalogue that can't be used; its text is one line, with file, endpoint and field."""


class Place(NamedTuple):
    """Where in a catalogue something stands: the file, then the endpoint or table, then the field."""

    parts: tuple[str, ...]

    def at(self, *parts: str) -> Place:
        """Return the place further in."""
        return Place((*self.parts, *parts))

    def error(self, problem: str) -> CatalogueError:
        """Return the error that says `problem` of this place."""
        return CatalogueError(": ".join([*map(shown, self.parts), problem]))


def shown(text: str) -> str:
    """Return `text` fit for one line: control characters written out, and cut off where it is long."""
    printable = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return printable if len(printable) <= _SHOWN else f"{printable[: _SHOWN - 3]}..."


def way_out(word: str, known: Iterable[str]) -> str:
    """Return the name that `word` may have been meant as, or else all that are known."""
    names = list(known)
    close = difflib.get_close_matches(word, names, n=1)
    if close:
        return f"did you mean {shown(close[0])}?"
    return f"known: {', '.join(map(shown, names)) or 'none'}"
