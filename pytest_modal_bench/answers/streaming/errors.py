"""Finds in a stream that the server says it failed: in an event, or in words that are no part of an answer."""

from __future__ import annotations

import re

from pytest_modal_bench.answers import reported_failures
from pytest_modal_bench.answers.json_results import plain
from pytest_modal_bench.answers.streaming import openai

LONGEST_QUOTE = 1 << 16
"""Characters that are taken over of what a server says; far more than a message keeps in the end."""

_NAMES = frozenset(
    (
        *("error", "err", "errors", "exception", "failed", "failure", "fatal", "traceback"),
        *("abort", "aborted", "cancelled", "canceled", "timeout", "timedout"),
    )
)
"""Names and types of events that say that it failed."""
_RESPONSES = ("response.failed", "response.cancelled")
"""Those of OpenAI's Responses API."""
_FIELDS = frozenset(
    ("error", "errors", "err", "errormessage", "errorcode", "errno", "exception", "traceback")
)
_OF_CHUNKS = frozenset(("id", "object", "created", "model", "choices", "usage", "system_fingerprint"))
"""Fields of a chunk that say nothing of a failure; most chunks have no others."""
_ANSWERS = frozenset(("choices", "response"))
"""Fields of OpenAI's events that hold the answer: what is said in there is the model's word, not the server's."""

_MARKS = r"[^a-z0-9\"'{]"
"""What may stand around the words of an error; quotation marks and braces are those of JSON or code."""
_NAMED = rf"(?:error|exception|failed|failure){_MARKS}*?:{_MARKS}*+[a-z0-9\"'{{]"
_OF_GPU = rf"(?:error{_MARKS}++)?(?:(?:torch\.)?(?:cuda|hip|mps|gpu){_MARKS}*+)?"
_IN_BRACKETS = r"\[(?:error|exception)\]\s*+\S"
_LAST_WORDS = re.compile(
    rf"{_MARKS}*?{_IN_BRACKETS}|{_MARKS}*+(?:{_NAMED}|{_OF_GPU}(?:out.?of.?memory|error\s*:\s*+\S|device-side assert))",
    re.IGNORECASE,
)
"""How a text begins that is an error's: `Error: …`, `[ERROR] CUDA out of memory`, `CUDA error: …`."""
_PAGE = re.compile(r"\s*+<(?:!doctype\s+html|html)\b", re.IGNORECASE)
_BEGINNING = 1000
"""Characters of a text that show whether it is an error's, or a page."""


def in_event(name: str, value: object, data: str) -> str | None:
    """Return what an event says of a failure; None: it does not say that it failed."""
    kinds = (value.get("type"), value.get("event")) if isinstance(value, dict) else ()
    for said in (name, *kinds):
        if isinstance(said, str) and (plain(said) in _NAMES or said in _RESPONSES):
            return _words(value) or data[:LONGEST_QUOTE] or f"`{said}`"
    if not isinstance(value, dict):
        return None
    if openai.is_chunk(value) and value.keys() <= _OF_CHUNKS:
        return None
    if openai.is_chunk(value) or openai.is_of_responses(value):
        value = {key: held for key, held in value.items() if key not in _ANSWERS}
    stated = {key: held for key, held in value.items() if plain(key) in _FIELDS}
    for table in (stated, value):
        found = reported_failures.find(table) if table else None
        if found is not None:
            return (found.words or f"`{found.where}`")[:LONGEST_QUOTE]
    return None


def in_text(text: str, latest: str) -> str | None:
    """Return what a stream says that is no answer: all of it, or the `latest` of its events; None: nothing."""
    if _PAGE.match(text):
        return "an HTML page"
    # A model may say `error:` as its last token; a message is more than one word.
    for said in (text, latest) if len(latest.split()) > 1 else (text,):
        beginning = said[:_BEGINNING]
        is_json = beginning.lstrip()[:1] in ("{", "[")
        if _LAST_WORDS.match(beginning) or (not is_json and reported_failures.find(beginning)):
            return said.strip()[:LONGEST_QUOTE]
    return None


def _words(value: object) -> str:
    """The reason in an event that is an error's, by its kind: a text, or what an object says of it."""
    if isinstance(value, str):
        return value[:LONGEST_QUOTE]
    found = reported_failures.find(value)
    return "" if found is None else found.words[:LONGEST_QUOTE]
