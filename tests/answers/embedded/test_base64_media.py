from __future__ import annotations

import base64
import io
import json
import random
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_modal_bench.answers.embedded import base64_media
from pytest_modal_bench.answers.embedded.base64_media import NotMedia, Text, read, write

FILE = bytes(range(256)) * 3
BLANKS = st.sampled_from(["", "\n", "\r\n", " ", "\t"])


def file_of(value: object) -> bytes:
    """The file that a value of JSON stands for."""
    return file_of_json(json.dumps(value).encode())


def file_of_json(written: bytes) -> bytes:
    buffer = io.BytesIO()
    text = read(memoryview(written))
    assert text.link is None
    write(text, buffer)
    return buffer.getvalue()


def why_not(value: object) -> str:
    with pytest.raises(NotMedia) as caught:
        file_of(value)
    return str(caught.value)


@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
@pytest.mark.parametrize("padded", [True, False])
@pytest.mark.parametrize("size", [1, 2, 3, 767, 768])
def test_base64_in_either_alphabet_with_or_without_padding(encode: Any, padded: bool, size: int) -> None:
    text = encode(FILE[:size]).decode()

    assert file_of(text if padded else text.rstrip("=")) == FILE[:size]


def test_base64_in_lines_as_mime_has_it() -> None:
    assert file_of(base64.encodebytes(FILE).decode()) == FILE
    assert file_of(f"  {base64.b64encode(FILE).decode()} \r\n") == FILE


def test_what_json_escapes_is_read_as_json_reads_it() -> None:
    plain = base64.b64encode(b"\xff\xfe\xfb?>" * 5).decode()
    assert {"/", "+"} < set(plain)
    escaped = (
        plain.replace("/", r"\/").replace("+", r"\u002B").replace("=", r"\u003d").replace("Q", r"\u0051")
    )

    assert file_of_json(f'"\\n{escaped}\\r\\n"'.encode()) == b"\xff\xfe\xfb?>" * 5


@pytest.mark.parametrize("piece_bytes", [1, 2, 3, 5, 6, 7, 64, 1000])
def test_pieces_end_in_no_escape_and_in_no_group_of_letters(
    monkeypatch: pytest.MonkeyPatch, piece_bytes: int
) -> None:
    monkeypatch.setattr(base64_media, "_PIECE_BYTES", max(piece_bytes, 6))
    plain = base64.b64encode(FILE).decode()
    escaped = "".join(rf"\u{ord(letter):04x}" if at % 3 else letter for at, letter in enumerate(plain))

    assert file_of_json(f'"{escaped}"'.encode()) == FILE
    assert file_of(f"data:image/png;base64,{quote(plain, safe='')}") == FILE
    assert file_of(f"data:application/octet-stream,{quote(FILE)}") == FILE


@pytest.mark.parametrize(
    ("header", "declared"),
    [
        ("data:image/png;base64,", "image/png"),
        ("DATA:image/png;charset=utf-8;BASE64,", "image/png"),
        ("data:;base64,", None),
        (" data:image/svg+xml;name=a.svg;base64,", "image/svg+xml"),
    ],
)
def test_a_data_uri_is_its_file_and_names_its_type(header: str, declared: str | None) -> None:
    written = json.dumps(header + base64.b64encode(FILE).decode()).encode()

    assert file_of_json(written) == FILE
    assert file_of_json(written.replace(b"/", rb"\/")) == FILE
    assert read(memoryview(written)).declared == declared


def test_a_data_uri_without_base64_is_percent_encoded() -> None:
    assert file_of("data:,a%20text%2C%20and+more") == b"a text, and+more"


def test_a_data_uri_needs_its_comma() -> None:
    assert why_not("data:image/png;base64") == "a data URI without a comma"
    assert why_not("data:image/png;base64" + "x" * 5000 + ",") == "a data URI without a comma"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "null, where a text was expected"),
        (True, "true, where a text was expected"),
        (False, "false, where a text was expected"),
        (7, "a number, where a text was expected"),
        (-7.5, "a number, where a text was expected"),
        ({"data": "x"}, "an object, where a text was expected"),
        (["x"], "a list, where a text was expected; .* at the end of the place stands for each item"),
    ],
)
def test_a_value_that_is_no_text_is_no_file(value: object, said: str) -> None:
    assert why_not(value) == said


