from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_modal_bench.safety.text import counted, inert, once, slug


def test_counted() -> None:
    assert (counted(1, "call"), counted(2, "call")) == ("1 call", "2 calls")


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("Face Consistency", "face-consistency"),
        ("Z-Image", "z-image"),
        ("  Größe & Ä ", "größe-ä"),
        ("Video", "video"),
        ("!", ""),
    ],
)
def test_slug(text: str, word: str) -> None:
    assert slug(text) == word


@given(st.text("#[a ", max_size=20))
def test_no_command_for_a_ci_runner_is_left_in_a_line(line: str) -> None:
    shown = inert(line)

    assert "##[" not in shown
    assert shown.replace(" ", "") == line.replace(" ", "")


def test_a_line_without_one_stays() -> None:
    assert inert("### a #[b] c[0] ::error:: d") == "### a #[b] c[0] ::error:: d"


def test_what_another_line_says_is_said_once() -> None:
    assert once(["cut off: Timeout (>3.0s).", "Failed: Timeout (>3.0s)."]) == ["cut off: Timeout (>3.0s)."]
    assert once(["cached", "strict: cached; unverified", "cached"]) == ["strict: cached; unverified"]
    assert once(["ValueError: x", "OSError: x"]) == ["OSError: x"]
    assert once(["warm 5 s", "warm 5 seconds"]) == ["warm 5 s", "warm 5 seconds"]
