"""Says what an answer's bytes are. All that decodes hostile bytes runs in a process apart, one for many answers."""

from __future__ import annotations

import hashlib
import tempfile
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Self

from msgspec import structs

from pytest_modal_bench.answers.decoding import documents
from pytest_modal_bench.answers.decoding.findings import Findings, Undecodable, Unusable
from pytest_modal_bench.answers.decoding.process import DecodingProcess
from pytest_modal_bench.model import formats

if TYPE_CHECKING:
    from types import TracebackType

    from pytest_modal_bench.model import Media, Preview

MEMORY_BYTES = 2 * 1024**3
"""Address space of the decoding process, its code included."""
PATIENCE_SEC = 60.0

_PIECE_BYTES = 1024**2


class Inspector:
    """Inspects one answer at a time; a context manager that ends its decoding process.

    That process is started when it is first needed, and anew after it was lost.
    """

    def __init__(self, *, patience_sec: float = PATIENCE_SEC, memory_bytes: int = MEMORY_BYTES) -> None:
        self._process = DecodingProcess(memory_bytes, patience_sec)
        self._turn = threading.Lock()

    @property
    def pid(self) -> int | None:
        """The decoding process; None: none is running."""
        return self._process.pid

    def inspect(self, body: bytes | Path) -> Media:
        """What `body` is, decoded whole. A file is read in pieces, so that its size is no matter.

        Raises nothing for whatever is in it, but OSError for a file that can't be read, and on a full disk.
        """
        return self._inspect(body, preview=False)[0]

    def inspect_with_preview(self, body: bytes | Path) -> tuple[Media, Preview | None]:
        """What `body` is, and what people are shown of it: nothing of a text, nor of damaged bytes.

        Raises as `inspect` does.
        """
        return self._inspect(body, preview=True)

    def _inspect(self, body: bytes | Path, *, preview: bool) -> tuple[Media, Preview | None]:
        with self._turn, ExitStack() as stack:
            file: BinaryIO | None = None
            if isinstance(body, Path):
                file = stack.enter_context(body.open("rb"))
                head = file.read(_PIECE_BYTES)
                file.seek(0)
                sha256, size = hashlib.file_digest(file, "sha256").hexdigest(), file.tell()
            else:
                head, size, sha256 = body[:_PIECE_BYTES], len(body), hashlib.sha256(body).hexdigest()
                if _takes_decoding(head, size):
                    file = stack.enter_context(tempfile.TemporaryFile())
                    file.write(body)
                    file.flush()
            if file is None or not _takes_decoding(head, size):
                return documents.look(head).media(size, sha256), None
            findings = self._decode(head, file, preview=preview)
            return findings.media(size, sha256), findings.preview

    def close(self) -> None:
        """End the decoding process, if there is one."""
        with self._turn:
            self._process.end()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close it."""
        self.close()

    def _decode(self, head: bytes, file: BinaryIO, *, preview: bool) -> Findings:
        """What the decoding process says of a file; if it can't say anything, what the file begins like."""
        try:
            return self._process.decode(file.fileno(), preview=preview)
        except Unusable as error:
            findings = Findings(kind="text", problem=str(error))
        except Undecodable as error:
            findings = Findings(kind="text", unchecked=str(error))
        form = formats.identify(head)
        return structs.replace(findings, kind=form.kind, format=form.name) if form is not None else findings


def _takes_decoding(head: bytes, size: int) -> bool:
    """Whether it is an image, a video, or a text that goes on after `head`."""
    return formats.identify(head) is not None or (size > len(head) and documents.is_textual(head))
