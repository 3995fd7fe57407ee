"""Indented JSON of an object whose last field is a long list, in pieces: the whole would be in memory several times."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_NOTHING = b"[]\n}"
"""How an object ends whose last field is a list of nothing."""


def pieces(head: bytes, items: Iterable[bytes]) -> Iterator[bytes]:
    """Yield `head`, JSON of an object whose last field is an empty list, with `items`, each JSON, in that list.

    It ends with a newline.
    """
    opened = False
    yield _indented(head).removesuffix(_NOTHING)
    for item in items:
        yield b",\n    " if opened else b"[\n    "
        yield _indented(item).replace(b"\n", b"\n    ")  # no text in JSON holds one
        opened = True
    yield b"\n  ]\n}\n" if opened else _NOTHING + b"\n"


def _indented(text: bytes) -> bytes:
    return msgspec.json.format(text, indent=2)
