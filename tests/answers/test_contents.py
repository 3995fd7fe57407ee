from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest
from msgspec import UNSET

from pytest_modal_bench.answers import contents, expectation
from pytest_modal_bench.answers.contents import content
from pytest_modal_bench.answers.decoding import documents

if TYPE_CHECKING:
    from pathlib import Path


def look(body: bytes) -> object:
    return content(body, documents.look(body).media(len(body), "a" * 64))


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b'{"a": 1}', {"a": 1}),
        (b"null", None),
        (b'\xef\xbb\xbf{"a": 1}', {"a": 1}),
        (b'{"error": "oom", "loss": Infinity}', {"error": "oom", "loss": float("inf")}),
        (b'{"a": 1}\n{"a": 2}\n', [{"a": 1}, {"a": 2}]),
        (b'event: step\ndata: {"a": 1}\n\ndata: [DONE]\n\n', [{"a": 1}]),
        (b"fc-01AB\n", "fc-01AB"),
        (b"{a prompt}", "{a prompt}"),
        (b"<html><p>", UNSET),
        (b"", UNSET),
        (b"\0\1", UNSET),
    ],
)
def test_what_is_json_or_nearly_json_is_decoded(body: bytes, value: object) -> None:
    assert look(body) == value


def test_a_file_is_decoded_as_its_bytes_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    body = msgspec.json.encode({"image": "QUJD" * 10_000, "error": None})
    file = tmp_path / "body"
    file.write_bytes(body)
    media = documents.look(body).media(len(body), "a" * 64)
    assert content(file, media) == content(body, media) == msgspec.json.decode(body)

    monkeypatch.setattr(contents, "LARGEST_JSON", 10_000)
    for each in (file, body):
        short = content(each, media)
        assert isinstance(short, dict)
        assert short.keys() == {"image", "error"}
        assert short["image"].startswith("QUJD")


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (b'{"id": 1}', {"id": 1}),
        (b'\xef\xbb\xbf \n[1, "x"]', [1, "x"]),
        (b'"pending"', "pending"),
        (b" pending\n", "pending"),
        (b"7", 7),
        (b"null", None),
        (b"", ""),
        (b'{"score": NaN, "status": "running"}', {"status": "running"}),
        (b"\x89PNG\r\n\x1a\n" + bytes(100_000), UNSET),
        (b"{" + bytes(100_000), UNSET),
        (b"a long text " * 10_000, UNSET),
    ],
)
@pytest.mark.parametrize("as_file", [False, True])
def test_json_and_short_texts_are_known_without_a_look_at_what_else_they_are(
    tmp_path: Path, body: bytes, found: object, as_file: bool
) -> None:
    file = tmp_path / "answer"
    file.write_bytes(body)
    got = contents.plain_content(file if as_file else body, len(body))
    if isinstance(got, dict):
        got.pop("score", None)
    assert got == found


def test_of_large_json_the_short_texts_are_known(tmp_path: Path) -> None:
    file = tmp_path / "answer"
    file.write_bytes(b'{"status": "running", "image": "' + b"A" * 20_000_000 + b'"}')
    got = contents.plain_content(file, file.stat().st_size)
    assert isinstance(got, dict)
    assert got["status"] == "running"
    assert len(got["image"]) < 5000


@pytest.mark.parametrize("inside", ["1", '"x"', "NaN"])
@pytest.mark.parametrize("levels", [200, 700, 950, 5000])
def test_what_is_nested_too_deep_is_not_looked_into_and_does_no_harm(levels: int, inside: str) -> None:
    body = ('{"error": ' + "[" * levels + inside + "]" * levels + "}").encode()
    media = documents.look(body).media(len(body), "a" * 64)
    found = content(body, media)

    assert not isinstance(found, dict | list)
    assert expectation.problem(media, None, content=found) is None
    assert not isinstance(contents.plain_content(body, len(body)), dict | list)


def test_what_is_nested_less_deep_is_looked_into() -> None:
    body = ('{"error": ' + "[" * 90 + '"boom"' + "]" * 90 + "}").encode()
    media = documents.look(body).media(len(body), "a" * 64)

    assert expectation.problem(media, None, content=content(body, media)) == (
        "an error under status 200: JSON with `error`: boom"
    )
