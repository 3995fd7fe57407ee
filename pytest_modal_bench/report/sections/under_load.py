"""What endpoints did under load: for each of them a sentence, then a table of its steps, and what else is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_modal_bench.report.cells import name_cell
from pytest_modal_bench.report.escape import MESSAGE_LIMIT, text
from pytest_modal_bench.report.figures.series_cells import STAR
from pytest_modal_bench.report.figures.under_load import (
    LEGEND,
    more_table,
    remarks,
    sentences,
    steps_table,
    under_load,
)
from pytest_modal_bench.report.table import fold, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_modal_bench.model import EndpointResult, Load
    from pytest_modal_bench.report.figures.under_load import Table

_OPEN = 3
"""Endpoints whose tables are to be seen at once; those of more are in folds, below the sentences."""


def section(results: Sequence[EndpointResult]) -> str:
    """Return what endpoints did under load; nothing if none was put under any."""
    found = under_load(results)
    if not found:
        return ""
    if len(found) > _OPEN:
        lines = "\n".join(f"- {said}" for result, load in found for said in _said(result, load))
        whole = "\n\n".join([*(_whole(result, load) for result, load in found), LEGEND])
        return f"{lines}\n\n{fold('Steps of each endpoint', whole)}"
    return "\n\n".join([*(_whole(result, load) for result, load in found), fold("How to read it", LEGEND)])


def sentence(raw: str, limit: int = MESSAGE_LIMIT) -> str:
    """Return a sentence as markdown. One dollar sign alone is no formula, and stays one."""
    shown = text(raw, limit)
    return shown.replace("`$`", "$") if shown.count("`$`") == 1 else shown


def _said(result: EndpointResult, load: Load) -> list[str]:
    name = f"**{name_cell(result.id)}**"
    return [f"{name} {sentence(said)}" for said in sentences(load)]


def _whole(result: EndpointResult, load: Load) -> str:
    notes = "\n".join(f"- {shown}" for remark in remarks(load) if (shown := sentence(remark)))
    more = more_table(load)
    detail = "\n\n".join(filter(None, [_table(more) if len(more.heads) > 1 else "", notes]))
    said = _said(result, load)
    return "\n\n".join(
        [
            said[0] if len(said) == 1 else "\n".join(f"- {each}" for each in said),
            *([_table(steps_table(load))] if load.steps else []),
            fold("Containers, queue, cost and notes", detail),
        ]
    )


def _table(shown: Table) -> str:
    """Return a table of this project's own words and figures."""
    return table(
        shown.heads, [[cell.replace("*", STAR).replace(">", "&gt;") for cell in row] for row in shown.rows]
    )
