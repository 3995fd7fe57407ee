from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openapi_documents import fields

from pytest_modal_bench.init.openapi.examples import PROMPT, Example, example_beside
from pytest_modal_bench.init.openapi.examples import given as given_by
from pytest_modal_bench.init.openapi.media import Where
from pytest_modal_bench.init.openapi.references import References
from pytest_modal_bench.init.openapi.values import NOTHING

if TYPE_CHECKING:
    from pytest_modal_bench.init.openapi.references import Schema


def made(schema: object, beside: object = None, document: Schema | None = None) -> Example:
    return Example(References(document or {}), schema, Where(form=False), beside)


def of(schema: Schema, name: str = "value") -> Any:
    """The value of a required field."""
    return made(fields({name: schema}, name)).value[name]


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"examples": ["first", "second"], "example": "third", "default": "fourth"}, "first"),
        ({"example": "third", "default": "fourth", "enum": ["fifth"]}, "third"),
        ({"default": "fourth", "enum": ["fifth"]}, "fourth"),
        ({"default": None, "const": "sixth"}, "sixth"),
        ({"enum": [None, "fifth"]}, "fifth"),
        ({"examples": [None, 2**70], "default": 7}, 7),
        ({"default": False}, False),
    ],
)
def test_of_the_values_that_a_schema_gives_the_first_counts(schema: Schema, expected: object) -> None:
    assert of(schema) == expected


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": "integer"}, 1),
        ({"type": "integer", "minimum": 3}, 3),
        ({"type": "integer", "exclusiveMinimum": 3}, 4),
        ({"type": "integer", "minimum": 3, "exclusiveMinimum": True}, 4),
        ({"type": "integer", "minimum": 2.5}, 3),
        ({"type": "integer", "maximum": -5}, -5),
        ({"type": "integer", "minimum": 5, "multipleOf": 8}, 8),
        ({"type": "number", "minimum": 0}, 0.0),
        ({"type": "boolean"}, False),
        ({"type": "string"}, "text"),
        ({"type": "string", "minLength": 6}, "textxx"),
        ({"type": "string", "maxLength": 2}, "te"),
        ({"type": "string", "format": "uuid"}, "00000000-0000-4000-8000-000000000000"),
        ({"type": "array", "items": {"const": "a"}}, ["a"]),
        ({"type": "array", "items": {"const": "a"}, "minItems": 3}, ["a", "a", "a"]),
        ({"type": "object"}, {}),
        ({}, "text"),
    ],
)
def test_else_it_is_the_least_that_the_type_allows(schema: Schema, expected: object) -> None:
    assert of(schema) == expected
    assert type(of(schema)) is type(expected)


@pytest.mark.parametrize("name", ["width", "max_dimension", "height"])
def test_a_side_is_one_of_a_picture(name: str) -> None:
    assert of({"type": "integer"}, name) == 512
    assert of({"type": "integer", "maximum": 256}, name) == 256
    assert of({"type": "integer", "minimum": 1024}, name) == 1024


@pytest.mark.parametrize("name", ["seed", "random_seed", "noiseSeed"])
def test_a_seed_is_new_for_every_call(name: str) -> None:
    schema = fields({name: {"anyOf": [{"type": "integer"}, {"type": "null"}], "default": -1}})
    assert made(schema).value == {name: "{seed}"}


def test_a_seed_that_cannot_take_those_of_a_run_stays_what_it_is() -> None:
    assert of({"type": "integer", "maximum": 100, "default": 5}, "seed") == 5
    assert of({"type": "string", "default": "a"}, "seed") == "a"


def test_a_prompt_is_a_sentence_also_where_it_need_not_be_given() -> None:
    schema = fields({"prompt": {"type": "string", "default": ""}, "seed": {"type": "integer"}})
    assert made(schema).value == {"prompt": PROMPT, "seed": "{seed}"}
    assert "negative_prompt" not in made(fields({"negative_prompt": {"type": "string"}})).value


def test_a_prompt_says_the_seed_where_no_field_does() -> None:
    assert made(fields({"prompt": {"type": "string"}})).value == {"prompt": f"{PROMPT}, number {{seed}}"}


