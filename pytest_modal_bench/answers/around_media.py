"""Finds in the JSON around media that the server says it failed: where the result is known, all else is no result."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_modal_bench.answers import reported_failures
from pytest_modal_bench.answers.json_results import holds_result
from pytest_modal_bench.answers.reported_failures import Failure

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

_MOST_OBJECTS = 10_000


def find_failure(content: object, at: str, ordered: Collection[str] = ()) -> Failure | None:
    """Return what a decoded answer says of a failure on the way to the media `at` a place; None: nothing.

    In any other answer a result beside an error is a result, and the error a warning. `ordered` are fields that the
    catalogue asks for, whatever they are called.
    """
    for number, (where, held) in enumerate(_on_the_way(content, at.split("."), ())):
        if number >= _MOST_OBJECTS:
            break
        # Something must be there beside an error, or a harmless message would be all that there is.
        rest = {name: value for name, value in held.items() if not holds_result({name: value})} | {"": True}
        found = reported_failures.find(rest, () if where else ordered)
        if found is not None:
            return Failure(".".join(filter(None, (*where, found.where))), found.words)
    return None


def _on_the_way(
    value: object, parts: list[str], where: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], dict[str, object]]]:
    """Yield the objects down to the one that the last part is in, each with the way to it and without the next part."""
    if not parts:
        return
    first, *rest = parts
    if isinstance(value, dict):
        yield where, {name: held for name, held in value.items() if name != first}
        yield from _on_the_way(value.get(first), rest, (*where, first))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            if first in ("*", str(index)):
                yield from _on_the_way(item, rest, (*where, str(index)))
