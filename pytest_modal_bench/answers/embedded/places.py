"""Finds what stands at a place of a JSON answer, `images.*.data`, without copying it: a text may have gigabytes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator

EACH = "*"
"""What in a place stands for each item of a list."""
# A byte-order mark and blanks (RFC 8259, section 2); inside, msgspec has cut blanks off.
_BEGINNING = re.compile(rb"(?:\xef\xbb\xbf)?[ \t\r\n]*")


class Found(NamedTuple):
    """What stands at one place."""

    where: str
    """Such as `images.3.data`."""
    written: memoryview
    """The value as JSON writes it; of nothing if there is none."""


def find(data: memoryview, at: str) -> Iterator[Found]:
    """Yield what stands `at` a place of the JSON `data`, in its order; a list that is not there yields nothing.

    A key that holds dots is found where it is the last one, as `expect.json` finds it. Raises ValueError for what is no
    JSON; what is found may be none inside.
    """
    beginning = _BEGINNING.match(data)
    assert beginning is not None  # noqa: S101 - it matches nothing as well
    try:
        yield from _walk(data[beginning.end() :], at.split("."), ())
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise ValueError("no valid JSON") from None


def _walk(written: memoryview, parts: list[str], way: tuple[str, ...]) -> Iterator[Found]:
    if not parts:
        yield Found(".".join(way), written)
        return
    first, rest = parts[0], parts[1:]
    below: dict[str, msgspec.Raw] = {}
    match bytes(written[:1]):
        case b"{":
            below = msgspec.json.decode(written, type=dict[str, msgspec.Raw])
            if (whole := ".".join(parts)) in below:
                first, rest = whole, []
        case b"[":
            items = msgspec.json.decode(written, type=list[msgspec.Raw])
            if first == EACH:
                for index, item in enumerate(items):
                    yield from _walk(memoryview(item), rest, (*way, str(index)))
                return
            below = {first: items[int(first)]} if _is_index(first, len(items)) else {}
    if first in below:
        yield from _walk(memoryview(below[first]), rest, (*way, first))
    elif EACH not in parts:
        yield Found(".".join((*way, *parts)), memoryview(b""))


def _is_index(part: str, count: int) -> bool:
    return part.isascii() and part.isdecimal() and len(part) <= len(str(count)) and int(part) < count
