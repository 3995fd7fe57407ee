"""Takes a stream apart into events, and says where each ends: server-sent events, and JSON lines."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, NamedTuple

import msgspec
from msgspec import UNSET

from pytest_modal_bench.answers.contents import is_deep

if TYPE_CHECKING:
    from collections.abc import Iterator

_BOM = b"\xef\xbb\xbf"
_LINE_END = re.compile(rb"\r\n|\r|\n")
_DATA, _NAME, _COMMENT = b"data", b"event", b":"
_FIELDS = frozenset((_DATA, _NAME, b"", b"id", b"retry"))
"""What a line begins with that is a part of an event, or a comment."""
_MOST_STRAYS = 1000


class Event(NamedTuple):
    """One event, or what there is of it."""

    name: str
    """Nothing: it has none."""
    data: str
    end: int
    """How many bytes of the body there are up to its end."""


class ServerSentEvents:
    """The events of a body, as the WHATWG's HTML standard has them (section 9.2.6, *Interpreting an event stream*).

    Other than there, an event that has a name but no data is one: many servers end so.
    """

    def __init__(self, body: bytes) -> None:
        self.unfinished: Event | None = None
        """What stands behind the last empty line, once all events were gone through; None: nothing but comments."""
        self.strays: list[str] = []
        """The first lines that are no part of an event. Clients skip them; a server may write its error there."""
        self._body = body

    def __iter__(self) -> Iterator[Event]:
        """Go through the events that are complete."""
        name, lines = "", list[str]()
        start = len(_BOM) if self._body.startswith(_BOM) else 0
        for line_end in _LINE_END.finditer(self._body, start):
            line = self._body[start : line_end.start()]
            start = line_end.end()
            if line:
                name = self._take(line, name, lines)
                continue
            if name or lines:
                yield Event(name, "\n".join(lines), start)
            name, lines = "", []
        tail = self._body[start:]
        if tail.startswith(_COMMENT) or not tail.strip():
            tail = b""
        name = self._take(tail, name, lines)
        if tail or name or lines:
            self.unfinished = Event(name, "\n".join(lines), len(self._body))

    def _take(self, line: bytes, name: str, lines: list[str]) -> str:
        """Take in one line: add to the `lines` of an event's data. Returns the event's name, as far as it is known."""
        field, _, value = line.partition(b":")
        text = value.removeprefix(b" ").decode("utf-8", "replace")
        if field == _DATA:
            lines.append(text)
        elif field not in _FIELDS and len(self.strays) < _MOST_STRAYS:
            self.strays.append(line.decode("utf-8", "replace"))
        return text if field == _NAME else name


class JsonLines:
    """The lines of a body that hold something, each an event."""

    def __init__(self, body: bytes) -> None:
        self.unfinished: Event | None = None
        """A last line that has no end and is no JSON, once all lines were gone through; None: there is none."""
        self._body = body

    def __iter__(self) -> Iterator[Event]:
        """Go through the lines that are complete. The last one is also without its end, if it is whole JSON."""
        start = len(_BOM) if self._body.startswith(_BOM) else 0
        while (end := self._body.find(b"\n", start)) >= 0:
            line = self._body[start:end].strip()
            start = end + 1
            if line:
                yield Event("", line.decode("utf-8", "replace"), start)
        line = self._body[start:].strip()
        if line:
            last = Event("", line.decode("utf-8", "replace"), len(self._body))
            # Of a number nobody knows whether it was to go on.
            if isinstance(decoded(last.data), dict | list | str):
                yield last
            else:
                self.unfinished = last


def decoded(text: str) -> object:
    """Return what JSON, or what Python takes for it, is decoded to; UNSET: it is none, or nested too deep."""
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            return UNSET
    return UNSET if is_deep(value) else value
