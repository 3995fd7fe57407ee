"""Blocks of markdown: tables, padded by display width as prettier pads them, and folds."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pytest_modal_bench.report.escape import width

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_FOLD = re.compile(r"^<details>$.*?^</details>\n?", re.DOTALL | re.MULTILINE)

_NARROWEST = 3
"""A delimiter row has at least three dashes."""


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return `rows`, each as long as `header`, below it; cells are markdown already, without a bare `|`."""
    widths = [max(_NARROWEST, *map(width, column)) for column in zip(header, *rows, strict=True)]
    lines = [header, ["-" * columns for columns in widths], *rows]
    return "\n".join(f"| {' | '.join(map(_pad, cells, widths))} |" for cells in lines)


def _pad(cell: str, columns: int) -> str:
    return cell + " " * (columns - width(cell))


def fold(title: str, body: str) -> str:
    """Return `body` folded below `title`, which is this project's own words; nothing where there is no body."""
    # GitHub renders what follows an empty line as markdown, and what does not as HTML.
    return f"<details>\n<summary>{title}</summary>\n\n{body}\n\n</details>" if body else ""


def lines_outside_folds(markdown: str) -> int:
    """Return how many lines there are to be seen as long as nobody opens a fold."""
    return len(_FOLD.sub("", markdown).splitlines())


def folds(blocks: Iterable[str]) -> str:
    """Return folds one below the other, without empty lines between them."""
    return "\n".join(filter(None, blocks))
