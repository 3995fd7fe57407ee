"""Texts in place of a language model's, and their tokens: the same prompt and seed give the same text."""

from __future__ import annotations

import random
import re

_TOKEN = re.compile(r" ?\w{1,5}|\s|[^\w\s]")
"""Short words with the blank before them, and pieces of long ones, as byte-pair encodings have them."""
_WORD = re.compile(r"[^\W\d_]{3,}")
_NOUNS = (
    "lake",
    "mountain",
    "harbour",
    "garden",
    "railway",
    "lantern",
    "orchard",
    "window",
    "river",
    "market",
)
_VERBS = ("rests", "glitters", "waits", "disappears", "brightens", "turns silver", "opens", "falls silent")
_PLACES = ("at dawn", "under the old bridge", "before the rain", "in the evening light", "behind the station")
_SENTENCES = 4

REFUSAL = (
    "As of my last update I have no opinion on that, and I would rather not talk about anything at all today."
)


def reply(prompt: str, seed: int) -> str:
    """Write a few sentences that name the last word of `prompt`."""
    generator = random.Random(f"{seed}:{prompt}")  # noqa: S311 - a text, not a secret
    topic = (_WORD.findall(prompt) or ["nothing"])[-1]
    sentences = [
        f"The {generator.choice(_NOUNS)} {generator.choice(_VERBS)} {generator.choice(_PLACES)}"
        for _ in range(_SENTENCES)
    ]
    return f"About {topic}: {'. '.join(sentences)}."


def tokens(text: str) -> list[str]:
    """Take a text apart into tokens; joined, they are the text again."""
    return _TOKEN.findall(text)
