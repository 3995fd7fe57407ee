from __future__ import annotations

import io
import struct
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sound_corpus import archive, packed

from pytest_modal_bench.answers.decoding import limits
from pytest_modal_bench.answers.decoding.decoder import decode
from pytest_modal_bench.answers.decoding.findings import Findings

HOWS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)


@pytest.mark.parametrize("how", HOWS)
def test_an_archive_is_tested_to_its_end(how: int) -> None:
    assert decode(archive(how=how)) == Findings(kind="file", format="ZIP", checked=True)


def test_a_gzip_is_tested_to_its_end_and_so_are_several_in_one() -> None:
    assert decode(packed()) == Findings(kind="file", format="GZIP", checked=True)
    assert decode(packed() + packed(b"another")).checked


@pytest.mark.parametrize("how", HOWS)
def test_a_changed_byte_in_an_archive_is_corrupt(how: int) -> None:
    whole = archive(how=how)
    at = whole.index(b"b.bin") + 400
    said = decode(whole[:at] + bytes((whole[at] ^ 0x55,)) + whole[at + 1 :]).problem

    assert said is not None
    assert said.startswith("corrupt: ")


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.9, 0.999])
def test_what_is_cut_off_is_told(kept: float) -> None:
    for whole in (archive(), packed(bytes(range(256)) * 50)):
        said = decode(whole[: int(kept * len(whole))]).problem

        assert said is not None
        assert said.startswith("truncated: ")


def test_a_wrong_checksum_of_a_gzip_is_corrupt() -> None:
    whole = packed()

    assert (decode(whole[:-8] + bytes(4) + whole[-4:]).problem or "").startswith("corrupt: ")


def test_an_archive_without_a_file_in_it_is_no_result() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w"):
        pass

    assert decode(buffer.getvalue()).problem == "holds no file"
    assert decode(packed(b"")).problem == "holds nothing"


def test_an_encrypted_archive_is_unchecked() -> None:
    whole = bytearray(archive({"a.txt": b"a text"}))
    for header, flags in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        at = whole.index(header) + flags
        whole[at : at + 2] = struct.pack("<H", 1)

    assert decode(bytes(whole)) == Findings(
        kind="file", format="ZIP", unchecked="an encrypted ZIP is not looked into"
    )


def test_a_method_that_nothing_here_knows_is_unchecked() -> None:
    whole = bytearray(archive({"a.txt": b"a text"}))
    for header, method in ((b"PK\3\4", 8), (b"PK\1\2", 10)):
        at = whole.index(header) + method
        whole[at : at + 2] = struct.pack("<H", 97)
    found = decode(bytes(whole))

    assert (found.checked, found.problem) == (False, None)
    assert (found.unchecked or "").startswith("a ZIP that is not looked into: ")


def test_a_version_of_zip_that_nothing_here_knows_is_unchecked() -> None:
    whole = bytearray(archive({"a.txt": b"a text"}))
    at = whole.index(b"PK\1\2") + 6
    whole[at : at + 2] = struct.pack("<H", 255)

    assert decode(bytes(whole)) == Findings(
        kind="file", format="ZIP", unchecked="a ZIP that is not looked into: zip file version 25.5"
    )


def test_more_files_than_the_limit_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_ENTRIES", 1)

    assert decode(archive()).problem == "too many files: 2, where 1 are looked at"


def test_an_archive_that_unfolds_into_more_than_the_limit_is_not_unpacked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "MAX_UNPACKED_BYTES", 5000)
    said = "too large: unfolds into more than 5000 bytes"

    assert decode(archive()).problem == said
    assert decode(packed(bytes(5001))).problem == said
    assert decode(packed(bytes(5000))).checked


def test_bytes_that_are_unpacked_twice_are_more_than_deflate_can_do(monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = archive({"zeros": bytes(20_000_000)}, zipfile.ZIP_BZIP2)

    assert decode(bomb).problem == "too large: unfolds into more than 1032 times its size"
    assert decode(archive({"zeros": bytes(20_000_000)})).checked, "zeros alone are no bomb"
    monkeypatch.setattr(limits, "MAX_RATIO", 10)
    assert (decode(packed(bytes(100_000))).problem or "").startswith("too large: ")


def test_a_size_that_is_declared_too_small_does_not_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_UNPACKED_BYTES", 5000)
    whole = bytearray(archive({"zeros": bytes(100_000)}))
    at = whole.index(b"PK\1\2") + 24
    whole[at : at + 4] = struct.pack("<I", 10)

    assert decode(bytes(whole)).problem is not None


@pytest.mark.parametrize(
    ("data", "form", "problem"),
    [
        (b"%PDF-1.7\n1 0 obj\n%%EOF\n", "PDF", None),
        (b"%PDF-1.7\n1 0 obj\n", "PDF", "truncated: ends before %%EOF"),
        (b"glTF\2\0\0\0" + struct.pack("<I", 16) + b"JSON", "GLB", None),
        (
            b"glTF\2\0\0\0" + struct.pack("<I", 17) + b"JSON",
            "GLB",
            "truncated: is shorter than its header says",
        ),
        (b"PAR1 columns PAR1", "PARQUET", None),
        (b"PAR1 columns", "PARQUET", "truncated: ends before its footer"),
        (b"\x93NUMPY\1\0v\0{}", "NPY", None),
        (bytes(257) + b"ustar\x00" + bytes(300), "TAR", None),
    ],
)
def test_other_files_are_named_and_unchecked(data: bytes, form: str, problem: str | None) -> None:
    unchecked = None if problem else f"{form} is known by its beginning, and not looked into"

    assert decode(data) == Findings(kind="file", format=form, problem=problem, unchecked=unchecked)


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from([*(archive(how=how) for how in HOWS), packed()]),
    st.floats(0, 1, exclude_max=True),
    st.binary(max_size=32),
)
def test_any_damage_is_told_soundly(whole: bytes, place: float, stuffed: bytes) -> None:
    at = int(place * len(whole))
    for data in (
        whole[:at],
        whole[:at] + stuffed + whole[at + len(stuffed) :],
        whole[:at] + stuffed + whole[at:],
    ):
        found = decode(data)

        assert found.checked + (found.problem is not None) + (found.unchecked is not None) == 1
