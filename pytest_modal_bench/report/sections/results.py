"""The results, a table a category, in the reference benchmark's seven columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_modal_bench.model.series import series
from pytest_modal_bench.report.cells import CELL_LIMIT, name_cell, text_cell
from pytest_modal_bench.report.escape import NAME_LIMIT, line, text, width
from pytest_modal_bench.report.figures.series_cells import STAR, times
from pytest_modal_bench.report.figures.units import cost, doubted, savings
from pytest_modal_bench.report.table import table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_modal_bench.model import EndpointResult

STATUS_LIMIT = 30
"""Characters of a failure's message that a table shows; the list of failed endpoints has the whole of it."""

_BESIDE_MARK = CELL_LIMIT - width("❌ ")
"""Columns that a status has for its text."""

_COLUMNS = ("Endpoint", "Path", "Cold (s)", "Warm (s)", "Δ Savings", "Cost ($)", "Status")

_UNVERIFIED = (
    "`?`: nothing proves that this call met a new container, so the cold start, and what is computed from it,"
    " may be too low."
)

_OF_SOME = (
    "`*`: the median of the calls that were answered; others were not. How many is under Timing Detail."
)
_BEYOND = "`>`: half of the calls or more timed out, so the median is beyond their deadline."


def categories(results: Sequence[EndpointResult]) -> str:
    """Return a table for each category, in the order of their first endpoints, and what the marks in them mean."""
    groups: dict[str, list[EndpointResult]] = {}
    for result in results:
        groups.setdefault(result.category, []).append(result)
    blocks = [
        f"### {text(category, NAME_LIMIT) or 'No Category'}\n\n{table(_COLUMNS, [*map(_row, group)])}"
        for category, group in groups.items()
    ]
    return "\n\n".join(filter(None, [*blocks, _footnotes(results)]))


def _footnotes(results: Sequence[EndpointResult]) -> str:
    shown = [times(result, start) for result in results for start in ("cold", "warm")]
    notes = {
        _UNVERIFIED: any(each.endswith("?") for each in shown),
        _OF_SOME: any(STAR in each for each in shown) or any(map(_cost_of_some, results)),
        _BEYOND: any(each.startswith("&gt;") for each in shown),
    }
    return "\n".join(note for note, is_needed in notes.items() if is_needed)


def _row(result: EndpointResult) -> tuple[str, ...]:
    return (
        text_cell(result.endpoint),
        name_cell(result.path),
        times(result, "cold"),
        times(result, "warm"),
        doubted(savings(result.cold_time_sec, result.warm_time_sec), proven=result.cold_verified),
        cost(result.cost_usd, result.cost_basis) + (STAR if _cost_of_some(result) else ""),
        _status(result),
    )


def _cost_of_some(result: EndpointResult) -> bool:
    return result.cost_usd is not None and series(result, "warm").partial


def _status(result: EndpointResult) -> str:
    match result.status:
        case "success":
            return "✅ cached?" if result.cached else "✅"
        case "failed":
            message = line(result.error or "")
            cut = message if len(message) <= STATUS_LIMIT else f"{message[:STATUS_LIMIT]}..."
            return f"❌ {text_cell(cut, _BESIDE_MARK)}".rstrip()
        case "skipped":
            return f"⏭️ {text_cell(result.skipped_reason or '', _BESIDE_MARK)}".rstrip()
        case "not_run":
            return "⏹️ Not run: cost limit" if result.skipped_reason else "⏹️ Not run"
