from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from pytest_modal_bench.answers.previews import texts
from pytest_modal_bench.safety.redaction import Redactor

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "hunter2-and-then-some"  # noqa: S105 - it is made up
LONG_SECRET = "".join(f"{number:x}Q" for number in range(900))
CLEAN = Redactor([SECRET, LONG_SECRET]).clean


def shown(content: object = UNSET, body: bytes | Path = b"", said: str = "") -> str | None:
    made = texts.preview(texts.beginning(body, content, said=said), CLEAN)
    return None if made is None else made.text


def test_what_a_stream_said_comes_before_its_bytes() -> None:
    assert shown(said="About lake", body=b'data: {"x": 1}') == "About lake"


def test_a_text_is_one_line_that_a_terminal_shows_as_it_is() -> None:
    assert (
        shown(body=b"\xef\xbb\xbfone\r\ntwo\x1b[31m\x00three ##[group]\xff")
        == "one two three # #[group]\ufffd"
    )
    assert shown(body=b" \n\x00 ") is None


def test_a_long_text_is_cut(tmp_path: Path) -> None:
    path = tmp_path / "answer"
    path.write_bytes(b"word " * 1_000_000)
    cut = shown(body=path)

    assert cut is not None
    assert cut.startswith("word word")
    assert len(cut) == texts.LONGEST + 1
    assert cut.endswith("…")


def test_json_is_written_anew_with_its_long_strings_cut() -> None:
    content = {"id": 7, "ok": True, "images": [{"b64": "A" * 100_000}, None], "empty": [[], {}], "x": "\n"}
    text = shown(content)

    assert text is not None
    assert text.startswith('{"id": 7, "ok": true, "images": [{"b64": "AAAA')
    assert "A" * texts.LONGEST_STRING + '…"' in text
    assert len(text) <= texts.LONGEST + 1
    assert shown({"a": 'say "x"', "b": 0.5}) == '{"a": "say \\"x\\"", "b": 0.5}'


def test_large_json_is_not_written_whole() -> None:
    assert len(texts.beginning(b"", list(range(10**6)))) < 3 * texts.LONGEST


@pytest.mark.parametrize(
    "content",
    [
        {"note": f"it is {SECRET}"},
        {SECRET: 1},
        {"deep": [{"x": "y" * 70 + SECRET}]},
        {"x": "y" * (texts.LONGEST_STRING - 3) + SECRET},
        {"a": "z" * 60, "b": "z" * 60, "c": "z" * 60, "d": "z" * 60, "e": "z" * 60, "f": SECRET * 9},
        {"x": LONG_SECRET * 20},
        {"x": "-" + LONG_SECRET * 9 + "-"},
    ],
)
def test_no_part_of_a_secret_is_left_where_json_is_cut(content: Any) -> None:
    text = shown(content) or ""

    assert "[redacted]" in text or SECRET[:4] not in text
    assert SECRET[:4] not in text
    assert LONG_SECRET[:12] not in text


@given(
    st.lists(st.sampled_from([SECRET, LONG_SECRET, "a", "word ", '"', "\\", "{", "\n", "\x00"]), max_size=60),
    st.integers(0, texts.LOOKED_AT),
    st.sampled_from(["text", "stream", "json", "base64"]),
)
def test_no_part_of_a_secret_is_left_wherever_it_stands(pieces: list[str], before: int, way: str) -> None:
    text = "-" * before + "".join(pieces)
    match way:
        case "text":
            left = shown(body=text.encode())
        case "stream":
            left = shown(said=text)
        case "json":
            left = shown({"a": [text]})
        case _:
            left = shown({"a": base64.b64encode(SECRET.encode()).decode()})
            assert base64.b64encode(SECRET.encode()).decode() not in (left or "")

    assert SECRET[:6] not in (left or "")
    assert LONG_SECRET[:12] not in (left or "")


def test_json_that_could_not_be_decoded_is_a_text() -> None:
    assert shown(UNSET, json.dumps({"a": "b" * 200}).encode()) == f'{{"a": "{"b" * texts.LONGEST_STRING}…"}}'
