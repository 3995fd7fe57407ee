"""The project's markdown: its blocks of code, its links, and its headings."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING

from markdown_it import MarkdownIt
from project import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from markdown_it.token import Token

PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("docs/**/*.md")])
"""What users and contributors read: everything in it is tried."""
ALL = [
    *PAGES,
    ROOT / "CHANGELOG.md",
    *sorted(ROOT.glob("examples/**/*.md")),
    *sorted(ROOT.glob("benchmarks/*.md")),
]

_MARKDOWN = MarkdownIt("commonmark").enable("table")
_WRITE = re.compile(r"\b[Ww]rite `([\w./-]+)`|\bat the end of `([\w./-]+)`")


@dataclass(frozen=True)
class Block:
    """A fenced block."""

    page: Path
    line: int
    language: str
    text: str
    file: str | None
    """The file that the paragraph above tells the reader to write it to."""
    appended: bool
    """Whether it goes to the end of that file."""

    def __str__(self) -> str:
        return f"{name(self.page)}:{self.line}"


def name(page: Path) -> str:
    """The page as people name it."""
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path) -> Iterator[Block]:
    """Yield the page's fenced blocks."""
    above = ""
    for token in _tokens(page):
        if token.type == "inline":
            above = token.content
        elif token.type == "fence":
            assert token.map is not None
            told = _WRITE.search(above.replace("\n", " "))
            file = (told[1] or told[2]) if told else None
            yield Block(
                page, token.map[0] + 1, token.info.strip(), token.content, file, bool(told and told[2])
            )


def links(page: Path) -> Iterator[str]:
    """Yield where links and pictures lead."""
    for token in _tokens(page):
        for child in token.children or ():
            if child.type in ("link_open", "image"):
                yield str(child.attrs.get("href", child.attrs.get("src", "")))


def anchors(page: Path) -> set[str]:
    """The names of the page's headings, as GitHub and Sphinx make them."""
    tokens = _tokens(page)
    titles = [
        "".join(child.content for child in after.children or ())
        for before, after in pairwise(tokens)
        if before.type == "heading_open"
    ]
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


@cache
def _tokens(page: Path) -> list[Token]:
    return _MARKDOWN.parse(page.read_text("utf-8"))
