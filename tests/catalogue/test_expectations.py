"""What a catalogue may expect: each field's own message for a value that makes no sense."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_modal_bench.catalogue import CatalogueError, load
from pytest_modal_bench.catalogue.errors import Place
from pytest_modal_bench.catalogue.expectations import check
from pytest_modal_bench.model import Expect

if TYPE_CHECKING:
    from pathlib import Path

PLACE = Place(("endpoints.toml", "/x", "expect"))


@pytest.mark.parametrize(
    "expect",
    [
        Expect(),
        Expect(kind="image", at="images.*.data", count=4, width=512),
        Expect(at="0.url"),
        Expect(kind="audio", min_duration=1.5, sample_rate=24000),
        Expect(kind="file", min_bytes=10, max_bytes=10),
        Expect(text=r"\bfour\b", min_tokens=5),
    ],
)
def test_what_makes_sense_is_taken(expect: Expect) -> None:
    check(expect, PLACE)


@pytest.mark.parametrize(
    ("expect", "message"),
    [
        (Expect(at=""), "at: expected dotted keys, such as images.*.data"),
        (Expect(at="images..data"), "at: expected dotted keys, such as images.*.data"),
        (
            Expect(at="a", kind="json"),
            "kind: json can't be looked for in JSON; say image, video, audio or file",
        ),
        (Expect(kind="audio", width=8), "width: no answer of the kind audio has one; take it out, or say"),
        (
            Expect(kind="image", sample_rate=8),
            "sample_rate: no answer of the kind image has one; take it out",
        ),
        (Expect(kind="json", sample_rate=8), "sample_rate: no answer of the kind json has one; take it out"),
        (Expect(count=2), "count: counts what at names; say at, too"),
        (Expect(at="a", count=0), "count: expected a number above 0"),
        (Expect(sample_rate=-1), "sample_rate: expected a number above 0"),
        (Expect(min_bytes=0), "min_bytes: expected a number above 0"),
        (Expect(min_bytes=11, max_bytes=10), "min_bytes: is above max_bytes, which is 10"),
        (Expect(min_tokens=0), "min_tokens: expected a number above 0"),
        (Expect(text="("), "text: not a regular expression: missing ), unterminated subpattern"),
        (Expect(status=404), "status: expected an HTTP status from 200 to 299; any other is a failure"),
    ],
)
def test_what_makes_none_has_a_message_of_its_own(expect: Expect, message: str) -> None:
    with pytest.raises(CatalogueError) as caught:
        check(expect, PLACE)
    assert f"expect.{message}" in str(caught.value)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("at", "1", "expected a string, got an integer"),
        ("count", "'two'", "expected an integer, got a string"),
        ("count", "1.5", "expected an integer, got a number"),
        ("sample_rate", "'high'", "expected an integer, got a string"),
        ("min_bytes", "true", "expected an integer, got true or false"),
        ("text", "[]", "expected a string, got an array"),
        ("min_tokens", "'many'", "expected an integer, got a string"),
        ("kind", "'melody'", "unknown value 'melody'; known: image, video, audio, file, json, any"),
    ],
)
def test_a_wrong_type_is_named(tmp_path: Path, field: str, value: str, message: str) -> None:
    path = tmp_path / "endpoints.toml"
    path.write_text(
        '[apps.a]\nurl = "https://a.example"\n[[endpoints]]\npath = "/x"\napp = "a"\ncategory = "A"\n'
        f"expect = {{ {field} = {value} }}\n"
    )
    with pytest.raises(CatalogueError) as caught:
        load(path)
    assert str(caught.value) == f"endpoints.toml: /x: expect.{field}: {message}"
