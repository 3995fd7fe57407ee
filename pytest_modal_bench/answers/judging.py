"""Looks at answers, outside any timer: what they are, and whether that is what the catalogue expects."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from msgspec import UNSET, structs

from pytest_modal_bench.answers import contents, encodings, expectation, wording
from pytest_modal_bench.answers.embedded.parts import Looked, Parts, Problem
from pytest_modal_bench.answers.previews import texts
from pytest_modal_bench.answers.previews.latest import Latest
from pytest_modal_bench.answers.streaming.reader import StreamReader
from pytest_modal_bench.call import failures
from pytest_modal_bench.model import Endpoint, Expect, Media, Preview, Resource, Sample
from pytest_modal_bench.safety.redaction import Redactor
from pytest_modal_bench.safety.secrets import sealed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from pytest_modal_bench.answers.embedded.links import Links
    from pytest_modal_bench.answers.inspector import Inspector
    from pytest_modal_bench.answers.outputs import Outputs
    from pytest_modal_bench.answers.streaming.reader import Reading
    from pytest_modal_bench.call.answer import Answer
    from pytest_modal_bench.call.request import Request


_TEXTS = ("json", "html", "text")
"""Kinds of answers whose beginning is shown."""


class Judge:
    """Judges one endpoint's answers. `notes` are what is to be told of them that is no failure, a line each.

    `follow` makes what fetches the links in an answer, of the request and its answer; without it nothing is fetched.
    `previews`: whether people are shown anything of the answers.
    """

    def __init__(  # noqa: PLR0913 - all but the first ones are named where it is called
        self,
        endpoint: Endpoint,
        inspector: Inspector,
        resources: Mapping[str, Resource | str],
        outputs: Outputs | None = None,
        *,
        follow: Callable[[Request, Answer], Links] | None = None,
        previews: bool = False,
    ) -> None:
        self.notes: list[str] = []
        self._latest = Latest() if previews else None
        self._endpoint = endpoint
        self._inspector = inspector
        sent = (resources.get(need) for need in endpoint.needs)
        self._inputs = {hashlib.sha256(each.data).hexdigest() for each in sent if isinstance(each, Resource)}
        self._outputs = outputs
        self._follow = follow
        self._stream = None if endpoint.stream is None else StreamReader(endpoint)
        self._expect, self._parts = endpoint.expect, None
        if endpoint.expect is not None and endpoint.expect.at is not None:
            self._parts = Parts(
                endpoint.expect, inspector, inputs=self._inputs, save=self._save, previews=previews
            )
            self._expect = _around(endpoint.expect)

    @sealed  # a server may send back what it was sent, secrets and all
    def judge(self, answer: Answer, sample: Sample, request: Request | None = None) -> Sample:
        """Return `sample` with what its answer is; one that was answered with something else than expected failed.

        The secrets of the `request` that it answers are taken out of what is quoted of the answer. What this links to
        is fetched with that request's headers where they may go. Raises SpoolError where this machine has no room.
        Of a stream that has failed, what had come of it is timed.
        """
        redactor = Redactor(() if request is None else request.secrets)
        reading = None
        try:
            if not sample.ok:
                return self._with_times(sample, answer, redactor)
            media, preview = self._inspected(answer.body)
            content = contents.content(answer.body, media)
            if self._stream is not None:
                reading = self._stream.read(answer, media, content)
                sample = structs.replace(sample, stream=reading.cleaned(redactor.clean))
            wrong = self._wrong(answer, media, content, sample.http_status, reading)
            looked = Looked()
            if wrong is None and self._parts is not None:
                looked, fetched_sec = self._look(self._parts, answer, content, request)
                wrong = looked.problem
                sample = structs.replace(
                    sample, parts=tuple(looked.parts), part_count=looked.count, fetched_sec=fetched_sec
                )
            if self._latest is not None:
                text = ""
                if media.kind in _TEXTS:
                    said = "" if reading is None else reading.text
                    text = texts.beginning(answer.body, content, said=said)
                whole = [preview] if preview is not None else []
                self._latest.keep(sample, looked.previews or whole, text, redactor)
        except OSError as error:
            line = f"answer not checked: {error.strerror}"
            self._note(line)
            return structs.replace(sample, unchecked=line)
        if not looked.parts:
            self._save(answer.body, media)
        sample = structs.replace(sample, media=media)
        if wrong is not None:
            line = failures.bounded(redactor.clean(failures.one_line(redactor.clean(wrong.text))))
            return structs.replace(sample, ok=False, error=line, cause=wrong.cause)
        if reading is not None and reading.is_of_events:
            self._note(*reading.notes, reading.unchecked)
            return structs.replace(sample, unchecked=reading.unchecked)
        self._note(expectation.note(media, answer.headers.get("content-type")), *looked.notes)
        return structs.replace(sample, unchecked=self._unchecked(media, content, looked))

    def _with_times(self, sample: Sample, answer: Answer, redactor: Redactor) -> Sample:
        """Return a sample that has failed with the times of what came of a stream."""
        reading = None if self._stream is None else self._stream.read_failed(answer)
        if reading is None:
            return sample
        if self._latest is not None:
            self._latest.keep(sample, (), texts.beginning(b"", UNSET, said=reading.text), redactor)
        return structs.replace(sample, stream=reading.cleaned(redactor.clean))

    @property
    def previews(self) -> list[Preview]:
        """What people are shown of the last answer of which anything can be shown."""
        return [] if self._latest is None else self._latest.previews()

    def _inspected(self, body: bytes | Path) -> tuple[Media, Preview | None]:
        if self._latest is not None:
            return self._inspector.inspect_with_preview(body)
        return self._inspector.inspect(body), None

    def _wrong(
        self, answer: Answer, media: Media, content: object, status: int | None, reading: Reading | None
    ) -> Problem | None:
        """What is wrong with an answer as a whole."""
        found = encodings.problem(media, answer.headers.get("content-encoding"))
        if found is None and not (reading is not None and reading.is_of_events):
            found = expectation.problem(
                media,
                self._expect,
                inputs=self._inputs,
                content=content,
                declared=answer.headers.get("content-type"),
                status=status,
            ) or wording.problem(self._expect, media, content, answer.body)
        if found is None and reading is not None:
            found = reading.problem
        return None if found is None else Problem(found)

    def _look(
        self, parts: Parts, answer: Answer, content: object, request: Request | None
    ) -> tuple[Looked, float | None]:
        """Look at what is in the answer; also return what fetching took, in seconds."""
        if self._follow is None or request is None:
            return parts.look(answer.body, content), None
        links = self._follow(request, answer)
        try:
            return parts.look(answer.body, content, links), links.spent_sec
        finally:
            links.close()

    def _unchecked(self, media: Media, content: object, looked: Looked) -> str | None:
        """Note what could not be looked into; return it if it matters: not where any answer would do."""
        whole = expectation.unchecked(media, self._expect, content)
        self._note(whole, *looked.unchecked)
        any_will_do = self._expect is not None and self._expect.kind == "any"
        if any_will_do and not expectation.unchecked_fields(media, self._expect, content):
            return None
        lines = dict.fromkeys(filter(None, (whole, *looked.unchecked)))
        return "; ".join(lines) or None

    def _save(self, body: bytes | Path, media: Media, number: int = 1, count: int = 1) -> None:
        if self._outputs is not None:
            part = number if count > 1 else None
            self._note(self._outputs.save(self._endpoint.id, body, media, part=part))

    def _note(self, *lines: str | None) -> None:
        self.notes += [line for line in dict.fromkeys(lines) if line is not None and line not in self.notes]


def _around(expect: Expect) -> Expect:
    """What is expected of the JSON that holds the media, and not of them."""
    return Expect(at=expect.at, status=expect.status, json=expect.json, text=expect.text)
