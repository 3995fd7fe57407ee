"""TOML into typed tables: a file into a dict, a dict into a struct, and msgspec's messages into words."""

from __future__ import annotations

import functools
import math
import re
import tomllib
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeVar, get_args, get_origin

import msgspec

from pytest_modal_bench.catalogue.errors import shown, way_out
from pytest_modal_bench.safety.files import read_bytes

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_modal_bench.catalogue.errors import Place

S = TypeVar("S", bound=msgspec.Struct)

_DEEPEST = 50
_LARGEST_BYTES = 16 * 2**20
"""Of a catalogue's file; one of a thousand endpoints has less than one MiB."""
# What JSON readers agree on: whole numbers that fit 64 bits (RFC 8259, section 6, warns of larger ones).
_INTEGERS = range(-(2**63), 2**64)

_WORDS = {
    "str": "a string",
    "int": "an integer",
    "float": "a number",
    "bool": "true or false",
    "array": "an array",
    "object": "a table",
    "datetime": "a date and time",
    "date": "a date",
    "time": "a time",
}
_MISMATCH = re.compile(r"Expected `(\w+)[^`]*`, got `(\w+)`")
_LOCATION = re.compile(r" - at `\$\.?(.*)`$")


def read(path: Path, place: Place) -> dict[str, Any]:
    """Return the TOML file's tables. Raises CatalogueError if it can't be read, or is not TOML in UTF-8."""
    try:
        text = read_bytes(path, _LARGEST_BYTES).decode("utf-8-sig")
    except FileNotFoundError:
        raise place.error("no such file") from None
    except IsADirectoryError:
        raise place.error("is a directory; name the catalogue's file in it") from None
    except OSError as error:
        raise place.error(f"can't be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise place.error(f"byte {error.start} is not UTF-8; save the file as UTF-8") from None
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise place.error(f"nested too deep; at most {_DEEPEST} levels") from None
    except ValueError as error:
        raise place.error(f"not TOML: {shown(str(error))}") from None


def check_json(value: object, place: Place) -> None:
    """Raise CatalogueError unless JSON can say `value`: no dates, nothing infinite, nothing too deep."""
    if not _is_json(value, _DEEPEST - 1):
        _look_closely(value, place)


def _look_closely(value: object, place: Place) -> None:
    """Raise CatalogueError with the place of what JSON can't say."""
    pending: list[tuple[object, tuple[str, ...]]] = [(value, ())]
    while pending:
        each, keys = pending.pop()
        here = place.at("".join(keys).removeprefix(".")) if keys else place
        if len(keys) > _DEEPEST:
            raise here.error(f"nested too deep; at most {_DEEPEST} levels")
        if isinstance(each, dict):
            pending.extend((item, (*keys, f".{key}")) for key, item in each.items())
        elif isinstance(each, list):
            pending.extend((item, (*keys, f"[{index}]")) for index, item in enumerate(each))
        elif isinstance(each, float):
            if not math.isfinite(each):
                raise here.error(f"expected a finite number, got {each}")
        elif isinstance(each, int):
            if each not in _INTEGERS:
                raise here.error("expected an integer of at most 64 bits")
        elif not isinstance(each, str):
            raise here.error("expected what JSON knows, got a date or time; put it in quotes")


def _is_json(value: object, levels: int) -> bool:
    """Whether `value` is beyond doubt; what is not is looked at with its place."""
    if isinstance(value, str):
        return True
    if isinstance(value, dict):
        return levels > 0 and all(_is_json(each, levels - 1) for each in value.values())
    if isinstance(value, list):
        return levels > 0 and all(_is_json(each, levels - 1) for each in value)
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, int) and value in _INTEGERS


def table(value: object, into: type[S], place: Place) -> S:
    """Return `value` as `into`. Raises CatalogueError for unknown and missing fields and wrong types."""
    _check_keys(value, into, place)
    try:
        return msgspec.convert(value, into)
    except msgspec.ValidationError as error:
        message = str(error)
    located = _LOCATION.search(message)
    mismatch = _MISMATCH.match(message)
    problem = f"expected {_WORDS[mismatch[1]]}, got {_WORDS[mismatch[2]]}" if mismatch else message
    raise (place.at(located[1]) if located else place).error(problem)


class _Checked(NamedTuple):
    """A field of which more is looked at than its type."""

    name: str
    required: bool
    tables: tuple[type[msgspec.Struct], ...]
    choices: tuple[tuple[str, ...], ...]


@functools.cache
def _checked(into: type[msgspec.Struct]) -> list[_Checked]:
    found = []
    for field in msgspec.structs.fields(into):
        kinds = get_args(field.type)
        tables = tuple(kind for kind in kinds if isinstance(kind, type) and issubclass(kind, msgspec.Struct))
        choices = tuple(get_args(kind) for kind in kinds if get_origin(kind) is Literal)
        if field.required or tables or choices:
            found.append(_Checked(field.name, field.required, tables, choices))
    return found


def _check_keys(value: object, into: type[msgspec.Struct], place: Place) -> None:
    if not isinstance(value, dict):
        raise place.error(f"expected a table, got {_WORDS[_kind(value)]}")
    for key in value:
        if key not in into.__struct_fields__:
            raise place.at(key).error(f"unknown field; {way_out(key, into.__struct_fields__)}")
    for field in _checked(into):
        if field.name in value:
            for kind in field.tables:
                _check_keys(value[field.name], kind, place.at(field.name))
            for choices in field.choices:
                _check_choice(value[field.name], choices, place.at(field.name))
        elif field.required:
            raise place.at(field.name).error("missing field")


def _check_choice(value: object, known: tuple[str, ...], place: Place) -> None:
    if isinstance(value, str) and value not in known:
        raise place.error(f"unknown value '{shown(value)}'; {way_out(value, known)}")


def _kind(value: object) -> str:
    names = {"dict": "object", "list": "array"}
    name = type(value).__name__
    return names.get(name, name)
