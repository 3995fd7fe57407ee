"""The beginning of a text or of JSON, for people to look at: one line, secrets taken out before anything is cut."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from msgspec import UNSET

from pytest_modal_bench.call import failures
from pytest_modal_bench.model import Preview
from pytest_modal_bench.safety.redaction import REDACTED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

LONGEST = 400
"""Characters that are shown."""
LONGEST_STRING = 80
"""Characters that are shown of a string in JSON, which may be a whole file in base64."""
LOOKED_AT = 1 << 14
"""Characters of a text, or of a string in JSON, that are looked at: a secret in them must be whole to be found."""
_LOOKED_AT_BYTES = 4 * LOOKED_AT + 4
"""More characters than these, or all of a shorter text, whatever they are in UTF-8."""
_CUT = "\ufdd0"
"""Stands where a text was cut that was longer. No text holds it: Unicode has set it aside (section 23.7)."""
_STRING = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)


def beginning(body: bytes | Path, content: object, *, said: str = "") -> str:
    """Return the beginning of an answer, its secrets still in it: what its stream has `said`, or its JSON, or its text.

    `content` is what it was decoded to, or UNSET. Raises OSError for a file that can't be read.
    """
    if said:
        return _cut(said)
    if content is not UNSET and not isinstance(content, str):
        return _json(content)
    if isinstance(body, bytes):
        head = body[:_LOOKED_AT_BYTES]
    else:
        with body.open("rb") as file:
            head = file.read(_LOOKED_AT_BYTES)
    return _cut(head.decode("utf-8-sig", "replace"))


def preview(text: str, clean: Callable[[str], str]) -> Preview | None:
    """Return what is shown of a `beginning`, secrets taken out by `clean`; None: it says nothing."""
    shown = _STRING.sub(_shortened, clean(text)) if text.startswith(("{", "[")) else clean(text)
    shown = clean(failures.one_line(_without_half_secret(shown)))
    if not shown:
        return None
    return Preview(kind="text", text=shown if len(shown) <= LONGEST else f"{shown[:LONGEST]}…")


def _cut(text: str) -> str:
    head = text[:LOOKED_AT].replace(_CUT, "")
    return f"{head}{_CUT}" if len(text) > LOOKED_AT else head


def _json(content: object) -> str:
    """Write the beginning of JSON: of a large one no more than is shown, but for its strings."""
    written: list[str] = []
    size = 0
    for piece in _pieces(content):
        written.append(piece)
        size += len(piece)
        if size > 2 * LONGEST:
            written.append("…")
            break
    return "".join(written)


def _pieces(value: object) -> Iterator[str]:
    match value:
        case dict():
            for number, (name, inner) in enumerate(value.items()):
                yield f"{', ' if number else '{'}{json.dumps(_cut(str(name)), ensure_ascii=False)}: "
                yield from _pieces(inner)
            yield "}" if value else "{}"
        case list():
            for number, inner in enumerate(value):
                yield ", " if number else "["
                yield from _pieces(inner)
            yield "]" if value else "[]"
        case str():
            yield json.dumps(_cut(value), ensure_ascii=False)
        case _:
            yield json.dumps(value)


def _shortened(string: re.Match[str]) -> str:
    inner = _without_half_secret(string[1])
    is_whole = inner == string[1] and len(inner) <= LONGEST_STRING
    return string[0] if is_whole else f'"{inner[:LONGEST_STRING]}…"'


def _without_half_secret(text: str) -> str:
    """Return a text from which secrets were taken, without what may be the first half of one where it was cut.

    That is behind the last whole one; and it can only be seen if most of what was looked at was secrets.
    """
    if not text.endswith(_CUT):
        return text
    is_mostly_secret = REDACTED in text and len(text) < LOOKED_AT // 2
    return text[: text.rfind(REDACTED) + len(REDACTED)] if is_mostly_secret else text[: -len(_CUT)]
