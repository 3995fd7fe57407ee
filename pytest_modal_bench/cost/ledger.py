"""A spending limit that several processes keep together: calls under it are made one at a time."""

from __future__ import annotations

import fcntl
import math
import os
from contextlib import contextmanager
from decimal import Decimal, InvalidOperation
from typing import IO, TYPE_CHECKING, NamedTuple

from pytest_modal_bench.safety.text import counted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_BEGUN, _UNKNOWN = "call", "unknown"


class LimitReached(Exception):
    """A call is not made, because the limit would be passed; the message is one line that says so."""


class Entry:
    """One call in the ledger."""

    def __init__(self) -> None:
        self.usd: float | None = None
        """What it cost; None: not known."""

    def spent(self, usd: float | None) -> None:
        """Record what the call cost in USD, in all; None: unknown. Raises ValueError for what is no amount."""
        if usd is not None and not (math.isfinite(usd) and usd >= 0):
            raise ValueError(f"not an amount of money: {usd}")
        self.usd = usd


class Ledger:
    """What calls have cost so far, in a file that all processes of a run share.

    A line is written when a call begins, with what it costs at the longest, and another with what it cost, so that a
    call whose process was killed is still in it: as one that took its longest or, where no price is known, as one of
    unknown cost.

    What is spent is bounded by the limit and what one call costs: a call that begins below the limit may end above it,
    and no other one begins then. That holds for all calls whose price is known, whether they are answered or not; idle
    time of containers is no call.
    """

    def __init__(self, path: Path, limit_usd: float) -> None:
        self.path = path
        self._limit_usd = limit_usd

    @property
    def spent(self) -> float:
        """USD that all calls of known cost have cost together."""
        return float(self._read().spent)

    @property
    def unknown_calls(self) -> int:
        """How many calls have begun whose cost is not known; the one that goes on now is one of them."""
        return self._read().unknown_calls

    @contextmanager
    def call(self, expected_usd: float | None, *, longest_usd: float | None = None) -> Iterator[Entry]:
        """Wait until no other call goes on, and hold all others back until this one is over.

        Raises `LimitReached` if the limit is spent, or would be passed by what the call is expected to cost; None:
        unknown. `longest_usd`: what it costs if it takes until its deadline, which is what it counts as if this process
        does not live to say more. Not to be nested, by no thread either: the inner call would wait for the outer one.
        """
        with self._alone() as file:
            self._check(expected_usd)
            with _noted(file, longest_usd) as entry:
                yield entry

    @contextmanager
    def many(self) -> Iterator[tuple[Entry, float]]:
        """Do the same for many calls that go on at a time; yield an entry for all of them, and what is left in USD.

        All that is left is what they count as if this process does not live to say more.
        """
        with self._alone() as file:
            self._check(None)
            left = float(max(_exact(self._limit_usd) - self._read().spent, Decimal(0)))
            with _noted(file, left) as entry:
                yield entry, left

    @contextmanager
    def _alone(self) -> Iterator[IO[str]]:
        """Hold all others back; yield the file."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="ascii") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            try:
                yield file
            finally:
                # Closing would not do where a process was forked meanwhile: it holds the same lock.
                fcntl.flock(file, fcntl.LOCK_UN)

    def _check(self, expected_usd: float | None) -> None:
        balance = self._read()
        limit = _exact(self._limit_usd)
        expected = _exact(expected_usd or 0.0)
        if balance.spent < limit and balance.spent + expected <= limit:
            return
        unknown = balance.unknown_calls
        beside = f", beside {counted(unknown, 'call')} of unknown cost" if unknown else ""
        cost = "an unknown amount" if expected_usd is None else _dollars(expected)
        raise LimitReached(
            f"the spending limit of {_dollars(limit)} is reached: {_dollars(balance.spent)} spent{beside}, "
            f"and the next call is expected to cost {cost}"
        )

    def _read(self) -> _Balance:
        try:
            # What comes after the last newline is being written.
            lines = self.path.read_text("ascii", "replace").split("\n")[:-1]
        except FileNotFoundError:
            lines = []
        balance = _Balance(Decimal(0), 0)
        begun: str | None = None
        for line in lines:
            if line == _BEGUN or line.startswith(f"{_BEGUN} "):
                # Calls are made one at a time: what began before, and was not closed, was cut off.
                balance = balance if begun is None else balance.plus(_amount(begun))
                begun = line.removeprefix(_BEGUN).strip()
            elif begun is not None:
                balance, begun = balance.plus(_amount(line)), None
        return balance if begun is None else balance.plus(_amount(begun))


@contextmanager
def _noted(file: IO[str], longest_usd: float | None) -> Iterator[Entry]:
    """Note that a call has begun, and what it cost once it is over."""
    entry = Entry()
    _append(file.fileno(), _BEGUN if longest_usd is None else f"{_BEGUN} {longest_usd!r}")
    try:
        yield entry
    finally:
        _append(file.fileno(), _UNKNOWN if entry.usd is None else repr(entry.usd))


class _Balance(NamedTuple):
    spent: Decimal
    unknown_calls: int

    def plus(self, usd: Decimal | None) -> _Balance:
        """Return this balance and one more call."""
        if usd is None:
            return _Balance(self.spent, self.unknown_calls + 1)
        return _Balance(self.spent + usd, self.unknown_calls)


def _exact(usd: float) -> Decimal:
    """Return `usd` as it is written: three times 0.1 are to be 0.3, and not to pass a limit of it."""
    return Decimal(repr(float(usd)))


def _amount(line: str) -> Decimal | None:
    """Return the amount in a line; None: there is none."""
    try:
        return Decimal(line)
    except InvalidOperation:
        return None


def _dollars(usd: Decimal) -> str:
    """Return `usd` with cents, and with as many of six decimals as it has."""
    whole, _, decimals = f"{usd:.6f}".partition(".")
    return f"${whole}.{decimals.rstrip('0'):0<2}"


def _append(descriptor: int, line: str) -> None:
    os.write(descriptor, f"{line}\n".encode("ascii"))
