"""How reports and messages put things: counts in words, and outside text that no log reader obeys."""

from __future__ import annotations


def counted(number: int, noun: str) -> str:
    """Return `1 endpoint`, `3 endpoints`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def inert(line: str) -> str:
    """Return a line from outside so that a CI runner which reads the log finds no command in it.

    GitHub's runner takes `##[add-mask]` and its like for commands wherever they stand in a line; `::add-mask::` only
    counts at a line's beginning (actions/runner, ActionCommand.cs, `TryParse` and `TryParseV2`).
    """
    return line.replace("##[", "# #[")
