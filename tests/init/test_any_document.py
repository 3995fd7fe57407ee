"""Whatever an app says of itself: a catalogue that loads as it is, or one line that says why there is none."""

from __future__ import annotations

import json
import tomllib
from typing import TYPE_CHECKING

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openapi_documents import AnyDocument, document, drafted, fields, post, text

from pytest_modal_bench.catalogue import load, placeholders
from pytest_modal_bench.init import toml
from pytest_modal_bench.init.errors import InitError

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_modal_bench.init.draft import Draft

DOCUMENTS = 600


def loads(directory: Path, written: str) -> int:
    """How many endpoints the catalogue has."""
    file = directory / "endpoints.toml"
    file.write_bytes(written.encode())
    return len(load(file).endpoints)


def all_suggested(draft: Draft) -> str:
    """The catalogue as if someone took the # from all that may be right."""
    for entry in draft.measured:
        entry.fields.update({name: value for _, name, value in entry.suggested})
    return toml.render(draft)


def of_any(seed: int) -> Draft | None:
    """What is made of any document, as it comes: as JSON. None: one line says why nothing is."""
    content = msgspec.json.decode(json.dumps(AnyDocument(seed).made()).encode())
    problem = ""
    try:
        return drafted(content)
    except InitError as error:
        problem = str(error)
    assert problem.isprintable()
    return None


def test_any_document_makes_a_catalogue_that_loads_with_all_that_it_suggests_or_one_line(
    tmp_path: Path,
) -> None:
    made = [draft for seed in range(DOCUMENTS) if (draft := of_any(seed)) and draft.measured]
    assert len(made) > DOCUMENTS / 4
    for draft in made:
        assert loads(tmp_path, toml.render(draft)) == len(draft.measured)
        assert loads(tmp_path, all_suggested(draft)) == len(draft.measured)
    # Else the documents would be too odd to show anything.
    measured = [entry for draft in made for entry in draft.measured]
    assert sum("payload" in entry.fields for entry in measured) > DOCUMENTS / 10
    assert sum("poll" in entry.fields for entry in measured) > 0
    assert sum("form" in entry.fields for entry in measured) > 0
    assert sum("expect" in entry.fields for entry in measured) > 0


def test_the_same_document_makes_the_same_text() -> None:
    for seed in range(50):
        first, second = of_any(seed), of_any(seed)
        if first and second:
            assert toml.render(first) == toml.render(second)


@given(value=st.text(st.characters(exclude_categories=())))
def test_any_text_in_an_example_is_sent_as_it_is(value: str) -> None:
    written = text(
        document({"/work": post(fields({"style": {"type": "string", "example": value}}, "style"))})
    )
    payload = tomllib.loads(written)["endpoints"][0]["payload"]
    if not any("\ud800" <= char <= "\udfff" for char in value):
        assert placeholders.fill(payload, lambda found: found) == {"style": value}
    else:
        assert payload == {"style": "text"}


@pytest.mark.parametrize("keyword", ["example", "default"])
@given(
    value=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists, max_leaves=9
    )
)
def test_any_value_in_an_example_leaves_a_catalogue_that_loads(
    tmp_path_factory: pytest.TempPathFactory, keyword: str, value: object
) -> None:
    written = text(document({"/work": post(fields({"value": {keyword: value}, "b": {"const": 1}}, "b"))}))
    assert loads(tmp_path_factory.mktemp("any"), written) == 1


def nested(levels: int, branches: int, leaf: object) -> dict[str, object]:
    """Schemas that stand for more fields than there are atoms."""
    return {
        f"S{level}": fields(
            {f"f{branch}": {"$ref": f"#/components/schemas/S{level + 1}"} for branch in range(branches)},
            *(f"f{branch}" for branch in range(branches)),
        )
        for level in range(levels)
    } | {f"S{levels}": leaf}


@pytest.mark.parametrize(
    ("schema", "schemas"),
    [
        ({"$ref": "#/components/schemas/S0"}, nested(12, 9, {"type": "string"})),
        ({"$ref": "#/components/schemas/S0"}, nested(40, 1, {"type": "string"})),
        ({"$ref": "#/components/schemas/A"}, {"A": fields({"a": {"$ref": "#/components/schemas/A"}}, "a")}),
        (fields({f"f{number}": {"default": "x"} for number in range(20_000)}), {}),
        (fields({f"f{number}": {"default": "{image}" * 500} for number in range(100)}), {}),
        ({"example": "A" * 2_000_000}, {}),
    ],
)
def test_a_schema_that_has_no_end_makes_a_catalogue_of_bounded_size(
    tmp_path: Path, schema: object, schemas: dict[str, object]
) -> None:
    paths = {f"/{number}": post(schema) for number in range(20)} | {
        "/other": post(fields({"a": {"const": 1}}))
    }
    written = text(document(paths, components={"schemas": schemas}))
    assert len(written) < 1_000_000
    assert loads(tmp_path, written) >= 1
