"""A limit on what a load costs, kept by many callers in several processes.

Who keeps the money hands it out in pieces, each smaller than the one before. A call begins only where its process has
money left for it, beside what its calls under way are expected to cost. So what is spent is bounded by the limit and
what the calls under way cost more than was expected; a call of unknown cost is not counted.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_PIECES = 4
"""One process gets a share of what is left, divided by this: others need some, too."""


class SpentUp(Exception):
    """No call may begin any more."""


class Treasury:
    """What is left, where it is kept."""

    def __init__(self, usd: float | None) -> None:
        """`usd`: US dollars; None: there is no limit."""
        self._left_usd = usd

    @property
    def limited(self) -> bool:
        """Whether there is a limit."""
        return self._left_usd is not None

    def hand_out(self, wanted_usd: float, processes: int) -> float:
        """Return a piece of what is left, at least `wanted_usd`; 0: there is not so much left."""
        if self._left_usd is None or self._left_usd <= 0 or wanted_usd > self._left_usd:
            return 0.0
        piece = min(self._left_usd, max(wanted_usd, self._left_usd / (_PIECES * max(processes, 1))))
        self._left_usd -= piece
        return piece


class Allowance:
    """What one process may spend: its callers ask before each call, and say afterwards what it cost."""

    def __init__(self, ask: Callable[[float], None] | None) -> None:
        """`ask` asks for more, at least so many US dollars, and returns at once. None: there is no limit."""
        self._ask = ask
        self._changed = threading.Condition()
        self._granted_usd = 0.0
        self._spent_usd = 0.0
        self._known = 0
        """Calls of known cost."""
        self._under_way = 0
        self._asking = False
        self._over = False

    def begin(self) -> None:
        """Wait until a call may begin. Raises SpentUp."""
        if self._ask is None:
            return
        with self._changed:
            while True:
                if self._over:
                    raise SpentUp
                missing_usd = self._expected_usd(self._under_way + 1) - (self._granted_usd - self._spent_usd)
                if missing_usd <= 0 and self._spent_usd < self._granted_usd:
                    self._under_way += 1
                    return
                if not self._asking:
                    self._asking = True
                    self._ask(max(missing_usd, 0.0))
                self._changed.wait()

    def end(self, usd: float | None) -> None:
        """Take note of what a call cost, in US dollars; None: unknown."""
        if self._ask is None:
            return
        with self._changed:
            self._under_way -= 1
            if usd is not None:
                self._spent_usd += usd
                self._known += 1
            self._changed.notify_all()

    def grant(self, usd: float) -> None:
        """Take what was handed out; 0: nothing is left."""
        with self._changed:
            self._asking = False
            self._granted_usd += usd
            self._over = self._over or usd <= 0
            self._changed.notify_all()

    def _expected_usd(self, calls: int) -> float:
        """What so many calls cost if they are as those before, on average."""
        return calls * self._spent_usd / self._known if self._known else 0.0
