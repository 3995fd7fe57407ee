"""The display of a terminal: a line a pool that is being called, and one for the run. No other module knows rich."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from pytest_modal_bench.report.figures.units import UNKNOWN, dollars, doubted, seconds

if TYPE_CHECKING:
    import os

    from pytest_modal_bench.plugin.live.board import Board, Cost, Row
    from pytest_modal_bench.plugin.live.lines import Lines

_WHOLE_SEC = 100
"""From here on tenths of a second say nothing."""
_WIDEST = 100
"""Columns; on a wider screen, figures would stand far from their names."""
_COLUMNS = {"So far": 0, "Before": 48, "Deadline": 60, "Left": 72}
"""Columns of the table, and how wide the screen is that has room for each."""
_BELOW = 4
"""Lines of the screen that are not for pools: head, the pools that there is no room for, the run, and pytest's last."""


class Display:
    """Draws a board as lines of text, with the terminal's control sequences for their colours."""

    def __init__(self, board: Board, lines: Lines, *, colours: bool) -> None:
        self._board = board
        self._lines = lines
        self._console = Console(
            file=io.StringIO(),
            force_terminal=True,
            color_system="standard" if colours else None,
            legacy_windows=False,
            highlight=False,
            markup=False,
            emoji=False,
        )

    def drawn(self, now: float, run_sec: float, size: os.terminal_size) -> list[str]:
        """Return the display as lines that fit on a screen of that size; the run goes on for `run_sec`."""
        # In its last column a terminal may begin a new line by itself.
        columns = min(size.columns - 1, _WIDEST)
        shown = [name for name, narrowest in _COLUMNS.items() if size.columns >= narrowest]
        table = Table(box=None, pad_edge=False, expand=True, header_style="dim")
        table.add_column("Endpoint", no_wrap=True, overflow="ellipsis", ratio=3)
        table.add_column("Waiting for", no_wrap=True, overflow="ellipsis", ratio=3)
        for name in shown:
            table.add_column(name, no_wrap=True, justify="right")
        rows = [*self._board.rows.values()]
        room = max(1, size.lines - _BELOW)
        for row in rows[:room]:
            figures = self._figures(row, now)
            table.add_row(
                Text(self._lines.name(row.endpoint.id), style="bold"),
                Text(row.text),
                *(figures[name] for name in shown),
            )
        with self._console.capture() as captured:
            self._console.print(table, width=columns)
            if len(rows) > room:
                self._console.print(f"… and {len(rows) - room} more", width=columns, no_wrap=True)
            self._console.print(
                Text(self._of_run(now, run_sec), style="dim"),
                width=columns,
                no_wrap=True,
                overflow="ellipsis",
            )
        return [line.rstrip() for line in captured.get().rstrip("\n").split("\n")]

    def _figures(self, row: Row, now: float) -> dict[str, str]:
        call = row.call
        before = deadline = UNKNOWN
        if call is not None:
            proven = self._board.is_proven(call.endpoint, call.start)
            before = _seconds(self._board.before_sec(call.endpoint, call.start), proven=proven)
            deadline = _seconds(call.deadline_sec)
        return {
            "So far": f"{now - row.since:.0f} s",
            "Before": before,
            "Deadline": deadline,
            "Left": _clock(self._board.left_sec(row, now)),
        }

    def _of_run(self, now: float, run_sec: float) -> str:
        board = self._board
        parts = [f"{len(board.finished)} of {len(board.selected)} endpoints", _clock(run_sec)]
        if board.cost is not None:
            parts.append(_dollars(board.cost))
        return "  ".join([*parts, f"left {_clock(board.run_left_sec(now))}"])


def _seconds(value: float | None, *, proven: bool = True) -> str:
    if value is None:
        return UNKNOWN
    shown = f"{value:.0f}" if value >= _WHOLE_SEC else seconds(value)
    return f"{doubted(shown, proven=proven)} s"


def _dollars(cost: Cost) -> str:
    at_least = "at least " if cost.unknown else ""
    return f"{at_least}{'~' if cost.estimated else ''}${dollars(cost.usd)}"


def _clock(sec: float | None) -> str:
    """Return minutes and seconds, such as `2:31`."""
    if sec is None:
        return UNKNOWN
    minutes, rest = divmod(round(sec), 60)
    return f"{minutes}:{rest:02}"
