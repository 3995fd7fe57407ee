"""Where an answer's body goes as it arrives: memory as long as it is small, then a file."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import BinaryIO

IN_MEMORY_BYTES = 4 << 20
"""A body up to this many bytes stays in memory."""


class Spool:
    """Receives one body after another. Each is there until the next is begun; `close` removes the files."""

    def __init__(self) -> None:
        self.size = 0
        """Bytes received of the present body."""
        self._small = bytearray()
        self._file: BinaryIO | None = None
        self._directory: Path | None = None

    def begin(self) -> None:
        """Forget the body before."""
        if self._file is not None:
            self._file.close()
            Path(self._file.name).unlink(missing_ok=True)
            self._file = None
        self._small = bytearray()
        self.size = 0

    def write(self, piece: bytes) -> None:
        """Add to the body. Raises OSError where the disk is full."""
        self.size += len(piece)
        if self._file is None and self.size > IN_MEMORY_BYTES:
            if self._directory is None:
                self._directory = Path(tempfile.mkdtemp(prefix="modal-bench-"))
            self._file = (self._directory / "answer").open("w+b")
            self._file.write(self._small)
            self._small = bytearray()
        if self._file is None:
            self._small += piece
        else:
            self._file.write(piece)

    @property
    def body(self) -> bytes | Path:
        """The body: its bytes or, if it is large, the file that holds it until the next body is begun."""
        if self._file is None:
            return bytes(self._small)
        self._file.flush()
        return Path(self._file.name)

    def head(self, count: int) -> bytes:
        """The body's first `count` bytes."""
        if self._file is None:
            return bytes(self._small[:count])
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
