"""An example of what a schema describes: the same one each time, and no more of it than a call needs.

Of a value's keywords the first that is there counts: `examples`, `example`, `default`, `const`, `enum`; else the least
that its type allows. Fields are there if they are required, have such a value, or hold what the work is done on: a
prompt, a seed, an image. No library does this: those on PyPI draw at random (jsf, hypothesis-jsonschema: unmaintained
since 2024, and the one opens the files and addresses that a schema refers to), or need a newer Python.
"""

from __future__ import annotations

import math
from itertools import islice
from typing import TYPE_CHECKING, Any

from pytest_modal_bench.catalogue import placeholders
from pytest_modal_bench.init.openapi import media
from pytest_modal_bench.init.openapi.media import Where
from pytest_modal_bench.init.openapi.references import table, text, texts
from pytest_modal_bench.init.openapi.values import NOTHING, encodable, fit

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytest_modal_bench.init.openapi.references import References, Schema

SEED = "{seed}"
PROMPT = "A mountain lake at dawn"
_PROMPT_OF_SEED = "A mountain lake at dawn, number {seed}"
"""Where no field takes the seed: two calls that ask for the same would measure a cache."""

_PROMPTS = frozenset(
    {
        "prompt",
        "text",
        "instruction",
        "instructions",
        "query",
        "question",
        "input",
        "inputs",
        "lyrics",
        "message",
    }
)
_LARGEST_SEED = 2**31 - 1
"""Of those that a run draws."""
_SIDES = frozenset({"width", "height", "resolution", "dimension"})
_SIDE = 512
_TEXTS = {
    "uuid": "00000000-0000-4000-8000-000000000000",
    "date-time": "2026-01-01T00:00:00Z",
    "date": "2026-01-01",
    "time": "00:00:00Z",
    "duration": "PT1S",
    "email": "user@example.com",
    "uri": "https://example.com/",
    "url": "https://example.com/",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
}
"""Examples of formats (JSON Schema Validation 2020-12, section 7.3); names and addresses are those kept for it."""
_MOST_VALUES = 500
_CHARACTERS = 100
"""So many of a text are as much as one value."""
_DEEPEST = 12
_MOST_FIELDS = 200
_MOST_ITEMS = 4
_LONGEST_TEXT = 1_000


