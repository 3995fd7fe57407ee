"""What an answer says, as a catalogue may ask for: a text that is found in it, and how many tokens it is counted as."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, NamedTuple

from pytest_modal_bench.safety.text import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from pytest_modal_bench.model import Expect, Media

LARGEST_TEXT = 8 << 20
"""Characters that a pattern is looked for in at most; a longer text counts as one without it."""
PATIENCE_SEC = 10.0
"""What a search may take. Steps of a pattern such as `(a+)+b` double with each character, and nothing but the end of
its process ends it: Python's `re` lets no other thread run meanwhile."""
_SEARCH = """
import json, re, sys
pattern, *texts = json.load(sys.stdin)
sys.exit(0 if any(re.search(pattern, text) for text in texts) else 3)
"""
_FOUND, _NOT_FOUND = 0, 3
"""What that process ends with. Python's own word for an exception is 1."""
_LONGEST_QUOTE = 1 << 16
_WRITTEN = ("text", "json", "html")

# OpenAI's chats and Responses API and Anthropic; llama.cpp; Ollama; Gemini; text-generation-inference. SGLang has
# names of OpenAI's in its `meta_info`.
_OUTPUT = (
    "completion_tokens",
    "output_tokens",
    "tokens_predicted",
    "eval_count",
    "candidatesTokenCount",
    "generated_tokens",
)
_INPUT = ("prompt_tokens", "input_tokens", "tokens_evaluated", "prompt_eval_count", "promptTokenCount")
_AROUND = ("usage", "response", "message", "delta", "details", "usageMetadata", "meta_info")
_DEEPEST = 3
_LARGEST = 1 << 40
"""No honest count is larger."""


class Tokens(NamedTuple):
    """How many tokens there are, as the server counts them; None: it does not say."""

    input: int | None
    output: int | None


def tokens(value: object) -> Tokens:
    """Return what a decoded answer, or an event of a stream, says of its tokens."""
    tables = list(_tables(value, 0))
    return Tokens(_first(tables, _INPUT), _first(tables, _OUTPUT))


def problem(expect: Expect | None, media: Media, content: object, body: bytes | Path) -> str | None:
    """Say what an answer that comes at once does not say, though it should; None: nothing is missing.

    In JSON, the text may be a part of any text in it, or of the JSON as it was sent.
    """
    if expect is None:
        return None
    if expect.text is not None:
        if media.kind not in _WRITTEN:
            return f"{_expected(expect.text)}, got {media.format or media.kind}"
        texts = ["\n".join(_texts(content))]
        if media.size_bytes <= LARGEST_TEXT:
            sent = body if isinstance(body, bytes) else body.read_bytes()
            texts.insert(0, sent.decode("utf-8", "replace"))
        missing = missing_text(expect.text, *texts)
        if missing is not None:
            return missing
    return None if expect.min_tokens is None else too_few(expect.min_tokens, tokens(content).output)


def missing_text(pattern: str, *texts: str) -> str | None:
    """Say that `pattern`, a regular expression, is found in none of `texts`, and quote the first; None: it is found."""
    expected = _expected(pattern)
    searched = [text for text in texts if len(text) <= LARGEST_TEXT]
    if not searched:
        return f"{expected}, in {len(texts[0]):,} characters: at most {LARGEST_TEXT:,} are searched"
    try:
        done = subprocess.run(  # noqa: S603 - this module's own few lines
            # Without what is installed, and without a user's settings: it starts in a few milliseconds.
            [sys.executable, "-I", "-S", "-c", _SEARCH],
            input=json.dumps([pattern, *searched]).encode(),
            capture_output=True,
            timeout=PATIENCE_SEC,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"{expected}; looking for it took more than {PATIENCE_SEC:g} s: a simpler pattern would do"
    if done.returncode == _FOUND:
        return None
    if done.returncode != _NOT_FOUND:
        return (
            f"{expected}; looking for it failed: {done.stderr[-_LONGEST_QUOTE:].decode('utf-8', 'replace')}"
        )
    return f"{expected}, got: {texts[0][:_LONGEST_QUOTE].strip()}"


def _expected(pattern: str) -> str:
    return f"expected a text in which `{pattern}` is found"


def too_few(wanted: int, known: int | None, remedy: str = "") -> str | None:
    """Say that `known` tokens are fewer than `wanted`; None: there are enough."""
    expected = f"expected at least {counted(wanted, 'output token')}"
    if known is None:
        return f"{expected}; its server does not count them{remedy}"
    return None if known >= wanted else f"{expected}, got {known}"


def _texts(value: object) -> Iterator[str]:
    """Yield the texts in a decoded answer, in their order."""
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, str):
            yield each
        elif isinstance(each, dict):
            waiting += reversed(each.values())
        elif isinstance(each, list):
            waiting += reversed(each)


def _tables(value: object, depth: int) -> Iterator[Mapping[str, object]]:
    """Yield where counts may stand: in the object itself, and in the few fields that hold them."""
    if isinstance(value, dict) and depth <= _DEEPEST:
        yield value
        for name in _AROUND:
            yield from _tables(value.get(name), depth + 1)


def _first(tables: list[Mapping[str, object]], names: tuple[str, ...]) -> int | None:
    for table in tables:
        for name in names:
            count = table.get(name)
            if isinstance(count, int) and not isinstance(count, bool) and 0 < count <= _LARGEST:
                return count
    return None
