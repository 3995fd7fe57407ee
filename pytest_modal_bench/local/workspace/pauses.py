"""Pauses of a server that stalls again and again, as for a garbage collection or a disk that does not answer."""

from __future__ import annotations

import msgspec

from pytest_modal_bench.local.workspace.faults import Positive


class Pauses(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """For `sec` out of `every` seconds no work is done.

    A pause begins whenever the machine's monotonic clock (`time.monotonic()`) shows a multiple of `every`: for all
    containers at once, and known to a test without being told.
    """

    every: Positive
    sec: Positive

    def __post_init__(self) -> None:
        """Refuse a pause without an end."""
        if self.sec >= self.every:
            raise ValueError("`pauses`: `sec` must be less than `every`")

    def scaled(self, time_scale: float) -> Pauses:
        """The same in real seconds."""
        return Pauses(self.every * time_scale, self.sec * time_scale)

    def end(self, begin: float, work: float) -> float:
        """The moment at which `work` seconds of work are done that begin at the moment `begin`."""
        cycle, into = divmod(begin, self.every)
        done_before = max(into - self.sec, 0.0)
        cycles, rest = divmod(done_before + work, self.every - self.sec)
        return (cycle + cycles) * self.every + self.sec + rest
