"""Placeholders in a catalogue's texts, as `{seed}`, `{image:base64}`, `{env:NAME}`: found, checked, put in.

Only a name in braces is a placeholder. Any other text is left alone, so that a prompt may hold `{a|b}` or
JSON; `{{name}}` stands for the text `{name}`. Keys of a table are never looked at.
"""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, Literal, NamedTuple

from pytest_modal_bench.catalogue.errors import LIKE, way_out

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

Field = Literal["payload", "form", "query", "headers"]
"""The part of an endpoint that a placeholder stands in."""

MEDIA = frozenset({"image", "video", "mask"})
"""Names that stand for files in every catalogue; others do in one that names a file for them."""

NO_FILES = frozenset({"seed", "lora", "env"})
"""Names that stand for something else."""

ENCODINGS = frozenset({"datauri", "base64", "bytes"})
"""How a file is put in; without one it is a data URI. `bytes` makes a form multipart."""

_NAME = r"([a-z_][a-z0-9_]*)(?::([A-Za-z0-9_]+))?"
_PATTERN = re.compile(rf"\{{\{{{_NAME}\}}\}}|\{{{_NAME}\}}")


class PlaceholderError(ValueError):
    """A placeholder that nothing can be put in for; its text says which, and the way out."""


class Placeholder(NamedTuple):
    """A name in braces, and what stands behind its colon: an encoding or, for `env`, a variable's name."""

    name: str
    encoding: str | None = None

    def __str__(self) -> str:
        """Return it as a catalogue writes it."""
        return f"{{{self.name}}}" if self.encoding is None else f"{{{self.name}:{self.encoding}}}"


def find(value: object) -> Iterator[Placeholder]:
    """Yield the placeholders in `value`, known or not, in their order; looks into tables and lists."""
    if isinstance(value, str):
        for match in _PATTERN.finditer(value):
            if match[3] is not None:
                yield Placeholder(match[3], match[4])
    elif isinstance(value, dict):
        for each in value.values():
            yield from find(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from find(each)


def fill(value: object, lookup: Callable[[Placeholder], object]) -> object:
    """Return `value` with each placeholder replaced by what `lookup` returns for it.

    A text that is one placeholder and nothing else becomes that very object; inside a longer text it becomes
    its `str`. What is put in is not looked through again.
    """
    if isinstance(value, str):
        whole = _PATTERN.fullmatch(value)
        if whole is not None and whole[3] is not None:
            return lookup(Placeholder(whole[3], whole[4]))

        def replace(match: re.Match[str]) -> str:
            return match[0][1:-1] if match[3] is None else str(lookup(Placeholder(match[3], match[4])))

        return _PATTERN.sub(replace, value)
    if isinstance(value, dict):
        return {key: fill(each, lookup) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [fill(each, lookup) for each in value]
    return value


def escaped(text: str) -> str:
    """Return `text` so that `fill` makes it what it is now, whatever stands in braces there."""
    return _PATTERN.sub(lambda match: f"{{{match[0]}}}", text)


def check(placeholder: Placeholder, field: Field, files: Collection[str] = MEDIA) -> None:
    """Raise PlaceholderError unless `placeholder` is one that can be filled in where it stands.

    `files` are the names of the catalogue's files. Another name is that of a file that is missing, unless it looks like
    one that is known.
    """
    name, encoding = placeholder
    known = frozenset({*NO_FILES, *files})
    if name not in known and (close := difflib.get_close_matches(name, known, n=1, cutoff=LIKE)):
        raise PlaceholderError(f"unknown placeholder {placeholder}; did you mean {close[0]}?")
    is_file = name not in NO_FILES
    if name == "env":
        if encoding is None:
            raise PlaceholderError("{env} names no variable; write {env:NAME}")
        if field != "headers":
            raise PlaceholderError(f"{placeholder} stands in {field}; secrets belong in headers")
    elif field == "headers" and is_file:
        raise PlaceholderError(f"{placeholder} stands in headers; a file belongs in payload, form or query")
    elif encoding is not None and not is_file:
        raise PlaceholderError(f"unknown placeholder {placeholder}; {{{name}}} takes no encoding")
    elif encoding is not None and encoding not in ENCODINGS:
        raise PlaceholderError(f"unknown encoding in {placeholder}; {way_out(encoding, sorted(ENCODINGS))}")
    elif encoding == "bytes" and field != "form":
        raise PlaceholderError(f"{placeholder} stands in {field}; a file's bytes belong in form")
