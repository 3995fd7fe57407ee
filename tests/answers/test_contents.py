from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest
from msgspec import UNSET

from pytest_modal_bench.answers import contents
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
