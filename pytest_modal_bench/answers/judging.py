"""Looks at answers, outside any timer: what they are, and whether that is what the catalogue expects."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from msgspec import UNSET, structs

from pytest_modal_bench.answers import contents, encodings, expectation
from pytest_modal_bench.call import failures
from pytest_modal_bench.model import Endpoint, Media, Resource, Sample
from pytest_modal_bench.safety.redaction import Redactor

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from pytest_modal_bench.answers.inspector import Inspector
    from pytest_modal_bench.answers.outputs import Outputs
    from pytest_modal_bench.call.client import Answer


class Judge:
    """Judges one endpoint's answers. `notes` are what is to be told of them that is no failure, a line each."""

    def __init__(
        self,
        endpoint: Endpoint,
        inspector: Inspector,
        resources: Mapping[str, Resource | str],
        outputs: Outputs | None = None,
    ) -> None:
        self.notes: list[str] = []
        self._endpoint = endpoint
        self._inspector = inspector
        sent = (resources.get(need) for need in endpoint.needs)
        self._inputs = {hashlib.sha256(each.data).hexdigest() for each in sent if isinstance(each, Resource)}
        self._outputs = outputs

    def judge(self, answer: Answer, sample: Sample, *, secrets: Collection[str] = ()) -> Sample:
        """Return `sample` with what its answer is; one that was answered with something else than expected failed.

        `secrets` were sent; they are taken out of what is quoted of the answer.
        """
        try:
            media = self._inspector.inspect(answer.body)
            content = contents.content(answer.body, media)
        except OSError as error:
            self._note(f"answer not checked: {error.strerror}")
            return sample
        if self._outputs is not None:
            self._note(self._outputs.save(self._endpoint.id, answer.body, media))
        declared, expect = answer.headers.get("content-type"), self._endpoint.expect
        problem = encodings.problem(media, answer.headers.get("content-encoding")) or expectation.problem(
            media,
            expect,
            inputs=self._inputs,
            content=content,
            declared=declared,
            status=sample.http_status,
        )
        if problem is not None:
            redactor = Redactor(secrets)
            line = failures.bounded(redactor.clean(failures.one_line(redactor.clean(problem))))
            return structs.replace(sample, media=media, ok=False, error=line, cause="invalid_output")
        self._note(expectation.note(media, declared))
        self._note_unchecked(media, content)
        return structs.replace(sample, media=media)

    def _note_unchecked(self, media: Media, content: object) -> None:
        """Note what could not be looked into."""
        reason = media.unchecked
        if reason is None and media.kind == "json" and content is UNSET:
            reason = f"JSON of {media.size_bytes:,} bytes is too much to look into"
        unchecked = expectation.unchecked_fields(media, self._endpoint.expect, content)
        if unchecked:
            self._note(f"expect: {', '.join(unchecked)} not checked: {reason}")
        elif reason is not None:
            self._note(f"answer not checked: {reason}")

    def _note(self, line: str | None) -> None:
        if line is not None and line not in self.notes:
            self.notes.append(line)
