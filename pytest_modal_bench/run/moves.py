"""What all processes of a run find, put together: it takes all endpoints to say whether most moved alike, and how much
they scatter.
"""

from __future__ import annotations

import math
import os
from typing import TYPE_CHECKING, Generic, TypeVar

import msgspec

from pytest_modal_bench.gate.common_shift import Move, Shift, shifts

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


T = TypeVar("T")


class Shared(Generic[T]):
    """Kept in a file that the processes of a run share: each adds lines of its own, whole, and reads those of all."""

    def __init__(self, path: Path, kind: type[T]) -> None:
        self._path = path
        self._kind = kind

    def add(self, items: Sequence[T]) -> None:
        """Write them down."""
        lines = b"".join(msgspec.json.encode(item) + b"\n" for item in items)
        self._path.parent.mkdir(mode=0o700, exist_ok=True)
        descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(descriptor, lines)
        finally:
            os.close(descriptor)

    def all(self) -> list[T]:
        """Return what has been written down by now."""
        try:
            lines = self._path.read_bytes().split(b"\n")[:-1]
        except FileNotFoundError:
            return []
        return [msgspec.json.decode(line, type=self._kind) for line in lines]


class Moves(Shared[Move]):
    """What endpoints did against their history."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, Move)

    def add(self, items: Sequence[Move]) -> None:
        """Write them down; a ratio that is no number says nothing of a shift, and JSON has none."""
        super().add([move for move in items if math.isfinite(move.ratio)])

    def shifts(self) -> list[Shift]:
        """Return what most pools did that have been compared by now."""
        return shifts(self.all())
