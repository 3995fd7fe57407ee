"""Looks at answers, outside any timer: what they are, and whether that is what the catalogue expects."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import msgspec
from msgspec import structs

from pytest_modal_bench.answers import expectation
from pytest_modal_bench.model import Endpoint, Media, Resource, Sample

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pytest_modal_bench.answers.inspector import Inspector
    from pytest_modal_bench.answers.outputs import Outputs
    from pytest_modal_bench.call.client import Answer

_LARGEST_JSON = 32 << 20
"""A JSON answer of more bytes is not looked into."""


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

    def judge(self, answer: Answer, sample: Sample) -> Sample:
        """Return `sample` with what its answer is; one that was answered with something else than expected failed."""
        try:
            media = self._inspector.inspect(answer.body)
        except OSError as error:
            self._note(f"answer not checked: {error.strerror}")
            return sample
        if self._outputs is not None:
            self._note(self._outputs.save(self._endpoint.id, answer.body, media))
        declared = answer.headers.get("content-type")
        problem = expectation.problem(
            media,
            self._endpoint.expect,
            inputs=self._inputs,
            json_body=_json(answer.body, media),
            declared=declared,
        )
        if problem is not None:
            return structs.replace(sample, media=media, ok=False, error=problem, cause="invalid_output")
        self._note(expectation.note(media, declared))
        unchecked = expectation.unchecked_fields(media, self._endpoint.expect)
        if unchecked:
            self._note(f"expect: {', '.join(unchecked)} not checked: {media.unchecked}")
        elif media.unchecked is not None:
            self._note(f"answer not checked: {media.unchecked}")
        return structs.replace(sample, media=media)

    def _note(self, line: str | None) -> None:
        if line is not None and line not in self.notes:
            self.notes.append(line)


def _json(body: bytes | Path, media: Media) -> object:
    if media.kind != "json" or media.size_bytes > _LARGEST_JSON:
        return None
    try:
        return msgspec.json.decode(body if isinstance(body, bytes) else body.read_bytes())
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
