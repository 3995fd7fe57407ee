"""Values out of a document, made fit for a catalogue.

TOML has no null and no huge number, and names in braces mean something.
"""

from __future__ import annotations

import math
from itertools import islice
from typing import Any

from pytest_modal_bench.catalogue import placeholders

NOTHING: Any = object()
"""There is no value that could be written."""

_INTEGERS = range(-(2**63), 2**63)
"""What TOML readers must handle (TOML 1.0, "Integer")."""
_DEEPEST = 20
_MOST_ITEMS = 200
_LONGEST_TEXT = 4_000
"""Characters of an example; longer ones are files."""


def fit(value: object, depth: int = 0) -> Any:
    """Return `value` as a catalogue can hold it, text for text; NOTHING where it can't.

    Nulls, and what else can't be held, are left out of lists and tables.
    """
    match value:
        case str() if encodable(value):
            return placeholders.escaped(value)
        case int() if value in _INTEGERS:
            return value
        case float() if math.isfinite(value):
            return value
        case list() if depth < _DEEPEST:
            items = (fit(each, depth + 1) for each in value[:_MOST_ITEMS])
            return [item for item in items if item is not NOTHING]
        case dict() if depth < _DEEPEST:
            fields = {
                name: fit(value[name], depth + 1) for name in islice(value, _MOST_ITEMS) if encodable(name)
            }
            return {name: each for name, each in fields.items() if each is not NOTHING}
    return NOTHING


def encodable(text: str) -> bool:
    """Whether a file in UTF-8 can hold `text`, and it is not too long: JSON may escape half a character."""
    if len(text) > _LONGEST_TEXT:
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
