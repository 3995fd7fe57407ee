from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_modal_bench.answers.decoding.documents import is_textual, look

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@pytest.mark.parametrize(
    ("data", "kind", "form"),
    [
        (b'{"image": "aGk="}', "json", "JSON"),
        (b"\xef\xbb\xbf[1, 2]", "json", "JSON"),
        (b'"a string"', "json", "JSON"),
        (b'{"cut": [1, 2', "text", None),
        (b"[" * 200_000 + b"]" * 200_000, "text", None),
        (b"NaN", "text", None),
        ('{"k\u00f6rper": 1}'.encode("latin-1"), "other", None),
        (b"<!DOCTYPE html><p>", "html", "HTML"),
        (b"\n <!-- a page -->\n<html lang='en'>", "html", "HTML"),
        ("<html><p>k\u00f6rper".encode("latin-1"), "html", "HTML"),
        (b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>', "text", None),
        (b"BMW is a maker of cars, and this is a text", "text", None),
        ("k\u00f6rper".encode(), "text", None),
        (b"\x00\x01\x02", "other", None),
        (b"\x89PN", "other", None),
        (b"", "empty", None),
    ],
)
def test_documents_are_told_apart_by_their_bytes(data: bytes, kind: str, form: str | None) -> None:
    found = look(data)

    assert (found.kind, found.format) == (kind, form)
    assert found.checked is (kind != "other")
    assert found.unchecked == (None if found.checked else "no decoder for these bytes")


@given(VALUES)
def test_whatever_encodes_to_json_is_json(value: object) -> None:
    assert look(msgspec.json.encode(value)).kind == "json"


@given(st.binary())
def test_any_bytes_are_one_of_five_things(data: bytes) -> None:
    assert look(data).kind in ("empty", "html", "other", "json", "text")


@pytest.mark.parametrize(
    ("head", "textual"), [(b"", True), (b"a\tb\r\n\x1b[0m", True), (b"a\0b", False), (b"\x1f\x8b", False)]
)
def test_no_text_holds_control_bytes(head: bytes, textual: bool) -> None:
    assert is_textual(head) is textual
