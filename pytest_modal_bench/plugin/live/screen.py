"""The terminal or log that pytest writes to: lines go in between what pytest writes, and a display stands below it.

A display is erased before anything else is written. A line of pytest's that is not complete, such as `test_a.py ..`, is
completed after what was written in between, as pytest would have it: it is written again.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from pytest_modal_bench.report.escape import width

if TYPE_CHECKING:
    import threading
    from collections.abc import Sequence

_CONTROL = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")
"""Control sequences (ECMA-48, section 5.4), which take up no column."""
_ERASE_BELOW = "\x1b[J"
_UP = "\x1b[{}A"


class Screen:
    """Stands in for the file that pytest's terminal writer writes to.

    What it writes itself goes past that file, to the same place: while a test runs, pytest catches what is written to
    standard output.
    """

    def __init__(self, file: Any, lock: threading.RLock) -> None:
        """`lock` is held while anything is written."""
        self._file = file
        self._lock = lock
        self._unfinished = ""
        """The line of pytest's that is not complete, with its colours."""
        self._left = False
        """Whether lines of ours were written after it, so that it has to be written again."""
        self._drawn: list[int] = []
        """Columns of each line of the display that is on the screen."""
        self._descriptor: int | None = None
        with suppress(AttributeError, OSError, ValueError):  # what is no real file
            self._descriptor = os.dup(file.fileno())

    def __getattr__(self, name: str) -> Any:
        """Be what the file is in all else."""
        return getattr(self._file, name)

    def write(self, text: str) -> int:
        """Write what pytest writes."""
        with self._lock:
            self._put(self._erasure())
            self._drawn = []
            known = self._unfinished + text
            if self._left:
                # We have completed its line already, with a line feed.
                text = text[1:] if text.startswith("\n") else known
                self._left = False
            written: int = self._file.write(text)
            # Not kept in a buffer: what we write goes another way, and would come before it.
            self._file.flush()
            self._unfinished = known.rpartition("\n")[2].rpartition("\r")[2]
            return written

    def show(self, lines: Sequence[str], display: Sequence[str] = ()) -> None:
        """Write complete `lines`, and draw a `display` below them; what is on the screen of an earlier one goes."""
        with self._lock:
            text = self._erasure()
            if lines or display:
                # Standing on an unfinished line, begin a new one.
                text += "\n" if self._unfinished and not self._left else ""
            if lines:
                self._left = bool(self._unfinished)
            text += "".join(f"{line}\n" for line in lines) + "\n".join(display)
            self._drawn = [_columns(line) for line in display]
            self._put(text)

    @property
    def shows_display(self) -> bool:
        """Whether a display is on the screen."""
        return bool(self._drawn)

    @property
    def size(self) -> os.terminal_size:
        """Columns and lines of the terminal as it is now."""
        size = os.terminal_size((0, 0))
        if self._descriptor is not None:
            with suppress(OSError):
                size = os.get_terminal_size(self._descriptor)
        return os.terminal_size((size.columns or 80, size.lines or 24))

    def close(self) -> Any:
        """Erase the display, and return the file that pytest wrote to before."""
        with self._lock:
            self.show([])
            if self._left and self._unfinished:
                self._put(self._unfinished)
            self._left = False
            if self._descriptor is not None:
                os.close(self._descriptor)
                self._descriptor = None
            return self._file

    def _erasure(self) -> str:
        """What takes the display off the screen, and puts the cursor back to where pytest left it."""
        if not self._drawn:
            return ""
        columns = self.size.columns
        # Where the window is narrower than when they were drawn, the terminal has folded lines.
        rows = sum(_rows(each, columns) for each in self._drawn)
        again = "" if self._left else self._unfinished
        if again:
            rows += _rows(_columns(again), columns)
        up = _UP.format(rows - 1) if rows > 1 else ""
        return f"\r{up}{_ERASE_BELOW}{again}"

    def _put(self, text: str) -> None:
        """Write to where pytest's output goes; a terminal that is gone is no trouble of the run's."""
        encoding = getattr(self._file, "encoding", None) or "utf-8"
        data = text.encode(encoding, "replace")
        with suppress(OSError, ValueError):
            if self._descriptor is None:
                if data:
                    self._file.write(data.decode(encoding))
                return
            while data:
                data = data[os.write(self._descriptor, data) :]


def _columns(line: str) -> int:
    return width(_CONTROL.sub("", line))


def _rows(columns: int, width_of_screen: int) -> int:
    return max(1, -(-columns // width_of_screen))
