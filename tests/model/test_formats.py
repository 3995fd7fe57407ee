from __future__ import annotations

import media_corpus
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_modal_bench.model import formats
from pytest_modal_bench.model.formats import HEAD_BYTES, identify

BY_NAME = {
    "png": formats.PNG,
    "apng": formats.PNG,
    "jpeg": formats.JPEG,
    "progressive-jpeg": formats.JPEG,
    "webp": formats.WEBP,
    "lossless-webp": formats.WEBP,
    "animated-webp": formats.WEBP,
    "gif": formats.GIF,
    "animated-gif": formats.GIF,
    "bmp": formats.BMP,
    "tiff": formats.TIFF,
    "avif": formats.AVIF,
    "mp4": formats.MP4,
    "fragmented-mp4": formats.MP4,
    "mov": formats.MOV,
    "webm": formats.WEBM,
    "vp9-webm": formats.WEBM,
    "live-webm": formats.WEBM,
    "matroska": formats.MATROSKA,
}


def iso(major: bytes, *brands: bytes) -> bytes:
    """The first box of an ISO base media file, and some of the next."""
    content = major + bytes(4) + b"".join(brands)
    return (8 + len(content)).to_bytes(4, "big") + b"ftyp" + content + b"\0\0\0\x08moov" * 8


@pytest.mark.parametrize("name", media_corpus.GOOD)
def test_real_files_are_known_by_their_head(name: str) -> None:
    assert identify(media_corpus.good(name)[:HEAD_BYTES]) is BY_NAME[name]


@pytest.mark.parametrize(
    ("head", "form"),
    [
        (iso(b"isom", b"isom", b"mp41"), formats.MP4),
        (iso(b"qt  ", b"qt  "), formats.MOV),
        (b"\0\0\0\x08wide\0\0\1\0mdat", formats.MOV),
        (iso(b"avif", b"mif1"), formats.AVIF),
        (iso(b"mif1", b"mif1", b"avif"), formats.AVIF),
        (iso(b"heic", b"mif1"), formats.HEIF),
        (iso(b"isom", b"heic"), formats.MP4),  # a film that holds pictures besides
        (iso(b"isom") + b"avif", formats.MP4),  # behind the box it is no brand
        (b"MM\0*", formats.TIFF),
        (b"II+\0", formats.TIFF),
        (b"GIF87a", formats.GIF),
    ],
)
def test_what_the_corpus_has_no_file_of(head: bytes, form: formats.Format) -> None:
    assert identify(head) is form


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"BMW",
        b"BM" + bytes(16),
        b"RIFF\x24\0\0\0AVI LIST",
        b"GIF88a",
        b"\x89PN",
        b"<html>",
        b"{}",
        b"\0\0\0\x08free",
    ],
)
def test_what_only_looks_like_one_is_none(head: bytes) -> None:
    assert identify(head) is None


@given(st.binary(max_size=HEAD_BYTES))
def test_any_bytes_are_a_known_format_or_none(head: bytes) -> None:
    assert identify(head) in (*formats.ALL, None)


def test_all_formats_have_a_name_of_their_own() -> None:
    assert len({each.name for each in formats.ALL}) == len(formats.ALL)
    assert set(BY_NAME.values()) | {formats.HEIF} == set(formats.PICTURES)
