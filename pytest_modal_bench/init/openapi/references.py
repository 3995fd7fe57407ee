"""Where a document's references lead: inside the document alone, and only so often, since a stranger wrote it."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

_MOST = 1_000_000
"""Keywords and fields that are looked at in one document: references that branch make an endless one of a small one."""
_DEEPEST = 20
"""References and alternatives within one another."""
_MOST_TEXTS = 1_000
_ALTERNATIVES = ("anyOf", "oneOf")

Schema = dict[str, Any]


class References:
    """Finds what stands behind `$ref`, `allOf`, `anyOf` and `oneOf`; what leads nowhere says nothing: `{}`."""

    def __init__(self, document: Schema) -> None:
        self._document = document
        self._left = _MOST

    def followed(self, value: object) -> Schema:
        """Return the object `value`, or the one that it refers to, with what stands beside the reference over it."""
        found: Schema = {}
        for _ in range(_DEEPEST):
            if not isinstance(value, dict) or self._left < 0:
                return found
            self._left -= 1 + len(value)
            beside = {name: each for name, each in value.items() if name != "$ref"}
            found = {**beside, **found}
            if "$ref" not in value:
                return found
            value = self._target(value["$ref"])
        return found

    def plain(self, schema: object, depth: int = 0) -> Schema:
        """Return a schema without references: all parts of `allOf` in one, and of alternatives the first but null."""
        found = self.followed(schema)
        if depth > _DEEPEST:
            return {}
        parts: Schema = {}
        for part in _listed(found.pop("allOf", None)):
            parts = self._merged(parts, self.plain(part, depth + 1))
        found = self._merged(parts, found) if parts else found
        for keyword in _ALTERNATIVES:
            if keyword not in found:
                continue
            alternatives = (self.plain(each, depth + 1) for each in _listed(found.pop(keyword, None)))
            chosen = next((each for each in alternatives if each.get("type") != "null"), {})
            found = self._merged(chosen, found)
        if isinstance(found.get("type"), list):
            # OpenAPI 3.1 writes what may be null as ["string", "null"].
            found["type"] = next((each for each in found["type"] if each != "null"), None)
        return found

    def _target(self, reference: object) -> object:
        if not isinstance(reference, str) or not reference.startswith("#/"):
            return None
        found: object = self._document
        for name in reference[2:].split("/"):
            # RFC 6901, sections 3 and 6.
            key = unquote(name).replace("~1", "/").replace("~0", "~")
            found = found.get(key) if isinstance(found, dict) else None
        return found

    def _merged(self, below: Schema, above: Schema) -> Schema:
        kept = {name: value for name, value in above.items() if value is not None or name not in below}
        both = {**below, **kept}
        properties = {**table(below.get("properties")), **table(above.get("properties"))}
        self._left -= len(both) + len(properties)
        if properties:
            both["properties"] = properties
        required = [*texts(below.get("required")), *texts(above.get("required"))]
        if required:
            both["required"] = required
        return both


def texts(value: object) -> list[str]:
    """Return the texts of a list, the first thousand; of anything else, none."""
    return [each for each in _listed(value)[:_MOST_TEXTS] if isinstance(each, str)]


def text(value: object) -> str:
    """Return a text as it is; of anything else, an empty one."""
    return value if isinstance(value, str) else ""


def table(value: object) -> Schema:
    """Return an object as it is; of anything else, an empty one."""
    return value if isinstance(value, dict) else {}


def _listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
