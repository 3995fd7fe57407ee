"""Texts and names as cells of a table, none too wide, and what they cut, in full, for the lines below the table."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

from pytest_modal_bench.report.escape import MESSAGE_LIMIT, as_code, as_text, code, line, text, width

if TYPE_CHECKING:
    from collections.abc import Iterable

CELL_LIMIT = 80
"""Columns of text in a cell, at most. Prettier pads each cell of a column to the widest one, so without a limit one
long message would add megabytes of spaces to a table of hundreds of rows."""

_NAMED = 3
"""Endpoints that a line names; it counts the others. Hundreds of endpoints can fail for the same reason."""


def text_cell(raw: str, room: int = CELL_LIMIT) -> str:
    """Return `text(raw)` in at most `room` columns; if it is cut, it ends with `…`."""
    return as_text(_fitting(raw, room)[0])


def name_cell(raw: str) -> str:
    """Return `code(raw)` with at most `CELL_LIMIT` columns of text; if it is cut, it ends with `…`."""
    return as_code(_fitting(raw)[0])


class Cells:
    """Makes the cells of one table, and keeps each text that it cuts, with the endpoints whose rows hold it."""

    def __init__(self) -> None:
        self._cut: dict[str, dict[str, None]] = {}

    def text(self, raw: str, endpoint: str, *, full: str | None = None) -> str:
        """Return `text_cell(raw)` for the row of `endpoint`.

        If it is cut, all of it stands below the table, or the markdown `full`: what of it stands nowhere else.
        """
        shown, cut = _fitting(raw)
        cell = as_text(shown)
        if cut and not cell.startswith(whole := text(raw) if full is None else full):
            self._keep(whole, endpoint)
        return cell

    def name(self, raw: str, endpoint: str) -> str:
        """Return `name_cell(raw)` for the row of `endpoint`; if it is cut, all of it stands below the table."""
        shown, cut = _fitting(raw)
        if cut:
            self._keep(code(raw, MESSAGE_LIMIT), endpoint)
        return as_code(shown)

    def with_full_texts(self, body: str) -> str:
        """Return `body`, which holds the table, and below it a line for each text that was cut."""
        lines = [f"- {_named([*endpoints])}: {full}" for full, endpoints in self._cut.items()]
        return "\n".join([body, "\nTexts that are cut in the table, in full:\n", *lines]) if lines else body

    def _keep(self, full: str, endpoint: str) -> None:
        self._cut.setdefault(full, {})[endpoint] = None


def long_names(names: Iterable[str]) -> str:
    """Return a line for each of `names` that a cell cuts, after a sentence that says so; nothing if none is."""
    lines = [f"- {code(name, MESSAGE_LIMIT)}" for name in dict.fromkeys(names) if _fitting(name)[1]]
    return "\n".join(["Names that are cut in a table, in full:\n", *lines]) if lines else ""


def _named(endpoints: list[str]) -> str:
    names = ", ".join(map(name_cell, endpoints[:_NAMED]))
    return names if len(endpoints) <= _NAMED else f"{names} and {len(endpoints) - _NAMED} more"


def _fitting(raw: str, room: int = CELL_LIMIT) -> tuple[str, bool]:
    """Return as much of `line(raw)` as fits into `room` columns when it is markdown, and whether something is cut."""
    whole = line(raw)
    # Characters count, too: those that combine with others take up no column.
    if len(whole) <= room and width(as_text(whole)) <= room:
        return whole, False

    def cut(length: int) -> str:
        return f"{whole[:length].rstrip()}…"

    def columns(length: int) -> int:
        return width(as_text(cut(length)))

    if columns(room - 1) <= room:
        return cut(room - 1), True
    return cut(bisect_right(range(room), room, key=columns) - 1), True
