"""How reports and messages put things: counts in words, and outside text that no log reader obeys."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def counted(number: int, noun: str) -> str:
    """Return `1 endpoint`, `3 endpoints`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def slug(text: str) -> str:
    """Return `text` as one word for `-k`: `Face Consistency` becomes `face-consistency`."""
    return "-".join("".join(c if c.isalnum() else " " for c in text.lower()).split())


def inert(line: str) -> str:
    """Return a line from outside so that a CI runner which reads the log finds no command in it.

    GitHub's runner takes `##[add-mask]` and its like for commands wherever they stand in a line; `::add-mask::` only
    counts at a line's beginning (actions/runner, ActionCommand.cs, `TryParse` and `TryParseV2`).
    """
    return line.replace("##[", "# #[")


_EXCEPTION = re.compile(r"^[\w.]*(?:Failed|Error|Exception): ")
_AROUND = " ;:,.()'\""
"""What stands around a reason that another one quotes."""


def once(lines: Iterable[str]) -> list[str]:
    """Return `lines` in their order, without those that another one says, alone or among other things."""
    kept = list(dict.fromkeys(lines))
    for line in [*kept]:
        # An exception's name adds nothing to what it says.
        said = _EXCEPTION.sub("", line)
        if any(line != other and _says(other, said) for other in kept):
            kept.remove(line)
    return kept


def _says(text: str, part: str) -> bool:
    before, found, after = text.partition(part)
    return bool(part and found) and before[-1:] in {"", *_AROUND} and after[:1] in {"", *_AROUND}
