"""Secrets taken out of what is printed, logged or written. Knows values and shapes, not where they stand."""

from __future__ import annotations

import base64
import contextlib
import json
import logging
import re
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

REDACTED = "[redacted]"

SHORTEST = 4
"""Values below so many characters are not looked for: they stand in every text, and keep nothing."""

_SHAPES = (
    # Modal's result URLs: whoever has one can fetch the answer.
    re.compile(r"(?i)(?P<kept>__modal_(?:attempt_token|function_call_id)(?:=|%3D))[^&\s\"'<>()]+"),
    re.compile(r"(?i)(?P<kept>\bBearer\s+)[^\s\"',;]+"),
    # Modal's proxy tokens (wk-, ws-) and API tokens (ak-, as-); words such as "as-built" are spared.
    re.compile(r"(?P<kept>\b(?:wk|ws|ak|as)-)(?=[a-z_-]{0,40}[A-Z0-9])[\w-]{6,}"),
)


class Redactor:
    """Takes `secrets` out of texts, plain or as they look in a URL, in JSON and in base64.

    What has the shape of a token goes too, known or not: `Bearer …`, Modal's tokens and result URLs.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        forms = {form for secret in secrets if len(secret) >= SHORTEST for form in _forms(secret)}
        # Longest first: of two secrets that begin alike, the shorter must not leave the other's rest behind.
        longest_first = sorted(forms, key=lambda form: (-len(form), form))
        self._known = re.compile("|".join(map(re.escape, longest_first))) if forms else None

    def __repr__(self) -> str:
        """Say nothing of the secrets."""
        return f"{type(self).__name__}()"

    def clean(self, text: str) -> str:
        """Return `text` with `[redacted]` in each secret's place."""
        if self._known is not None:
            text = self._known.sub(REDACTED, text)
        for shape in _SHAPES:
            text = shape.sub(rf"\g<kept>{REDACTED}", text)
        return text

    @contextlib.contextmanager
    def guarding(self, *loggers: str) -> Iterator[None]:
        """Clean what the named loggers say meanwhile; tracebacks are dropped, since they can't be cleaned."""

        def clean(record: logging.LogRecord) -> bool:
            record.msg, record.args = self.clean(record.getMessage()), ()
            record.exc_info = record.exc_text = None
            return True

        guarded = [logging.getLogger(name) for name in loggers]
        for logger in guarded:
            logger.addFilter(clean)
        try:
            yield
        finally:
            for logger in guarded:
                logger.removeFilter(clean)


def _forms(secret: str) -> Iterator[str]:
    raw = secret.encode("utf-8", "surrogateescape")
    yield secret
    yield quote(raw, safe="")
    yield quote(raw)
    yield quote_plus(raw)
    yield json.dumps(secret)[1:-1]
    yield json.dumps(secret, ensure_ascii=False)[1:-1]
    yield repr(secret)[1:-1]
    yield base64.b64encode(raw).decode().rstrip("=")
    yield base64.urlsafe_b64encode(raw).decode().rstrip("=")
