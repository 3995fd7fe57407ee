from __future__ import annotations

from typing import Any

import pytest
import urllib3

from pytest_modal_bench.answers.encodings import problem
from pytest_modal_bench.model import Media


def looks(kind: Any) -> Media:
    return Media(kind=kind, size_bytes=9, sha256="a" * 64)


@pytest.fixture(autouse=True)
def bare_urllib3(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(urllib3.HTTPResponse, "CONTENT_DECODERS", ["gzip", "x-gzip", "deflate"])


@pytest.mark.parametrize(
    ("declared", "named", "package"),
    [
        ("br", "br", "urllib3[brotli]"),
        ("BR", "br", "urllib3[brotli]"),
        ("zstd", "zstd", "backports.zstd"),
        ("gzip, zstd", "zstd", "urllib3[zstd]"),
        ("compress", "compress", "no package decodes it"),
    ],
)
def test_an_encoding_that_was_not_undone_is_named_with_what_undoes_it(
    declared: str, named: str, package: str
) -> None:
    said = problem(looks("other"), declared)

    assert said is not None
    assert said.startswith(f"encoded with {named}, though nobody asked for that; ")
    assert package in said
    assert problem(looks("text"), declared) == said, "brotli may look like a text"


@pytest.mark.parametrize("declared", [None, "", "identity", "gzip", "x-gzip", "deflate", "gzip, deflate"])
def test_what_urllib3_undoes_is_no_problem(declared: str | None) -> None:
    assert problem(looks("other"), declared) is None


@pytest.mark.parametrize("kind", ["image", "video", "json", "html", "empty"])
def test_what_is_known_by_its_bytes_is_not_encoded_whatever_is_declared(kind: str) -> None:
    assert problem(looks(kind), "zstd") is None


def test_a_package_that_is_there_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(urllib3.HTTPResponse, "CONTENT_DECODERS", ["gzip", "br"])

    assert problem(looks("other"), "br") is None
