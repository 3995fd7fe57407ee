"""Where an answer's body goes as it arrives: memory as long as it is small, then a file."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from io import FileIO

IN_MEMORY_BYTES = 4 << 20
"""A body up to this many bytes stays in memory."""
_OWN_BYTES = 1 << 14
"""A piece of so many bytes is kept as it is; smaller ones are put together: many would take more than they hold."""


class SpoolError(Exception):
    """This machine has no room for an answer: nothing is known of the endpoint. The message is one line."""


class Spool:
    """Receives one body after another. Each is there until the next is begun; `close` removes the files."""

    def __init__(self) -> None:
        self.size = 0
        """Bytes received of the present body."""
        self._small: list[bytes | bytearray] = []
        self._file: FileIO | None = None
        self._directory: Path | None = None

    def begin(self) -> None:
        """Forget the body before."""
        if self._file is not None:
            before, self._file = self._file, None
            with suppress(OSError):
                before.close()
            Path(str(before.name)).unlink(missing_ok=True)
        self._small = []
        self.size = 0

    def write(self, piece: bytes) -> None:
        """Add to the body. Raises SpoolError where there is no room for it."""
        self.size += len(piece)
        try:
            if self._file is None and self.size > IN_MEMORY_BYTES:
                if self._directory is None:
                    self._directory = Path(tempfile.mkdtemp(prefix="modal-bench-"))
                # Unbuffered: that the disk is full shows here and now, not when the file is read or closed.
                self._file = (self._directory / "answer").open("w+b", buffering=0)
                for each in self._small:
                    _write(self._file, each)
                self._small = []
            if self._file is None:
                self._keep(piece)
            else:
                _write(self._file, piece)
        except OSError as error:
            where = self._directory or tempfile.gettempdir()
            raise SpoolError(
                f"this machine can't keep an answer of more than {self.size - len(piece):,} bytes in {where}: "
                f"{error.strerror}; make room there, or let TMPDIR name another directory"
            ) from None

    @property
    def body(self) -> bytes | Path:
        """The body: its bytes or, if it is large, the file that holds it until the next body is begun."""
        if self._file is None:
            return b"".join(self._small)
        return Path(str(self._file.name))

    def head(self, count: int) -> bytes:
        """The body's first `count` bytes."""
        if self._file is None:
            return b"".join(self._small)[:count]
        self._file.seek(0)
        head = self._file.read(count)
        self._file.seek(0, 2)
        return head

    def close(self) -> None:
        """Forget the body, and remove what was written."""
        self.begin()
        if self._directory is not None:
            shutil.rmtree(self._directory, ignore_errors=True)
            self._directory = None

    def _keep(self, piece: bytes) -> None:
        if len(piece) >= _OWN_BYTES:
            self._small.append(piece)
        elif self._small and isinstance(together := self._small[-1], bytearray):
            together += piece
        else:
            self._small.append(bytearray(piece))


def _write(file: FileIO, data: bytes | bytearray) -> None:
    """Write all of `data`: unbuffered, a file may take less at a time."""
    left = memoryview(data)
    while left:
        left = left[file.write(left) :]