def test_nothing_at_all_is_no_file() -> None:
    with pytest.raises(NotMedia, match=r"^nothing, where a text was expected$"):
        read(memoryview(b""))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("<!DOCTYPE html><title>502 Bad Gateway</title>", "`<!DOCTYPE html><title>502 Bad Gateway</t…`"),
        ("Sorry, I can't draw that.", "`Sorry, I can't draw that.`"),
        ("hello", "`hello`"),
        ("CUDA out of memory", "`CUDA out of memory`"),
        ("/outputs/image.png", "`/outputs/image.png`"),
        ("aGVsbG8=aGVsbG8=", "`aGVsbG8=aGVsbG8=`"),
        ("aGV=sbG8", "`aGV=sbG8`"),
        ("köln", None),
        ("A\\A\\AAAA", "`A\\A\\AAAA`"),
        ("data:image/png;base64,<html>", "`<html>`"),
    ],
)
def test_a_text_that_is_no_base64_is_quoted(text: str, shown: str | None) -> None:
    said = why_not(text)

    assert said.startswith("neither base64 nor a link, but a text that begins with `")
    assert shown is None or said.endswith(shown)


def test_base64_that_was_cut_off_within_a_group_is_told() -> None:
    text = base64.b64encode(FILE).decode()

    assert why_not(text[:801]) == "base64 that is cut off: a letter is left over at its end"
    assert file_of(text[:802]) == FILE[:601], "what the file lacks, its format may tell"


def test_an_empty_text_is_an_empty_file() -> None:
    assert file_of("") == b""
    assert file_of("data:image/png;base64,") == b""


@pytest.mark.parametrize("link", ["http://a.test/x.png", "HTTPS://a.test/x?y=1#z", "  https://a.test/ü.png "])
def test_an_address_is_a_link(link: str) -> None:
    written = json.dumps(link).encode()

    assert read(memoryview(written)).link == link.strip()
    assert read(memoryview(written.replace(b"/", rb"\/"))).link == link.strip()


@pytest.mark.parametrize(
    "link", ["s3://bucket/x.png", "file:///etc/passwd", "ftp://a.test/x", "gs://b/x", "ws://a"]
)
def test_an_address_of_another_kind_is_none(link: str) -> None:
    assert why_not(link) == f"a link that is neither http nor https: `{link}`"


def test_an_address_of_many_kilobytes_is_none() -> None:
    assert why_not("https://a.test/" + "x" * 9000) == "a link of 9,015 bytes"


@given(st.binary(min_size=60, max_size=500), st.integers(0, 40), BLANKS, st.booleans(), st.booleans())
def test_whatever_a_file_holds_comes_back(
    data: bytes, every: int, blank: str, url_safe: bool, padded: bool
) -> None:
    text = (base64.urlsafe_b64encode if url_safe else base64.b64encode)(data).decode()
    text = text if padded else text.rstrip("=")
    lines = [text[at : at + every] for at in range(0, len(text), every)] if every else [text]

    assert file_of(blank.join(lines)) == data


@given(st.text(), st.binary(max_size=100))
def test_any_text_is_a_file_or_a_link_or_is_said_to_be_neither(text: str, raw: bytes) -> None:
    for written in (
        json.dumps(text).encode(),
        json.dumps(text, ensure_ascii=False).encode(),
        b'"' + raw + b'"',
    ):
        try:
            found = read(memoryview(written))
            write(found, io.BytesIO())
        except NotMedia as error:
            assert len(str(error)) < 400  # noqa: PT017 - either is right
        else:
            assert isinstance(found, Text)


def test_a_large_file_comes_back_in_pieces() -> None:
    data = random.Random(1).randbytes(5_000_000)

    assert file_of(base64.encodebytes(data).decode()) == data
