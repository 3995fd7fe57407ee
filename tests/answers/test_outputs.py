from __future__ import annotations

import errno
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_modal_bench.answers.decoding import documents
from pytest_modal_bench.answers.outputs import Outputs, suffix
from pytest_modal_bench.model import Media

TEXT = Media(kind="text", size_bytes=4, sha256="")
IDS = st.text("abYZ09._-[]", min_size=1, max_size=40) | st.sampled_from([".", "..", "...", ".hidden", "-rf"])


def media(kind: Any, form: str | None = None) -> Media:
    return Media(kind=kind, format=form, size_bytes=1, sha256="")


def test_an_answer_is_kept_by_its_endpoint_and_by_what_it_is(tmp_path: Path) -> None:
    outputs = Outputs(tmp_path / "deep" / "outputs")

    assert outputs.save("flux-dev", b"png bytes", media("image", "PNG")) is None
    assert (tmp_path / "deep" / "outputs" / "flux-dev.png").read_bytes() == b"png bytes"


def test_the_last_answer_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    for body in (b"one", b"two"):
        Outputs(tmp_path).save("flux", body, TEXT)

    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"flux.txt": b"two"}


def test_a_large_answer_is_copied_from_its_file_which_stays(tmp_path: Path) -> None:
    body = tmp_path / "spool"
    body.write_bytes(b"x" * 100_000)

    assert Outputs(tmp_path / "outputs").save("wan", body, media("video", "MP4")) is None
    assert (tmp_path / "outputs" / "wan.mp4").read_bytes() == body.read_bytes()


def test_parts_of_an_answer_are_kept_side_by_side(tmp_path: Path) -> None:
    outputs = Outputs(tmp_path)
    for number, form in ((1, "PNG"), (2, "JPEG"), (3, "WAV")):
        assert outputs.save("gen[large]", b"bytes", media("image", form), part=number) is None

    assert {path.name for path in tmp_path.iterdir()} == {
        "gen[large]-1.png",
        "gen[large]-2.jpg",
        "gen[large]-3.wav",
    }


@pytest.mark.parametrize(
    ("of", "expected"),
    [
        (media("image", "PNG"), ".png"),
        (media("image", "JPEG"), ".jpg"),
        (media("image", "WEBP"), ".webp"),
        (media("image", "TIFF"), ".tif"),
        (media("video", "MP4"), ".mp4"),
        (media("video", "MOV"), ".mov"),
        (media("video", "MATROSKA"), ".mkv"),
        (media("audio", "OPUS"), ".opus"),
        (media("file", "GZIP"), ".gz"),
        (media("file", "ZIP"), ".zip"),
        (media("json"), ".json"),
        (media("text"), ".txt"),
        (media("empty"), ".empty"),
        (media("other"), ".bin"),
        (media("image"), ".bin"),
        (media("other", "../../x"), ".bin"),
    ],
)
def test_the_suffix_says_what_it_is(of: Media, expected: str) -> None:
    assert suffix(of) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"<!DOCTYPE html><script>alert(1)</script>", ".html.txt"),
        (b'{"a": 1}', ".json"),
        (b"fine", ".txt"),
        (b"", ".empty"),
        (b"\x00\x01", ".bin"),
    ],
    ids=["html", "json", "text", "empty", "other"],
)
def test_no_page_is_kept_so_that_a_click_opens_it(body: bytes, expected: str) -> None:
    assert suffix(documents.look(body).media(len(body), "")) == expected


@given(st.lists(IDS, unique=True, max_size=5))
def test_each_id_is_one_file_in_the_directory_that_a_listing_shows(ids: list[str]) -> None:
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name) / "outputs"
        for each in ids:
            assert Outputs(directory).save(each, each.encode(), TEXT) is None
        assert [path.name for path in Path(name).iterdir()] == (["outputs"] if ids else [])
        kept = list(directory.iterdir()) if ids else []
        assert sorted(path.read_text() for path in kept) == sorted(ids)
        assert not any(path.name.startswith(".") for path in kept)


@pytest.mark.parametrize("below", [".", "deeper"])
def test_a_file_where_the_directory_should_be_is_a_line_and_no_crash(tmp_path: Path, below: str) -> None:
    file = tmp_path / "outputs"
    file.write_text("mine")
    line = Outputs(file / below).save("flux", b"fine", TEXT)

    assert line is not None
    assert line.startswith("answer not kept: flux.txt: ")
    assert file.read_text() == "mine"


@pytest.mark.parametrize("large", [False, True])
def test_a_full_disk_is_a_line_and_leaves_the_last_answer_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, large: bool
) -> None:
    outputs = Outputs(tmp_path / "outputs")
    outputs.save("flux", b"the last one", TEXT)
    body = tmp_path / "body"
    body.write_bytes(b"a new one")

    def half(path: Path, data: bytes) -> int:
        with path.open("wb") as file:
            file.write(data[:3])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_bytes", half)
    monkeypatch.setattr(shutil, "copyfile", lambda source, target: half(target, Path(source).read_bytes()))
    line = outputs.save("flux", body if large else b"a new one", TEXT)

    assert line == "answer not kept: flux.txt: No space left on device"
    assert [(path.name, path.read_text()) for path in (tmp_path / "outputs").iterdir()] == [
        ("flux.txt", "the last one")
    ]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_directory_that_may_not_be_written_to_is_a_line(tmp_path: Path) -> None:
    for mode in (0o500, 0o000):
        tmp_path.chmod(mode)
        try:
            line = Outputs(tmp_path).save("flux", b"fine", TEXT)
        finally:
            tmp_path.chmod(0o700)
        assert line == "answer not kept: flux.txt: Permission denied"


def test_a_name_that_is_too_long_is_a_line(tmp_path: Path) -> None:
    line = Outputs(tmp_path).save("x" * 300, b"fine", TEXT)

    assert line == f"answer not kept: {'x' * 300}.txt: File name too long"
    assert list(tmp_path.iterdir()) == []
