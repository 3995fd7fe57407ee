"""Text from outside (names, messages, paths) as one line of markdown that shows it and does nothing else.

Ordinary text comes out unchanged. Of the rest, markup is escaped; and what GitHub acts on (`@team`, `#1`,
`GH-1`, addresses, `:emoji:`, `$math$`) is set as code: it looks for these in rendered text, where backslash
and entity hide nothing, but never in code (IGNORE_PARENTS in html-pipeline 2, `@mention_filter.rb`).
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from pytest_modal_bench.safety.text import inert

MESSAGE_LIMIT = 2000
"""Characters of a message that a report shows."""
NAME_LIMIT = 200
"""Characters of a name, path or other label that a report shows."""

_TERMINAL = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\))")
"""Control sequences (ECMA-48, 5.4) and operating system commands (8.3.89), as terminals understand them."""

_ACTIVE = re.compile(
    r"""
    (?= [@#$:wWgG*~[\]{_<|`\\&] )  # Each match begins with one of these: to look for them first is much faster.
    (?:
      (?P<acted_on> (?: [@#$] | :(?=//|[a-z+-][\w+-]*:) | (?i:www(?=\.)|gh(?=-\d)) )+ )
    | (?P<markup> [*~] | \[{2,} | \[(?=\^) | \](?=[]([:]) | \{(?=[{%])
        | (?<![A-Za-z0-9])_ | _(?![A-Za-z0-9]) )
    | (?P<entity> [<|`] | \\(?![nrtux]) | &(?=\w+;) )
    )
    """,
    re.VERBOSE,
)

_CODE = re.compile(r"[!-_a-{}~](?:[ -_a-{}~]*[!-_a-{}~])?")
"""What a code span can hold, in a table too: ASCII without backtick and pipe, no space at either end."""

_DIRECTIONS = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
"""Bidirectional controls (UAX 9, section 2): they reorder what stands around them."""

_NONCHARACTER = re.compile(
    f"[\ufdd0-\ufdef{''.join(chr(plane << 16 | last) for plane in range(17) for last in (0xFFFE, 0xFFFF))}]"
)
"""Code points that no text may hold (Unicode, section 23.7), and no entity can stand for."""

_DISPUTED = re.compile(
    "[\u2630-\u2637\u268a-\u268f\u4dc0-\u4dff\U0001d300-\U0001d376"
    "\u261d\u26f9\u270c\u270d\U0001f3cb\U0001f3cc\U0001f574\U0001f575\U0001f590]"
)
"""Unicode 16 widened the first four ranges, so Pythons differ; prettier widens the rest, hands and people."""

_JOINING = re.compile("[\ufe00-\ufe0f\u20e3\U0001f3fb-\U0001f3ff]")
"""What makes one emoji with the character before it: variation selectors, the keycap, skin tones."""

_EMOJI_VARIATION = "\ufe0f"

_PLAIN = re.compile("[!-~]+(?: [!-~]+)*")
"""Words of ASCII with single spaces between them, as most lines are: nothing in them is taken out or replaced."""


def line(raw: str, limit: int = MESSAGE_LIMIT) -> str:
    """Return `raw` as one line: at most `limit` characters of it, no control characters, single spaces."""
    if len(raw) <= limit and _PLAIN.fullmatch(raw):
        return inert(raw)
    shown = " ".join(_TERMINAL.sub("", raw[:limit]).split())
    if not shown.isprintable():
        shown = "".join(char if _printable(char) else "\ufffd" for char in shown)
    shown = inert(shown)
    return shown if len(raw) <= limit else f"{shown}… ({len(raw)} characters)"


def text(raw: str, limit: int = MESSAGE_LIMIT) -> str:
    """Return `line(raw, limit)` as markdown that reads the same in a paragraph, a heading or a table cell."""
    return as_text(line(raw, limit))


def code(raw: str, limit: int = NAME_LIMIT) -> str:
    """Return `line(raw, limit)` as code; nothing becomes `-`."""
    return as_code(line(raw, limit))


def as_text(shown: str) -> str:
    """Return as markdown what `line` returned."""
    escaped = _ACTIVE.sub(_escape, shown)
    return escaped if escaped.isascii() else "".join(map(_steady, escaped))


def as_code(shown: str) -> str:
    """Return as code what `line` returned; nothing becomes `-`."""
    if not shown:
        return "-"
    # A code span cannot escape what it must not hold; inside the element everything can be escaped.
    return f"`{shown}`" if _CODE.fullmatch(shown) else f"<code>{as_text(shown)}</code>"


def prose(raw: str, limit: int = MESSAGE_LIMIT) -> str:
    """Return `text(raw, limit)`, but what stands between backticks as code: for sentences that name commands."""
    shown = line(raw, limit)
    words = shown.split("`")
    if len(words) % 2 == 0 or any(not part.strip() or part != part.strip() for part in words[1::2]):
        return as_text(shown)
    made = "".join(as_code(part) if number % 2 else as_text(part) for number, part in enumerate(words))
    # Two code spans side by side would be one.
    return as_text(shown) if "``" in made else made


def width(markdown: str) -> int:
    """Return the columns that text of this module takes up, by prettier's count (its `getStringWidth`)."""
    return len(markdown) if markdown.isascii() else sum(map(_char_width, markdown))


def _escape(match: re.Match[str]) -> str:
    found = match.group()
    if match["acted_on"]:
        return f"`{found}`"
    if match["markup"]:
        return "".join(f"\\{char}" for char in found)
    return {"<": "&lt;", "&": "&amp;"}.get(found, f"&#{ord(found)};")


# Few characters make up the texts of a run, and what is known of one takes long to look up.
_once_a_character = lru_cache(maxsize=4096)


@_once_a_character
def _printable(char: str) -> bool:
    return not (
        unicodedata.category(char) in {"Cc", "Cs"}
        or unicodedata.bidirectional(char) in _DIRECTIONS
        or _NONCHARACTER.match(char)
    )


@_once_a_character
def _steady(char: str) -> str:
    """Return a character whose width is beyond doubt: it joins no emoji, and all count it alike. Else its entity."""
    doubtful = (
        unicodedata.category(char) in {"Cf", "Cn", "Co"} or _JOINING.match(char) or _DISPUTED.match(char)
    )
    return f"&#{ord(char)};" if doubtful else char


@_once_a_character
def _char_width(char: str) -> int:
    if char == _EMOJI_VARIATION:  # Only in this project's own `⏭️`: it makes a narrow symbol wide.
        return 1
    if unicodedata.category(char) in {"Mn", "Me"}:
        return 0
    return 2 if unicodedata.east_asian_width(char) in {"W", "F"} else 1
