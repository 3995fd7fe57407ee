from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_modal_bench.answers.embedded.places import find

NAMES = st.text('abc*01é"\\ ', min_size=1, max_size=3)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)


def found(value: Any, at: str) -> list[tuple[str, Any]]:
    """What is found in the JSON that `value` makes, as places and values; of no value, None and an ellipsis."""
    return [
        (each.where, msgspec.json.decode(each.written) if len(each.written) else ...)
        for each in find(memoryview(msgspec.json.encode(value)), at)
    ]


@pytest.mark.parametrize(
    ("value", "at", "expected"),
    [
        ({"image": "x"}, "image", [("image", "x")]),
        ({"data": [{"b64": "x"}, {"b64": "y"}]}, "data.*.b64", [("data.0.b64", "x"), ("data.1.b64", "y")]),
        ({"images": ["x", "y"]}, "images.*", [("images.0", "x"), ("images.1", "y")]),
        ({"images": ["x", "y"]}, "images.1", [("images.1", "y")]),
        (["x", "y"], "*", [("0", "x"), ("1", "y")]),
        ([{"a": ["x"]}, {"a": ["y", "z"]}], "*.a.*", [("0.a.0", "x"), ("1.a.0", "y"), ("1.a.1", "z")]),
        ({"a": {"b": {"c": "x"}}}, "a.b.c", [("a.b.c", "x")]),
        ({"a.b": "x", "a": {"b": "y"}}, "a.b", [("a.b", "x")]),
        (
            {"images": [{"data": "x"}, {"seed": 1}]},
            "images.*.data",
            [("images.0.data", "x"), ("images.1.data", ...)],
        ),
        ({"images": [None, "x"]}, "images.*", [("images.0", None), ("images.1", "x")]),
        ({"images": []}, "images.*.data", []),
        ({"images": None}, "images.*.data", []),
        ({"images": "x"}, "images.*", []),
        ({"other": "x"}, "images.*.data", []),
        ({"other": "x"}, "image", [("image", ...)]),
        ({"images": ["x"]}, "images.1", [("images.1", ...)]),
        ({"images": ["x"]}, "images.-1", [("images.-1", ...)]),
        ({"images": ["x"]}, "images.99999999999999999999", [("images.99999999999999999999", ...)]),
        ({"images": ["x"]}, "images.²", [("images.²", ...)]),
        ("text", "image", [("image", ...)]),
        (7, "*", []),
    ],
)
def test_a_place_is_keys_indexes_and_stars_for_each(
    value: Any, at: str, expected: list[tuple[str, Any]]
) -> None:
    assert found(value, at) == expected


def test_blanks_and_a_byte_order_mark_before_the_json_are_looked_past() -> None:
    data = b'\xef\xbb\xbf \n\t { "images" : [ "x" , "y" ] } '

    assert [(each.where, bytes(each.written)) for each in find(memoryview(data), "images.*")] == [
        ("images.0", b'"x"'),
        ("images.1", b'"y"'),
    ]


def test_of_a_key_that_stands_twice_the_last_one_counts_as_it_does_for_everyone() -> None:
    data = b'{"image": "x", "image": "y"}'

    (only,) = find(memoryview(data), "image")
    assert bytes(only.written) == b'"y"'


def test_what_is_found_is_a_part_of_the_answer_and_no_copy() -> None:
    data = bytearray(b'{"image": "xyz"}')
    (only,) = find(memoryview(data), "image")
    data[11:14] = b"abc"

    assert bytes(only.written) == b'"abc"'


@pytest.mark.parametrize("data", [b'{"image": ', b'{"image": "x"} y', b"{", b"[" * 200_000, b'{"\xff": 1}'])
def test_what_is_no_json_is_said_to_be_none(data: bytes) -> None:
    with pytest.raises(ValueError, match="no valid JSON"):
        list(find(memoryview(data), "image.x" if data[:1] == b"{" else "0.0.0"))


@given(VALUES, st.lists(NAMES | st.just("*"), min_size=1, max_size=4))
def test_any_place_in_any_json_is_found_as_walking_the_values_finds_it(value: Any, parts: list[str]) -> None:
    def walk(value: Any, parts: list[str], way: list[str]) -> list[tuple[str, Any]]:
        if not parts:
            return [(".".join(way), value)]
        first, *rest = parts
        if isinstance(value, dict) and first in value:
            return walk(value[first], rest, [*way, first])
        if isinstance(value, list) and first == "*":
            return [one for n, item in enumerate(value) for one in walk(item, rest, [*way, str(n)])]
        if (
            isinstance(value, list)
            and first.isdecimal()
            and first.isascii()
            and len(first) < 3
            and int(first) < len(value)
        ):
            return walk(value[int(first)], rest, [*way, first])
        return [] if "*" in parts else [(".".join([*way, *parts]), ...)]

    assert found(value, ".".join(parts)) == walk(value, parts, [])
