"""Markdown tables, padded by display width as prettier pads them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_modal_bench.report.escape import width

if TYPE_CHECKING:
    from collections.abc import Sequence

_NARROWEST = 3
"""A delimiter row has at least three dashes."""


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return `rows`, each as long as `header`, below it; cells are markdown already, without a bare `|`."""
    widths = [max(_NARROWEST, *map(width, column)) for column in zip(header, *rows, strict=True)]
    lines = [header, ["-" * columns for columns in widths], *rows]
    return "\n".join(f"| {' | '.join(map(_pad, cells, widths))} |" for cells in lines)


def _pad(cell: str, columns: int) -> str:
    return cell + " " * (columns - width(cell))