class Example:
    """An example of one schema: its `value`, or NOTHING, and what is `unknown` of it."""

    def __init__(self, references: References, schema: object, where: Where, given: object = None) -> None:
        """`given`: an example that stands beside the schema, and comes first."""
        self._references = references
        self._where = where
        self._left = _MOST_VALUES
        self._unknown: dict[str, None] = {}
        if given is not None:
            self.value = self._of_given(given, schema, (), 0)
        else:
            self.value = self._of(schema, (), required=True)
        self.value = _with_seed(self.value)

    @property
    def unknown(self) -> list[str]:
        """Dotted names of required fields whose values are made up; an empty one stands for the whole value."""
        return [*self._unknown]

    def _of(self, schema: object, names: tuple[str, ...], *, required: bool, depth: int = 0) -> Any:
        self._left -= 1
        if self._left < 0 or depth > _DEEPEST:
            return NOTHING
        plain = self._references.plain(schema)
        own = self._special(plain, names)
        if own is not None:
            return own
        for given in _given(plain):
            value = self._of_given(given, plain, names, depth)
            # An empty list says no more than that it may be empty.
            if value is not NOTHING and value != [] and not (value == "" and _is_prompt(names)):
                return value
        return self._least(plain, names, required=required, depth=depth)

    def _least(self, plain: Schema, names: tuple[str, ...], *, required: bool, depth: int) -> Any:
        """The least that a type allows; NOTHING where the field need not be there."""
        value: Any = NOTHING
        match _type(plain):
            case "object" if required or _is_prompt(names):
                value = self._object(plain, names, depth=depth)
            case "array":
                value = self._array(plain, names, required=required, depth=depth)
            case "string" if required or _is_prompt(names):
                value = self._text(plain, names, required=required)
            case "integer" | "number" as kind if required:
                value = self._number(plain, names, whole=kind == "integer")
            case "boolean" if names[-1:] == ("stream",):
                value = False
            case "boolean" if required:
                value = self._made_up(False, names)
            case None if required:
                value = self._made_up("text", names)
        return value

    def _special(self, plain: Schema, names: tuple[str, ...]) -> str | None:
        """A placeholder, where the field holds what a run puts in itself."""
        if not names:
            return None
        if _is_seed(names[-1], plain):
            return SEED
        return media.placeholder(names, plain, self._where)

    def _of_given(self, given: object, schema: object, names: tuple[str, ...], depth: int) -> Any:
        """A given value, with placeholders for the seeds and files in it."""
        self._left -= 1
        if self._left < 0 or depth > _DEEPEST:
            return NOTHING
        plain = self._references.plain(schema)
        if isinstance(given, dict):
            properties = table(plain.get("properties"))
            found = {}
            for name, each in islice(given.items(), _MOST_FIELDS):
                if isinstance(name, str) and encodable(name):
                    found[name] = self._of_given(each, properties.get(name), (*names, name), depth + 1)
            return {name: each for name, each in found.items() if each is not NOTHING}
        if isinstance(given, list):
            items = [
                self._of_given(each, plain.get("items"), names, depth + 1) for each in given[:_MOST_FIELDS]
            ]
            return [item for item in items if item is not NOTHING]
        if isinstance(given, int | float) and not isinstance(given, bool):
            plain = {"type": "integer" if isinstance(given, int) else "number", **plain}
        elif isinstance(given, str):
            self._left -= len(given) // _CHARACTERS
            plain = {**plain, "default": given}
        return self._special(plain, names) or fit(given)

    def _object(self, plain: Schema, names: tuple[str, ...], *, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        properties = table(plain.get("properties"))
        needed = dict.fromkeys(texts(plain.get("required")))
        for name, schema in islice(properties.items(), _MOST_FIELDS):
            if not encodable(name) or (isinstance(schema, dict) and schema.get("readOnly") is True):
                continue
            value = self._of(schema, (*names, name), required=name in needed, depth=depth + 1)
            if value is not NOTHING and (name in needed or value not in ({}, [])):
                found[name] = value
        for name in islice(needed, _MOST_FIELDS):
            if name not in properties and encodable(name):
                found[name] = self._made_up("text", (*names, name))
        return found if found or properties else self._made_up(found, names)

    def _array(self, plain: Schema, names: tuple[str, ...], *, required: bool, depth: int) -> Any:
        least = _whole(plain.get("minItems"), 1 if required else 0)
        items = self._references.plain(plain.get("items"))
        if not required and media.placeholder(names, items, self._where) is None:
            return NOTHING
        count = min(max(1, least), _MOST_ITEMS)
        made = [self._of(items, names, required=True, depth=depth + 1) for _ in range(count)]
        return [item for item in made if item is not NOTHING]

    def _text(self, plain: Schema, names: tuple[str, ...], *, required: bool) -> str:
        if _is_prompt(names) and "pattern" not in plain:
            return PROMPT[: _whole(plain.get("maxLength"), len(PROMPT)) or len(PROMPT)]
        named = _TEXTS.get(text(plain.get("format")))
        if named is not None:
            return named
        least = min(_whole(plain.get("minLength"), 0), _LONGEST_TEXT)
        made = "text" + "x" * max(0, least - len("text"))
        made = made[: max(least, _whole(plain.get("maxLength"), len(made)))]
        return str(self._made_up(made, names)) if required else made

    def _number(self, plain: Schema, names: tuple[str, ...], *, whole: bool) -> float:
        least = _bound(plain, "minimum", "exclusiveMinimum", whole=whole, up=True)
        most = _bound(plain, "maximum", "exclusiveMaximum", whole=whole, up=False)
        value: float = _SIDE if names and media.words(names[-1])[-1:] in [[side] for side in _SIDES] else 1
        if least is None:
            self._made_up(value, names)
        else:
            value = max(value, least) if value == _SIDE else least
        if most is not None:
            value = min(value, most)
        step = plain.get("multipleOf")
        if isinstance(step, int) and 0 < step <= _LARGEST_SEED:
            value = math.ceil(value / step) * step
        return int(value) if whole else float(value)

    def _made_up(self, value: Any, names: tuple[str, ...]) -> Any:
        self._unknown[".".join(names)] = None
        return value


def given(parameter: Schema, references: References) -> str | None:
    """Return the example that an app gives of a parameter, as text; None: it gives none."""
    schema, beside = parameter.get("schema"), example_beside(parameter)
    if beside is None and next(_given(references.plain(schema)), None) is None:
        return None
    found = Example(references, schema, Where(form=False), beside)
    if found.unknown or isinstance(found.value, bool | dict | list) or found.value in (NOTHING, ""):
        return None
    return str(found.value) if "{" not in str(found.value) else None


def example_beside(described: Schema) -> object:
    """Return the first example that stands beside a schema, as parameters and bodies have it; None: there is none."""
    if described.get("example") is not None:
        return described["example"]
    for each in table(described.get("examples")).values():
        if isinstance(each, dict) and each.get("value") is not None:
            return each["value"]
    return None


def _given(plain: Schema) -> Iterator[object]:
    """Values that a schema names itself, the best first; null is none."""
    examples = plain.get("examples")
    if isinstance(examples, list):
        yield from (each for each in examples if each is not None)
    for keyword in ("example", "default", "const"):
        if plain.get(keyword) is not None:
            yield plain[keyword]
    choices = plain.get("enum")
    if isinstance(choices, list):
        yield from (each for each in choices if each is not None)


def _type(plain: Schema) -> str | None:
    declared = plain.get("type")
    if isinstance(declared, str):
        return declared
    if "properties" in plain or "required" in plain:
        return "object"
    return "array" if "items" in plain else None


def _is_seed(name: str, plain: Schema) -> bool:
    most = plain.get("maximum", _LARGEST_SEED)
    return (
        media.words(name)[-1:] == ["seed"]
        and _type(plain) in ("integer", "number")
        and isinstance(most, int | float)
        and most >= _LARGEST_SEED
    )


def _is_prompt(names: Sequence[str]) -> bool:
    own = media.words(names[-1]) if names else []
    return bool(own) and own[-1] in _PROMPTS and not {"negative", "system"}.intersection(own)


def _whole(value: object, otherwise: int) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else otherwise


def _bound(plain: Schema, inclusive: str, exclusive: str, *, whole: bool, up: bool) -> float | None:
    """A number's bound. OpenAPI 3.0 has `exclusiveMinimum = true` beside `minimum`, 3.1 has it as a number."""
    value, beyond = plain.get(inclusive), plain.get(exclusive)
    excluded = beyond is True
    if isinstance(beyond, int | float) and not isinstance(beyond, bool):
        value, excluded = beyond, True
    if not isinstance(value, int | float) or isinstance(value, bool) or abs(value) > _LARGEST_SEED:
        return None
    if whole:
        rounded = math.ceil(value) if up else math.floor(value)
        step = (1 if up else -1) if excluded and rounded == value else 0
        return rounded + step
    return value + (1 if up else -1) * 1e-3 if excluded else value


def _with_seed(value: Any) -> Any:
    """Put the seed into the made-up prompt where nothing else takes it."""
    if value is NOTHING or any(each.name == "seed" for each in placeholders.find(value)):
        return value
    return _replaced(value)


def _replaced(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _replaced(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_replaced(each) for each in value]
    return _PROMPT_OF_SEED if value == PROMPT else value
