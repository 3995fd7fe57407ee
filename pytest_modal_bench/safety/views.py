"""A text as a reader may take it: escapes undone, case and what is not seen left out. Knows where it came from."""

from __future__ import annotations

import functools
import html
import re
import unicodedata
from array import array
from bisect import bisect_right
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MOST_DECODINGS = 8
"""So often are escapes undone at most; each time shortens what is escaped once more."""


def _utf8(prefix: str) -> str:
    """Return a pattern of one character beyond ASCII whose bytes are escaped one by one: RFC 3629, section 3."""
    rest = f"(?:{prefix}[89ABab][0-9A-Fa-f])"
    leads = ("[CDcd]", 1), ("[Ee]", 2), ("[Ff]", 3)
    return "|".join(f"{prefix}{lead}[0-9A-Fa-f]{rest}{{{count}}}" for lead, count in leads)


_ESCAPES = re.compile(
    r"""
    # ECMA-48 control sequences.
    (?:\x1b\[|\x9b)[0-?]{0,32}[ -/]{0,8}[@-~] | \x1b[\]PX^_@-Z\\]?
    # Percent-encoding: ASCII by itself, the bytes of UTF-8 together; and what JavaScript's `escape` makes.
    | %[0-7][0-9A-Fa-f] | {percent_utf8} | %[89A-Fa-f][0-9A-Fa-f] | %u[0-9A-Fa-f]{4}
    # HTML's character references; HTML itself forgives a missing semicolon.
    | &(?:\#[0-9]{1,7}|\#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});?
    # JSON, JavaScript, Python and shells.
    | \\u[dD][89abAB][0-9A-Fa-f]{2}\\u[dD][c-fC-F][0-9A-Fa-f]{2} | \\u[0-9A-Fa-f]{4} | \\u\{[0-9A-Fa-f]{1,6}\}
    | \\U[0-9A-Fa-f]{8} | \\x[0-7][0-9A-Fa-f] | {x_utf8} | \\x[89A-Fa-f][0-9A-Fa-f] | \\[0-3][0-7]{2} | \\[!-~]
    """.replace("{percent_utf8}", _utf8("%")).replace("{x_utf8}", _utf8(r"\\x")),
    re.VERBOSE | re.DOTALL,
)
_UNSEEN = re.compile(
    r"(?:(?:\x1b\[|\x9b)[0-?]{0,32}[ -/]{0,8}[@-~]"
    r"|[\s\x00-\x1a\x1c-\x1f\x7f-\x9a\x9c-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5"
    r"\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\U000e0000-\U000e0fff])+"
)
"""What stands between characters and is not seen. An escape character stays: the rest of its sequence may follow."""
_ESCAPING = re.compile(r"[\x1b\x9b%&\\]")
_BLANKS = frozenset("abefnrtv0")
_NOT_SEEN = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Mn", "Me", "Zs", "Zl", "Zp"})
# Letters and symbols by category, and yet blank.
_BLANK_LETTERS = frozenset("\u115f\u1160\u2800\u3164\uffa0")
_MOST_KEPT = 20_000


class _Folding(dict[int, str]):
    """For `str.translate`: what each character becomes."""

    def __missing__(self, code: int) -> str:
        plain = unicodedata.normalize("NFKD", chr(code)).casefold()
        folded = "".join(
            c for c in plain if unicodedata.category(c) not in _NOT_SEEN and c not in _BLANK_LETTERS
        )
        if len(self) < _MOST_KEPT:
            self[code] = folded
        return folded


_FOLDING = _Folding()


def fold(text: str) -> str:
    """Return `text` without case, accents, compatibility forms, blanks and characters that are not seen."""
    return text.translate(_FOLDING)


