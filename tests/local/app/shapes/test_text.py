from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_modal_bench.local.app.shapes import text


def test_a_text_follows_from_prompt_and_seed_alone() -> None:
    said = text.reply("Tell me of a lake", 1)

    assert said == text.reply("Tell me of a lake", 1)
    assert len({said, text.reply("Tell me of a lake", 2), text.reply("Tell me more of a lake", 1)}) == 3


@pytest.mark.parametrize(
    ("prompt", "topic"),
    [("Tell me of a lake", "lake"), ("a lake, at 5 am!", "lake"), ("12 34", "nothing"), ("", "nothing")],
)
def test_it_names_what_it_was_asked_for(prompt: str, topic: str) -> None:
    assert text.reply(prompt, 1).startswith(f"About {topic}: ")


def test_a_refusal_names_nothing_that_a_prompt_of_the_catalogue_asks_for() -> None:
    assert not any(word in text.REFUSAL for word in ("lake", "harbour", "garden", "river", "market"))


def test_long_words_have_several_tokens() -> None:
    assert text.tokens("A mountain, at 5.") == ["A", " mount", "ain", ",", " at", " 5", "."]


@given(st.text())
def test_tokens_joined_are_the_text_again(said: str) -> None:
    assert "".join(text.tokens(said)) == said
