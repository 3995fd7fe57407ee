"""The journal of a run: what is finished is on disk at once, so that a run that is killed loses none of it.

A file of JSON lines beside the first report: the run as it began, then a line for each endpoint as it is finished, and
again if a later test of it changes something. Appending a line costs the same however many there are; the reports are
rendered from time to time.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec
from msgspec import structs

from pytest_modal_bench.model import SCHEMA, EndpointResult, Run, Summary
from pytest_modal_bench.model.encoding import encode

if TYPE_CHECKING:
    from pathlib import Path

SUFFIX = ".journal"
_LONGEST_STEM = 200


class _Head(msgspec.Struct):
    journal: int
    """The schema of the run that follows."""
    run: Run


class _Line(msgspec.Struct):
    result: EndpointResult


class JournalError(ValueError):
    """A file that is no journal; the text is one line that says why."""


class Journal:
    """Written by the one process that reports."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None

    def begin(self, run: Run) -> None:
        """Write down what is to be measured. Raises OSError as it comes."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_NOFOLLOW
        self._descriptor = os.open(self.path, flags, 0o666)
        self._append(_Head(SCHEMA, run))

    def add(self, result: EndpointResult) -> None:
        """Write down what is known of an endpoint now, in one write. Raises OSError as it comes."""
        self._append(_Line(result))

    def close(self, *, remove: bool) -> None:
        """Let go; `remove`: all of it is in the reports."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
            if remove:
                with suppress(OSError):
                    self.path.unlink()

    def _append(self, line: _Head | _Line) -> None:
        if self._descriptor is not None:
            os.write(self._descriptor, encode(line) + b"\n")


def beside(report: Path, began: str, pid: int) -> Path:
    """Return where the journal of a run lies: in its first report's directory, under a name of its own."""
    moment = "".join(c for c in began if c.isalnum())[:15]
    # However long a report's name is, there is room for what follows.
    stem = os.fsencode(report.name.partition(".")[0])[:_LONGEST_STEM].decode(errors="ignore")
    return report.with_name(f"{stem}.{moment}-{pid}{SUFFIX}")


def is_journal(content: bytes) -> bool:
    """Whether a file's content is meant to be a journal."""
    return content.startswith(b'{"journal":')


def read(content: bytes) -> Run:
    """Return the run that a journal holds, as far as it came; a last line that was not written whole does not count.

    Raises JournalError.
    """
    head, *lines = content.split(b"\n")[:-1] or [b""]
    try:
        begun = msgspec.json.decode(head, type=_Head)
        results = {result.id: result for result in begun.run.results}
        for line in lines:
            result = msgspec.json.decode(line, type=_Line).result
            results[result.id] = result
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise JournalError(f"not a journal of pytest-modal-bench: {error}") from None
    if begun.journal != SCHEMA:
        raise JournalError(
            f"not a journal this version can read: its schema is {begun.journal}, known is {SCHEMA}"
        )
    found = [*results.values()]
    return structs.replace(begun.run, results=found, summary=Summary.of(found))
