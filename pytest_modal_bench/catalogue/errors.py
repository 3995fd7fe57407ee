"""What is wrong with a catalogue, where, and the way out: always one line."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

_SHOWN = 80
LIKE = 0.75
"""From which likeness on a name is a misspelt one: `imgae` is, `voice` is no `video`."""


class CatalogueError(ValueError):
    """A catalogue that can't be used; its text is one line, with file, endpoint and field."""


class Place(NamedTuple):
    """Where in a catalogue something stands: file, endpoint or table, field, and what is in it."""

    parts: tuple[str, ...]

    def at(self, *parts: str) -> Place:
        """Return the place further in."""
        return Place((*self.parts, *parts))

    def error(self, problem: str) -> CatalogueError:
        """Return the error that says `problem` of this place."""
        file, table, fields = self.parts[0], self.parts[1:2], self.parts[2:]
        inside = [shown(".".join(each)) for each in (table, fields) if each]
        return CatalogueError(": ".join([_one_line(file), *inside, _one_line(problem)]))


def shown(text: str) -> str:
    """Return `text` fit for a message: control characters written out, and cut off where it is long."""
    line = _one_line(text)
    return line if len(line) <= _SHOWN else f"{line[: _SHOWN - 3]}..."


def way_out(word: str, known: Iterable[str]) -> str:
    """Return the name that `word` may have been meant as, or else all that are known."""
    names = list(known)
    close = difflib.get_close_matches(word, names, n=1, cutoff=LIKE)
    if close:
        return f"did you mean {shown(close[0])}?"
    return f"known: {', '.join(map(shown, names)) or 'none'}"


def _one_line(text: str) -> str:
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
