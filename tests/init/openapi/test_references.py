from __future__ import annotations

import pytest

from pytest_modal_bench.init.openapi.references import References, text, texts

SCHEMAS = {
    "A": {"type": "object", "properties": {"a": {"$ref": "#/components/schemas/Text"}}, "required": ["a"]},
    "B": {"type": "object", "properties": {"b": {"type": "integer"}}, "required": ["b"]},
    "Text": {"type": "string", "default": "x"},
    "Loop": {"$ref": "#/components/schemas/Loop"},
    "a/b~c": {"type": "boolean"},
}
REFERENCES = References({"components": {"schemas": SCHEMAS}})


def to(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def test_a_reference_is_what_it_leads_to_with_what_stands_beside_it_over_it() -> None:
    assert REFERENCES.plain({**to("Text"), "default": "y"}) == {"type": "string", "default": "y"}


def test_names_in_a_reference_are_unescaped() -> None:
    assert REFERENCES.plain(to("a~1b~0c")) == {"type": "boolean"}
    assert REFERENCES.plain(to("%54ext"))["type"] == "string"


@pytest.mark.parametrize(
    "reference",
    ["http://127.0.0.1:9/x.json#/a", "other.json", "file:///etc/passwd", "#/nowhere", "#", 3, None],
)
def test_what_leads_out_of_the_document_or_nowhere_says_nothing(reference: object) -> None:
    assert REFERENCES.plain({"$ref": reference}) == {}


def test_a_reference_to_itself_ends() -> None:
    assert REFERENCES.plain(to("Loop")) == {}


def test_parts_are_one() -> None:
    both = REFERENCES.plain({"allOf": [to("A"), to("B")]})
    assert both["properties"].keys() == {"a", "b"}
    assert both["required"] == ["a", "b"]


@pytest.mark.parametrize("keyword", ["anyOf", "oneOf"])
def test_of_alternatives_the_first_counts_that_is_not_null(keyword: str) -> None:
    schema = {
        keyword: [{"type": "null"}, {"type": "string"}, {"type": "integer"}],
        "title": "T",
        "default": None,
    }
    assert REFERENCES.plain(schema) == {"type": "string", "title": "T", "default": None}


def test_a_type_that_may_be_null_is_the_other() -> None:
    assert REFERENCES.plain({"type": ["null", "string"]}) == {"type": "string"}


def test_a_few_references_that_branch_cost_no_more_than_the_document_may() -> None:
    branching: dict[str, object] = {f"S{level}": {"allOf": [to(f"S{level + 1}")] * 9} for level in range(18)}
    references = References({"components": {"schemas": {**branching, "S18": {"type": "string"}}}})
    references.plain(to("S0"))
    assert references.plain({"type": "string"}) == {}, "its share is used up"


def test_anything_else_has_no_text() -> None:
    assert texts(["a", 1, None, "b"]) == ["a", "b"]
    assert texts("ab") == []
    assert text(3) == ""
