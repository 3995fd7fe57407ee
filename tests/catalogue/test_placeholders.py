from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_modal_bench.catalogue.placeholders import (
    Field,
    Placeholder,
    PlaceholderError,
    check,
    escaped,
    fill,
    find,
)

if TYPE_CHECKING:
    from collections.abc import Callable

names = st.from_regex(r"\A[a-z_]+\Z")
encodings = st.none() | st.from_regex(r"\A[A-Za-z0-9_]+\Z")
known = st.builds(Placeholder, names, encodings)
braceless = st.text(st.characters(exclude_characters="{}"))
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def constant(value: object) -> Callable[[Placeholder], object]:
    return lambda _: value


def test_placeholders_are_found_everywhere_but_in_keys() -> None:
    value = {"a": "{seed} and {image:base64}", "{video}": ["x", {"b": "{mask}"}], "c": 1}
    assert list(find(value)) == [Placeholder("seed"), Placeholder("image", "base64"), Placeholder("mask")]


@pytest.mark.parametrize(
    "text", ["{a|b}", "{}", "{ seed }", '{"seed": 1}', "{Seed}", "{seed", "seed}", "{seed:}", "{1}"]
)
def test_other_braces_are_left_alone(text: str) -> None:
    assert list(find(text)) == []
    assert fill(text, constant("X")) == text


def test_doubled_braces_stand_for_single_ones() -> None:
    assert list(find("{{seed}} {seed}")) == [Placeholder("seed")]
    assert fill("{{seed}} {seed}", constant(7)) == "{seed} 7"
    assert fill("{{seed}}", constant(7)) == "{seed}"


def test_a_text_that_is_a_placeholder_becomes_the_value_itself() -> None:
    value = object()
    assert fill({"a": ["{lora}"]}, constant(value)) == {"a": [value]}


def test_what_is_put_in_is_not_looked_through_again() -> None:
    assert fill("a {lora}", constant("{seed}")) == "a {seed}"


@given(before=braceless, placeholder=known, after=braceless, value=st.integers())
def test_a_placeholder_in_a_text_is_found_and_filled(
    before: str, placeholder: Placeholder, after: str, value: int
) -> None:
    text = f"{before}{placeholder}{after}"
    assert list(find(text)) == [placeholder]
    assert fill(text, constant(value)) == (f"{before}{value}{after}" if before or after else value)


@given(values)
def test_what_holds_no_placeholder_is_unchanged(value: object) -> None:
    if not list(find(value)) and "{{" not in repr(value):
        assert fill(value, constant("X")) == value


@given(values)
def test_every_placeholder_found_is_asked_for_once(value: object) -> None:
    asked: list[Placeholder] = []
    fill(value, asked.append)
    assert asked == list(find(value))


@pytest.mark.parametrize(
    ("placeholder", "field"),
    [
        (Placeholder("seed"), "payload"),
        (Placeholder("seed"), "headers"),
        (Placeholder("lora"), "query"),
        (Placeholder("image"), "payload"),
        (Placeholder("image", "base64"), "query"),
        (Placeholder("video", "datauri"), "form"),
        (Placeholder("mask", "bytes"), "form"),
        (Placeholder("env", "MODAL_KEY"), "headers"),
    ],
)
def test_known_placeholders_pass(placeholder: Placeholder, field: Field) -> None:
    check(placeholder, field)


@pytest.mark.parametrize(
    ("placeholder", "field", "message"),
    [
        (Placeholder("imgae"), "payload", "unknown placeholder {imgae}; did you mean image?"),
        (
            Placeholder("image", "base46"),
            "payload",
            "unknown encoding in {image:base46}; did you mean base64?",
        ),
        (
            Placeholder("seed", "base64"),
            "payload",
            "unknown placeholder {seed:base64}; {seed} takes no encoding",
        ),
        (
            Placeholder("image", "bytes"),
            "payload",
            "{image:bytes} stands in payload; a file's bytes belong in form",
        ),
        (
            Placeholder("image"),
            "headers",
            "{image} stands in headers; a file belongs in payload, form or query",
        ),
        (Placeholder("env", "KEY"), "payload", "{env:KEY} stands in payload; secrets belong in headers"),
        (Placeholder("env"), "headers", "{env} names no variable; write {env:NAME}"),
    ],
)
def test_the_others_are_refused_with_a_way_out(placeholder: Placeholder, field: Field, message: str) -> None:
    with pytest.raises(PlaceholderError) as refused:
        check(placeholder, field)
    assert str(refused.value) == message


@given(text=st.text() | st.text(st.sampled_from("{}ab:_")))
def test_a_text_that_is_escaped_is_sent_as_it_was(text: str) -> None:
    assert list(find(escaped(text))) == []
    assert fill(escaped(text), lambda _: pytest.fail("it asks for a placeholder")) == text
