"""Keeps what is shown of an endpoint's last answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import structs

from pytest_modal_bench.answers.previews import texts
from pytest_modal_bench.answers.previews.limits import ANSWER_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytest_modal_bench.model import Preview, Sample
    from pytest_modal_bench.safety.redaction import Redactor


class Latest:
    """What is shown of the last answer of which anything can be shown."""

    def __init__(self) -> None:
        self._pictures: Sequence[Preview] = ()
        self._text = ""
        self._redactor: Redactor | None = None
        self._started_at = ""

    def keep(self, sample: Sample, pictures: Sequence[Preview], text: str, redactor: Redactor) -> None:
        """Keep what was made of an answer, or else its `text`, whose secrets `redactor` knows."""
        if pictures or text:
            self._pictures, self._text, self._redactor = pictures, text, redactor
            self._started_at = sample.started_at

    def previews(self) -> list[Preview]:
        """Return it. Only now secrets are looked for in a text: that takes as long as some calls."""
        found = list(self._bounded())
        if self._text and not found and self._redactor is not None:
            found += filter(None, [texts.preview(self._text, self._redactor.clean)])
        return [structs.replace(preview, started_at=self._started_at) for preview in found]

    def _bounded(self) -> Iterator[Preview]:
        left = ANSWER_BYTES
        for preview in self._pictures:
            left -= sum(map(len, preview.frames))
            if left >= 0:
                yield preview
