"""Looks at all media inside a JSON answer, each as if it had come by itself."""

from __future__ import annotations

import mmap
import tempfile
import time
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

from msgspec import UNSET, Struct, structs

from pytest_modal_bench.answers import accepted_work, contents, encodings, expectation
from pytest_modal_bench.answers.embedded import base64_media, places
from pytest_modal_bench.answers.embedded.base64_media import NotMedia
from pytest_modal_bench.call.failures import CallError
from pytest_modal_bench.model import Media, Preview
from pytest_modal_bench.safety.text import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from pytest_modal_bench.answers.embedded.links import Links
    from pytest_modal_bench.answers.embedded.places import Found
    from pytest_modal_bench.model import Cause, Expect

MOST = 1000
"""So many media in one answer are looked at; more are a failure."""
PREVIEWS = 4
"""Of so many of them there are previews, the first ones."""
PATIENCE_SEC = 600.0
"""For looking at all of them; those that are left then are unchecked."""
_NO_MEDIA = ("json", "text", "other")
"""Kinds that are no media, unless the catalogue says that a file may be anything."""


class _Inspects(Protocol):
    def inspect(self, body: bytes | Path) -> Media:
        """Say what `body` is."""

    def inspect_with_preview(self, body: bytes | Path) -> tuple[Media, Preview | None]:
        """Say what `body` is, and what people are shown of it."""


class Problem(NamedTuple):
    """What is wrong, and why the call failed for it."""

    text: str
    cause: Cause = "invalid_output"


class Looked(Struct):
    """What there is at the place that the catalogue names."""

    count: int | None = None
    """How many there are; None: not known."""
    parts: list[Media] = []
    problems: list[Problem] = []
    notes: list[str] = []
    """What is to be told that is no failure, a line each."""
    unchecked: list[str] = []
    """What could not be looked into, a line each."""
    previews: list[Preview] = []
    """What people are shown of the first parts."""

    @property
    def problem(self) -> Problem | None:
        """The first thing that is wrong, and how many others are; None: nothing is."""
        if not self.problems:
            return None
        first, others = self.problems[0], len(self.problems) - 1
        more = f" (and {counted(others, 'other problem')} in {self.count} parts)" if others else ""
        return Problem(f"{first.text}{more}", first.cause)


class _File(NamedTuple):
    """The file that a part is, and what was said of it."""

    body: bytes | Path
    declared: str | None = None
    encoding: str | None = None
    status: int | None = 200


class Parts:
    """Looks at what stands at the place `expect.at`. `save` is given each file, its number and how many there are.

    `previews`: whether people are shown any of it.
    """

    def __init__(
        self,
        expect: Expect,
        inspector: _Inspects,
        *,
        inputs: Collection[str] = (),
        save: Callable[[bytes | Path, Media, int, int], None] = lambda *_: None,
        previews: bool = False,
    ) -> None:
        assert expect.at is not None  # noqa: S101 - without a place there is nothing to look at
        self._at = expect.at
        self._count = expect.count
        self._expect = structs.replace(expect, at=None, count=None, status=None, json=(), text=None)
        self._inspector = inspector
        self._inputs = inputs
        self._save = save
        self._previews = previews

    def look(self, body: bytes | Path, content: object, links: Links | None = None) -> Looked:
        """Say what is there. `content` is the answer as far as it could be decoded; `links` fetches what it links to.

        Raises OSError on a full disk.
        """
        if content is UNSET:
            size = len(body) if isinstance(body, bytes) else body.stat().st_size
            return _failed(f"JSON of {size:,} bytes is too much to look for media in")
        try:
            found = list(islice(places.find(_view(body), self._at), MOST + 1))
        except ValueError as error:
            return _failed(str(error))
        if not any(bytes(each.written[:4]) not in (b"", b"null") for each in found):
            goes_on = accepted_work.is_accepted_only(content)
            why = (
                "accepted, not done: JSON that only names a job or says that it goes on, " if goes_on else ""
            )
            return _failed(f"{why}no media at {self._at}", 0)
        if len(found) > MOST:
            return _failed(f"more than {MOST:,} media at {self._at}: too many to look at")
        looked = Looked(len(found))
        if self._count is not None and len(found) != self._count:
            looked.problems.append(Problem(f"expected {self._count} media at {self._at}, got {len(found)}"))
        with tempfile.TemporaryDirectory(prefix="modal-bench-") as directory:
            self._look_at_each(found, looked, links, Path(directory, "part"))
        return looked

    def _look_at_each(self, found: list[Found], looked: Looked, links: Links | None, path: Path) -> None:
        spent_sec = 0.0
        for number, each in enumerate(found):
            if spent_sec > PATIENCE_SEC:
                left = f"{len(found) - number} of {counted(len(found), 'part')}"
                why = f"looking at the others took {spent_sec:.0f} s"
                looked.unchecked.append(f"{self._at} not checked: {left}, as {why}")
                return
            try:
                file = _file(each.written, links, path)
            except NotMedia as error:
                looked.problems.append(Problem(f"{each.where}: {error}"))
                continue
            except CallError as error:
                # The call has failed; fetching the others would take time, and change nothing.
                looked.problems.append(Problem(f"{each.where}: {error}", error.cause or "unknown"))
                return
            began = time.monotonic()
            self._look_at(file, each.where, looked, (number + 1, len(found)))
            spent_sec += time.monotonic() - began

    def _look_at(self, file: _File, where: str, looked: Looked, place: tuple[int, int]) -> None:
        if self._previews and len(looked.parts) < PREVIEWS:
            media, preview = self._inspector.inspect_with_preview(file.body)
            looked.previews += [preview] if preview is not None else []
        else:
            media = self._inspector.inspect(file.body)
        content = contents.content(file.body, media)
        looked.parts.append(media)
        self._save(file.body, media, *place)
        problem = encodings.problem(media, file.encoding) or expectation.problem(
            media,
            self._expect,
            inputs=self._inputs,
            content=content,
            declared=file.declared,
            status=file.status,
        )
        if problem is None and self._expect.kind is None and media.kind in _NO_MEDIA:
            problem = f"expected media, got {expectation.described(media)}"
        if problem is not None:
            looked.problems.append(Problem(f"{where}: {problem}"))
            return
        note = expectation.note(media, file.declared)
        unchecked = expectation.unchecked(media, self._expect, content, subject=self._at)
        # A line that all parts share, or there might be hundreds.
        looked.notes += [f"{self._at}: {note}"] if note is not None else []
        looked.unchecked += [unchecked] if unchecked is not None else []


def _failed(text: str, count: int | None = None) -> Looked:
    return Looked(count, problems=[Problem(text)])


def _view(body: bytes | Path) -> memoryview:
    """The bytes of an answer, of a file without reading it. Whoever holds on to a part of it holds on to all of it."""
    if isinstance(body, bytes):
        return memoryview(body)
    with body.open("rb") as file:
        return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))


def _file(written: memoryview, links: Links | None, path: Path) -> _File:
    """Return the file that the JSON value `written` stands for, at `path` if it has to be written.

    Raises NotMedia for a value that stands for none, CallError where a link can't be fetched, OSError on a full disk.
    """
    text = base64_media.read(written)
    if text.link is None:
        with path.open("wb") as file:
            base64_media.write(text, file)
        return _File(path, text.declared)
    if links is None:
        raise NotMedia("a link, where the file itself was expected")
    got = links.fetch(text.link)
    headers = got.headers
    return _File(got.body, headers.get("content-type"), headers.get("content-encoding"), got.status)
