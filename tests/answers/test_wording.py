from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from msgspec import UNSET

from pytest_modal_bench.answers import wording
from pytest_modal_bench.answers.wording import LARGEST_TEXT, Tokens, missing_text, problem, tokens
from pytest_modal_bench.model import Expect, Media

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_modal_bench.model import MediaKind


def media(kind: MediaKind = "text") -> Media:
    return Media(kind=kind, size_bytes=1, sha256="aa")


def test_without_expectations_anything_will_do() -> None:
    assert problem(None, media(), UNSET, b"") is None
    assert problem(Expect(), media("image"), UNSET, b"") is None


@pytest.mark.parametrize(
    ("pattern", "body", "content"),
    [
        ("fine", b"all is fine", "all is fine"),
        ("^all", b"all is fine", "all is fine"),
        ('"ok": true', b'{"ok": true}', {"ok": True}),
        ("café", b'{"a": ["caf\\u00e9"]}', {"a": ["café"]}),
        ('say "hi"', b'{"a": "say \\"hi\\""}', {"a": 'say "hi"'}),
        ("(?m)^second$", b'{"a": "first", "b": {"c": "second"}}', {"a": "first", "b": {"c": "second"}}),
        ("\ufffd", b"\xff", UNSET),
    ],
)
def test_a_text_may_be_found_as_it_was_sent_or_in_any_text_of_json(
    pattern: str, body: bytes, content: object
) -> None:
    kind: MediaKind = "text" if content is UNSET or isinstance(content, str) else "json"

    assert problem(Expect(text=pattern), media(kind), content, body) is None
    assert problem(Expect(text=f"{pattern}!!"), media(kind), content, body) is not None


def test_a_missing_text_is_said_with_what_there_is() -> None:
    assert problem(Expect(text="bye"), media(), "hello", b"hello\n") == (
        "expected a text in which `bye` is found, got: hello"
    )


@pytest.mark.parametrize(("kind", "form"), [("image", "PNG"), ("other", None), ("empty", None)])
def test_what_is_no_text_has_none(kind: MediaKind, form: str | None) -> None:
    found = problem(Expect(text="."), Media(kind=kind, format=form, size_bytes=1, sha256="aa"), UNSET, b"x")

    assert found == f"expected a text in which `.` is found, got {form or kind}"


@pytest.mark.parametrize("on_disk", [False, True])
def test_an_answer_is_searched_to_its_end(on_disk: bool, tmp_path: Path) -> None:
    data = b"begin " + b"x" * 5_000_000 + b" end"
    path = tmp_path / "body"
    path.write_bytes(data)

    assert problem(Expect(text=" end$"), media(), UNSET, path if on_disk else data) is None


def test_a_text_that_is_too_long_counts_as_one_without_what_is_looked_for() -> None:
    assert missing_text("x", "x" * LARGEST_TEXT) is None
    assert missing_text("x", "x" * (LARGEST_TEXT + 1)) == (
        "expected a text in which `x` is found, in 8,388,609 characters: at most 8,388,608 are searched"
    )


def test_of_json_that_is_too_long_the_texts_are_searched_as_far_as_it_was_decoded(tmp_path: Path) -> None:
    path = tmp_path / "body"
    path.write_bytes(b'{"caption": "a dog", "image": "' + b"A" * LARGEST_TEXT + b'"}')
    found = Media(kind="json", size_bytes=path.stat().st_size, sha256="aa")

    assert problem(Expect(text="^a dog$"), found, {"caption": "a dog"}, path) is None
    assert problem(Expect(text="a cat"), found, {"caption": "a dog"}, path) is not None


def test_a_search_without_an_end_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wording, "PATIENCE_SEC", 0.5)

    assert missing_text("(a+)+b", "a" * 100) == (
        "expected a text in which `(a+)+b` is found; looking for it took more than 0.5 s: a simpler pattern would do"
    )


def test_a_search_that_fails_finds_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wording, "_SEARCH", "raise MemoryError")
    found = missing_text("a", "a")

    assert found is not None
    assert found.startswith("expected a text in which `a` is found; looking for it failed: ")


def test_half_a_character_is_no_obstacle() -> None:
    assert missing_text("b", "a\ud800b") is None


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({"usage": {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12}}, Tokens(5, 7)),
        ({"usage": {"input_tokens": 5, "output_tokens": 7}}, Tokens(5, 7)),
        ({"response": {"usage": {"input_tokens": 5, "output_tokens": 7}}}, Tokens(5, 7)),
        ({"eval_count": 7}, Tokens(None, 7)),
        ({"usage": {"completion_tokens": True}}, Tokens(None, None)),
        ({"usage": {"completion_tokens": -7}}, Tokens(None, None)),
        ({"usage": None}, Tokens(None, None)),
        ([{"usage": {"completion_tokens": 7}}], Tokens(None, None)),
        ("7", Tokens(None, None)),
        (UNSET, Tokens(None, None)),
    ],
)
def test_tokens_are_counted_by_the_server(content: object, expected: Tokens) -> None:
    assert tokens(content) == expected


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({"usage": {"completion_tokens": 7}}, None),
        ({"usage": {"completion_tokens": 6}}, "expected at least 7 output tokens, got 6"),
        ({"usage": {}}, "expected at least 7 output tokens; its server does not count them"),
        (UNSET, "expected at least 7 output tokens; its server does not count them"),
    ],
)
def test_an_answer_that_comes_at_once_may_have_too_few_tokens_too(
    content: object, expected: str | None
) -> None:
    assert problem(Expect(min_tokens=7), media("json"), content, b"{}") == expected
