"""What endpoints did against their history so far, of all processes of a run: what shows whether most moved alike."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import msgspec

from pytest_modal_bench.gate.common_shift import Move, Shift, shifts

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


class Moves:
    """Kept in a file that the processes of a run share: each adds lines of its own, whole, and reads those of all."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def add(self, moves: Sequence[Move]) -> None:
        """Write down what an endpoint's metrics did."""
        lines = b"".join(msgspec.json.encode(move) + b"\n" for move in moves)
        descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(descriptor, lines)
        finally:
            os.close(descriptor)

    def shifts(self) -> list[Shift]:
        """Return what most pools did that have been compared by now."""
        try:
            lines = self._path.read_bytes().split(b"\n")[:-1]
        except FileNotFoundError:
            return []
        return shifts(msgspec.json.decode(line, type=Move) for line in lines)
