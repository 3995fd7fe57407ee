"""Secrets taken out of what is printed, logged or written. Knows values and shapes, not where they stand."""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING

from pytest_modal_bench.safety import log_guard
from pytest_modal_bench.safety.disguises import exact_forms, folded_forms
from pytest_modal_bench.safety.views import views

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from contextlib import AbstractContextManager

REDACTED = "[redacted]"

SHORTEST = 4
"""Values below so many characters are not looked for: they stand in every text, and keep nothing."""

_SPLIT_FROM = 6
"""A shorter value is not looked for with blanks between its characters: words side by side would be taken for it."""

_SHAPES = (
    # Modal's result URLs: whoever has one can fetch the answer.
    re.compile(r"(?i)(?P<kept>__modal_(?:attempt_token|function_call_id)(?:=|%3D))[^&\s\"'<>()]+"),
    re.compile(r"(?i)(?P<kept>\bBearer\s+)[^\s\"',;]+"),
    # Modal's proxy tokens (wk-, ws-) and API tokens (ak-, as-); words such as "as-built" are spared.
    re.compile(r"(?P<kept>\b(?:wk|ws|ak|as)-)(?=[a-z_-]{0,40}[A-Z0-9])[\w-]{6,}"),
)


class Redactor:
    """Takes `secrets` out of texts, as they are and in the disguises in which a server may repeat them.

    These are other cases, percent-encoding, HTML entities and backslashes, one upon the other; control characters and
    blanks in between; base64 at any place, base32, hexadecimal. What has the shape of a token goes too, known or not:
    `Bearer …`, Modal's tokens and result URLs.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        # Not as `Secret`: what is made of one must be as quick as of any text.
        known = sorted({str(secret) for secret in secrets if len(secret) >= SHORTEST})
        self._exact = tuple({form for secret in known for form in _exact_forms(secret)})
        self._folded = tuple({form for secret in known for form in _folded_forms(secret)})

    def __repr__(self) -> str:
        """Say nothing of the secrets."""
        return f"{type(self).__name__}()"

    def clean(self, text: str) -> str:
        """Return `text` with `[redacted]` in each secret's place."""
        if self._exact:
            text = _replaced(text, sorted(self._spans(text)))
        for shape in _SHAPES:
            text = shape.sub(rf"\g<kept>{REDACTED}", text)
        return text

    def guarding(self, *loggers: str) -> AbstractContextManager[None]:
        """Clean what these loggers and those under them say meanwhile; none named: all."""
        return log_guard.guarding(self.clean, *loggers)

    def _spans(self, text: str) -> Iterator[tuple[int, int]]:
        for form in self._exact:
            yield from ((start, start + len(form)) for start in _found(form, text))
        for view in views(text):
            for form, is_short in self._folded:
                for start in _found(form, view.folded):
                    first, end = view.span(start, start + len(form))
                    if not (is_short and " " in text[first:end]):
                        yield first, end


def _found(form: str, text: str) -> Iterator[int]:
    start = text.find(form)
    while start >= 0:
        yield start
        start = text.find(form, start + len(form))


def _replaced(text: str, spans: Sequence[tuple[int, int]]) -> str:
    """Put `[redacted]` in the place of each stretch that the ordered, perhaps overlapping `spans` cover."""
    pieces: list[str] = []
    done = 0
    begun = False
    for start, end in spans:
        if not begun or start > done:
            pieces += [text[done:start], REDACTED]
            begun = True
        done = max(done, end)
    return "".join([*pieces, text[done:]])


@functools.lru_cache(maxsize=256)
def _exact_forms(secret: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(form for form in exact_forms(secret) if len(form) >= SHORTEST))


@functools.lru_cache(maxsize=256)
def _folded_forms(secret: str) -> tuple[tuple[str, bool], ...]:
    """Return the forms to look for in folded texts, and whether each is too short to be looked for in pieces."""
    forms = dict.fromkeys(form for form in folded_forms(secret) if len(form) >= SHORTEST)
    return tuple((form, len(form) < _SPLIT_FROM and " " not in secret) for form in forms)
