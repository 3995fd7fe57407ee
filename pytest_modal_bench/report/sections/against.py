"""The endpoints beside those that they were called in turn with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_modal_bench.report.cells import name_cell
from pytest_modal_bench.report.escape import MESSAGE_LIMIT, NAME_LIMIT, code, text
from pytest_modal_bench.report.figures.against import beside, metrics_of_both
from pytest_modal_bench.report.figures.series_cells import HEADS
from pytest_modal_bench.report.figures.units import UNKNOWN
from pytest_modal_bench.report.table import table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytest_modal_bench.gate.metrics import Name
    from pytest_modal_bench.model import EndpointResult, Run


def against(run: Run) -> str:
    """Return a row for every endpoint that was called in turn with another; nothing if none was."""
    both = [result for result in run.results if result.base is not None]
    if not both:
        return ""
    name = text(run.against or "", NAME_LIMIT) or "the base"
    metrics = metrics_of_both(both)
    legend = (
        f"Each endpoint was called in turn with that of {name}, in pairs whose order was drawn. A cell is this run / "
        f"{name}, medians of all calls, then the ratio of the pairs, with its 95% interval where there were enough of "
        "them."
    )
    rows = [_row(result, metrics) for result in both]
    return "\n\n".join(
        filter(
            None,
            (
                legend,
                table(("Endpoint", *(HEADS[metric] for metric in metrics)), rows) if metrics else "",
                "\n".join(_failed(both, name)),
            ),
        )
    )


def title(run: Run) -> str:
    """Return what stands above the section."""
    return f"Against {text(run.against or '', NAME_LIMIT) or 'the Base'}"


def _row(result: EndpointResult, metrics: Sequence[Name]) -> tuple[str, ...]:
    found = (beside(result, name) for name in metrics)
    return (
        name_cell(result.id),
        *(UNKNOWN if each is None else " = ".join(filter(None, each)) for each in found),
    )


def _failed(results: Sequence[EndpointResult], name: str) -> Iterator[str]:
    for result in results:
        base = result.base
        if base is not None and base.status != "success":
            why = text(base.error or base.skipped_reason or base.status, MESSAGE_LIMIT)
            yield f"- {code(result.id)}: {name} failed: {why}"
