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

DOCUMENTS = 1_500


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
    """What is made of any document, as it comes: as JSON. None: one line."""
    try:
        return drafted(msgspec.json.decode(json.dumps(AnyDocument(seed).made()).encode()))
    except msgspec.DecodeError:
        return None
    except InitError as error:
        assert str(error).isprintable()
        return None


def test_any_document_makes_a_catalogue_that_loads_or_one_line(tmp_path: Path) -> None:
    made = [draft for seed in range(DOCUMENTS) if (draft := of_any(seed)) and draft.measured]
    for draft in made:
        assert loads(tmp_path, toml.render(draft)) == len(draft.measured)
    # Else the documents were too odd to show anything.
    measured = [entry for draft in made for entry in draft.measured]
    assert sum("payload" in entry.fields for entry in measured) > DOCUMENTS / 10
    assert sum("poll" in entry.fields for entry in measured) > 0
    assert sum("form" in entry.fields for entry in measured) > 0
    assert sum("expect" in entry.fields for entry in measured) > 0


def test_what_is_suggested_can_be_taken_as_it_stands(tmp_path: Path) -> None:
    for seed in range(DOCUMENTS):
        draft = of_any(seed)
        if draft and draft.measured:
            assert loads(tmp_path, all_suggested(draft)) == len(draft.measured)


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