class View:
    """A text after some decodings, and folded."""

    def __init__(self, text: str, before: View | None = None, edits: _Edits | None = None) -> None:
        self.text = text
        self.folded = fold(text)
        self._before = before
        self._edits = edits

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Return where in the original text the characters of `folded` from `start` to `end` came from."""
        return self._origin(self._positions[start], self._positions[end - 1] + 1)

    def _origin(self, start: int, end: int) -> tuple[int, int]:
        if self._before is None or self._edits is None:
            return start, end
        return self._before._origin(*self._edits.origin(start, end))  # noqa: SLF001 - its own kind

    @cached_property
    def _positions(self) -> array[int]:
        return array("q", (at for at, c in enumerate(self.text) for _ in _FOLDING[ord(c)]))


class _Edits:
    """What one decoding replaced, from left to right."""

    def __init__(self) -> None:
        self._starts = array("q")
        self._ends = array("q")
        self._old_starts = array("q")
        self._old_ends = array("q")

    def __len__(self) -> int:
        return len(self._starts)

    def add(self, start: int, end: int, old_start: int, old_end: int) -> None:
        """Note that what stands from `start` to `end` now stood in the place given before."""
        self._starts.append(start)
        self._ends.append(end)
        self._old_starts.append(old_start)
        self._old_ends.append(old_end)

    def origin(self, start: int, end: int) -> tuple[int, int]:
        """Return where what is now from `start` to `end` stood before."""
        return self._old(start)[0], self._old(end - 1)[1]

    def _old(self, at: int) -> tuple[int, int]:
        edit = bisect_right(self._starts, at) - 1
        if edit < 0:
            return at, at + 1
        if at < self._ends[edit]:
            return self._old_starts[edit], self._old_ends[edit]
        old = self._old_ends[edit] + at - self._ends[edit]
        return old, old + 1


def views(text: str) -> Iterator[View]:
    """Yield `text` as it is, then with its escapes undone, once, twice, until there are none.

    Then the same without its blanks: an escape may itself have been torn apart.
    """
    view = View(text)
    yield view
    yield from _deeper(view)
    if _ESCAPING.search(text):
        squeezed, edits = _edited(text, _UNSEEN, lambda _: "")
        if edits:
            yield from _deeper(View(squeezed, view, edits))


def _deeper(view: View) -> Iterator[View]:
    for _ in range(MOST_DECODINGS):
        if not _ESCAPING.search(view.text):
            return
        decoded, edits = _edited(view.text, _ESCAPES, _meaning)
        if not edits:
            return
        view = View(decoded, view, edits)
        yield view


def _edited(text: str, pattern: re.Pattern[str], meaning: Callable[[str], str]) -> tuple[str, _Edits]:
    """Return `text` with what `pattern` matches replaced by its meaning, and what was replaced."""
    edits = _Edits()
    pieces: list[str] = []
    done = size = 0
    for match in pattern.finditer(text):
        matched = match[0]
        meant = meaning(matched)
        if meant == matched:
            continue
        start, end = match.span()
        pieces += [text[done:start], meant]
        size += start - done
        edits.add(size, size + len(meant), start, end)
        size += len(meant)
        done = end
    pieces.append(text[done:])
    return "".join(pieces), edits


@functools.lru_cache(maxsize=4096)
def _meaning(escape: str) -> str:  # noqa: PLR0911 - one for each kind
    if len(escape) == 2 and escape[0] == "\\":  # noqa: PLR2004 - a backslash, and what it escapes
        return "" if escape[1] in _BLANKS else escape[1]
    match escape[:2]:
        case "%u" | "\\u" | "\\U":
            return _of_code_points(escape)
        case "\\x":
            return _of_bytes(escape.replace("\\x", ""))
        case _ if escape[0] == "%":
            return _of_bytes(escape.replace("%", ""))
        case _ if escape[0] == "&":
            # HTML drops references to control characters, which begin what a terminal obeys.
            return html.unescape(escape) or "\x1b"
        case _ if escape[0] == "\\":
            return chr(int(escape[1:], 8))
        case _:
            return ""


def _of_bytes(digits: str) -> str:
    data = bytes.fromhex(digits)
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _of_code_points(escape: str) -> str:
    codes = [int(each, 16) for each in re.findall(r"[0-9A-Fa-f]+", escape[2:])]
    if max(codes) > 0x10FFFF:  # noqa: PLR2004 - Unicode's last
        return escape
    text = "".join(map(chr, codes))
    return (
        text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace") if len(codes) > 1 else text
    )


def decodings(text: str) -> Iterator[str]:
    """Yield the texts of `views`."""
    return (view.text for view in views(text))