def test_optional_fields_are_there_for_their_values_or_for_the_work() -> None:
    schema = fields(
        {
            "steps": {"type": "integer", "default": 4},
            "style": {"type": "string"},
            "image": {"type": "string"},
            "reference_videos": {"type": "array", "items": {"type": "string"}, "default": []},
            "stops": {"type": "array", "items": {"type": "string"}, "default": []},
            "options": {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]},
            "stream": {"type": "boolean"},
            "id": {"type": "string", "default": "x", "readOnly": True},
        }
    )
    assert made(schema).value == {
        "steps": 4,
        "image": "{image}",
        "reference_videos": ["{video}"],
        "stream": False,
    }


def test_an_example_of_the_whole_comes_first_and_its_files_and_seeds_are_put_in() -> None:
    schema = fields(
        {"image": {"type": "string"}, "seed": {"type": "integer"}, "style": {"type": "string"}}, "style"
    )
    example = {
        "image": "https://example.com/a.png",
        "seed": 3,
        "style": "{bold}",
        "none": None,
        "list": [{"seed": 9}],
    }
    expected = {"image": "{image}", "seed": "{seed}", "style": "{{bold}}", "list": [{"seed": "{seed}"}]}
    assert made({**schema, "example": example}).value == expected
    assert made(schema, example).value == expected


def test_what_is_made_up_is_named() -> None:
    schema = fields(
        {"model": {"type": "string"}, "inner": fields({"key": {"type": "integer"}}, "key")}, "model", "inner"
    )
    assert made(schema).unknown == ["model", "inner.key"]
    assert made({"type": "string"}).unknown == [""]
    assert (
        made(
            fields({"prompt": {"type": "string"}, "n": {"type": "integer", "minimum": 1}}, "prompt", "n")
        ).unknown
        == []
    )


def test_a_required_field_that_is_not_described_is_there() -> None:
    assert made(fields({}, "model")).value == {"model": "text"}


def test_a_schema_in_itself_ends() -> None:
    document = {
        "components": {"schemas": {"Node": fields({"next": {"$ref": "#/components/schemas/Node"}}, "next")}}
    }
    assert made({"$ref": "#/components/schemas/Node"}, document=document).value.keys() == {"next"}


SCALARS = st.sampled_from(
    [
        {"type": "string"},
        {"type": "string", "minLength": 7},
        {"type": "string", "maxLength": 3},
        {"type": "string", "enum": ["a", "b"]},
        {"type": "integer"},
        {"type": "integer", "minimum": 9, "maximum": 12},
        {"type": "integer", "exclusiveMinimum": 0, "multipleOf": 4},
        {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
        {"type": "boolean"},
        {"anyOf": [{"type": "null"}, {"type": "integer", "minimum": 2}]},
        {"const": 3},
    ]
)
SCHEMAS = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.builds(
            lambda items, least: {"type": "array", "items": items, "minItems": least},
            inner,
            st.integers(0, 3),
        ),
        st.builds(
            lambda properties, needed: fields(properties, *(name for name in properties if name in needed)),
            st.dictionaries(st.sampled_from("abcdef"), inner, max_size=4),
            st.sets(st.sampled_from("abcdef")),
        ),
    ),
    max_leaves=10,
)


@given(schema=SCHEMAS)
def test_an_example_is_what_its_schema_asks_for(schema: Schema) -> None:
    jsonschema.Draft202012Validator(schema).validate(made(schema).value)
    assert made(schema).value == made(schema).value


@pytest.mark.parametrize(
    ("parameter", "expected"),
    [
        ({"schema": {"type": "integer"}}, None),
        ({"schema": {"type": "integer", "minimum": 4}}, None),
        ({"schema": {"type": "integer", "default": 4}}, "4"),
        ({"schema": {"type": "string"}, "example": "a"}, "a"),
        ({"schema": {"type": "string"}, "examples": {"one": {"value": "b"}}}, "b"),
        ({"schema": {"enum": ["c", "d"]}}, "c"),
        ({"schema": {"default": "{x}"}}, None),
        ({"schema": {"default": [1]}}, None),
        ({}, None),
    ],
)
def test_of_a_parameter_only_what_the_app_gives_is_an_example(
    parameter: Schema, expected: str | None
) -> None:
    assert given_by(parameter, References({})) == expected


def test_an_example_beside_a_schema_may_be_one_of_several() -> None:
    assert example_beside({"examples": {"a": {"summary": "no value"}, "b": {"value": 2}}}) == 2
    assert example_beside({"examples": ["no table"]}) is None


def test_nothing_is_nothing() -> None:
    assert made({"type": "null"}).value is NOTHING
