"""The pipes to whoever started a process: it ends when they are closed, whatever has become of the other side."""

from __future__ import annotations

import pytest_modal_bench.load.engine.patched  # noqa: F401  # isort: skip - before all else

import os
from typing import TYPE_CHECKING

from gevent.os import make_nonblocking, nb_read

if TYPE_CHECKING:
    from collections.abc import Iterator

_STDIN, _STDOUT, _STDERR = 0, 1, 2
_PIECE_BYTES = 1 << 16


def lines() -> Iterator[bytes]:
    """Yield the lines that come through standard input, until it is closed."""
    make_nonblocking(_STDIN)
    rest = b""
    while piece := nb_read(_STDIN, _PIECE_BYTES):
        *whole, rest = (rest + piece).split(b"\n")
        yield from whole


class Output:
    """What is written to standard output: nothing else goes there, from now on, than what is written here."""

    def __init__(self) -> None:
        # Locust prints there, too.
        self._descriptor = os.dup(_STDOUT)
        os.dup2(_STDERR, _STDOUT)

    def write(self, data: bytes) -> None:
        """Write `data`. Whoever reads it reads always; if nobody does, that shows where lines are read."""
        left = memoryview(data)
        while left:
            try:
                left = left[os.write(self._descriptor, left) :]
            except BrokenPipeError:
                return
