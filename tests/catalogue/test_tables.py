from __future__ import annotations

import datetime as dt
import math
from typing import TYPE_CHECKING, Any, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_modal_bench.catalogue import CatalogueError, tables
from pytest_modal_bench.catalogue.errors import Place

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PLACE = Place(("endpoints.toml",))
TABLE = PLACE.at("/buy")


class Inner(msgspec.Struct, frozen=True, kw_only=True):
    kind: Literal["image", "video"] | None = None
    width: int | None = None


class Outer(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    speed: float = 1.0
    inner: Inner | None = None
    tags: tuple[str, ...] = ()


sound = st.recursive(
    st.text(max_size=5)
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda children: (
        st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=3), children, max_size=3)
    ),
    max_leaves=10,
)
unsound = st.sampled_from(
    [math.inf, -math.inf, math.nan, 2**64, -(2**63) - 1, dt.date(2026, 2, 2), dt.time(7, 32), None]
)
wrappers: st.SearchStrategy[list[Callable[[Any], Any]]] = st.lists(
    st.sampled_from([lambda value: [1, value], lambda value: {"key": value, "other": "x"}]), max_size=10
)


def complaint(call: Callable[[], object]) -> str:
    with pytest.raises(CatalogueError) as caught:
        call()
    return str(caught.value)


def test_a_file_is_read_into_tables(tmp_path: Path) -> None:
    path = tmp_path / "endpoints.toml"
    path.write_bytes("\ufeff[a]\nb = 'é'\n".encode())

    assert tables.read(path, PLACE) == {"a": {"b": "é"}}


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"a = ", "endpoints.toml: not TOML: Invalid value"),
        (b"a = '\xff'", "endpoints.toml: byte 5 is not UTF-8; save the file as UTF-8"),
        (b"a = " + b"[" * 5000, "endpoints.toml: nested too deep; at most 50 levels"),
    ],
)
def test_a_file_that_is_no_toml_is_named_with_the_reason(
    tmp_path: Path, content: bytes, expected: str
) -> None:
    path = tmp_path / "endpoints.toml"
    path.write_bytes(content)

    assert complaint(lambda: tables.read(path, PLACE)).startswith(expected)


def test_a_file_that_cannot_be_opened_is_named_with_the_reason(tmp_path: Path) -> None:
    assert complaint(lambda: tables.read(tmp_path / "gone.toml", PLACE)) == "endpoints.toml: no such file"
    assert complaint(lambda: tables.read(tmp_path, PLACE)) == (
        "endpoints.toml: is a directory; name the catalogue's file in it"
    )
    (tmp_path / "loop").symlink_to("loop")
    assert complaint(lambda: tables.read(tmp_path / "loop", PLACE)).startswith(
        "endpoints.toml: can't be read: "
    )


@given(sound)
def test_what_json_can_say_passes_and_can_be_encoded(value: object) -> None:
    tables.check_json(value, TABLE)

    assert msgspec.json.decode(msgspec.json.encode(value)) == value


@given(unsound, wrappers)
def test_what_json_cannot_say_is_found_however_deep_it_lies(
    value: object, around: list[Callable[[Any], Any]]
) -> None:
    for wrap in around:
        value = wrap(value)

    assert complaint(lambda: tables.check_json(value, TABLE)).startswith("endpoints.toml: /buy: ")


def test_what_json_cannot_say_is_named_by_its_place() -> None:
    value = {"a": [{"b": 1}, {"b": math.inf}]}

    assert complaint(lambda: tables.check_json(value, TABLE)) == (
        "endpoints.toml: /buy: a[1].b: expected a finite number, got inf"
    )


def test_fifty_levels_pass_and_one_more_does_not() -> None:
    value: object = 1
    for _ in range(50):
        value = [value]

    tables.check_json(value, TABLE)
    assert "nested too deep; at most 50 levels" in complaint(lambda: tables.check_json([value], TABLE))


def test_a_table_becomes_its_type_with_defaults_for_what_it_leaves_out() -> None:
    assert tables.table({"name": "x"}, Outer, TABLE) == Outer(name="x")
    assert tables.table(
        {"name": "x", "speed": 2, "inner": {"kind": "video"}, "tags": ["a"]}, Outer, TABLE
    ) == Outer(name="x", speed=2.0, inner=Inner(kind="video"), tags=("a",))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (3, "expected a table, got an integer"),
        (["x"], "expected a table, got an array"),
        (dt.date(2026, 2, 2), "expected a table, got a date"),
        ({}, "name: missing field"),
        ({"name": "x", "sped": 2}, "sped: unknown field; did you mean speed?"),
        ({"name": "x", "zzz": 2}, "zzz: unknown field; known: name, speed, inner, tags"),
        ({"name": 3}, "name: expected a string, got an integer"),
        ({"name": "x", "speed": "2"}, "speed: expected a number, got a string"),
        ({"name": "x", "tags": ["a", 1]}, "tags[1]: expected a string, got an integer"),
        ({"name": "x", "inner": 1}, "inner: expected a table, got an integer"),
        ({"name": "x", "inner": {"widht": 1}}, "inner.widht: unknown field; did you mean width?"),
        ({"name": "x", "inner": {"kind": "vidoe"}}, "inner.kind: unknown value 'vidoe'; did you mean video?"),
        ({"name": "x", "inner": {"width": True}}, "inner.width: expected an integer, got true or false"),
    ],
)
def test_a_table_that_does_not_fit_its_type_is_named_down_to_the_field(value: object, expected: str) -> None:
    assert complaint(lambda: tables.table(value, Outer, TABLE)) == f"endpoints.toml: /buy: {expected}"
