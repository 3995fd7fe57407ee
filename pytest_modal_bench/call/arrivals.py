"""When the pieces of an answer's body were read: what a stream is measured by, once the clock has stopped."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_PIECES = 1 << 20
"""So many pieces are told apart, in 16 MiB of memory; what comes after them counts as one with the last."""


class Arrivals:
    """Where each piece of a decoded body ends, and when it was read: seconds since the call's clock started."""

    def __init__(self) -> None:
        self.complete = True
        """Whether each piece has a time of its own. If not, the first ones and the last one do."""
        self._ends = array("Q")
        self._seconds = array("d")

    def add(self, end: int, seconds: float) -> None:
        """Take note that `end` bytes have been read after `seconds`."""
        if len(self._ends) < MOST_PIECES:
            self._ends.append(end)
            self._seconds.append(seconds)
        else:
            self.complete = False
            self._ends[-1], self._seconds[-1] = end, seconds

    def at(self, end: int) -> float | None:
        """Seconds after which the first `end` bytes had been read; None: they never were."""
        index = bisect_left(self._ends, end)
        return self._seconds[index] if index < len(self._ends) else None

    def after(self, start: int) -> Sequence[float]:
        """Seconds after which each piece had been read that holds something behind the first `start` bytes."""
        return self._seconds[bisect_right(self._ends, start) :]
