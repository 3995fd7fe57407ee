"""What endpoints did under load: sentences, charts over users or rate and over time, and every figure as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pytest_modal_bench.report.figures.under_load import (
    LEGEND,
    more_table,
    remarks,
    sentences,
    steps_table,
    under_load,
)
from pytest_modal_bench.report.html.sections.load_charts import charts, waterfall

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_modal_bench.model import Load
    from pytest_modal_bench.report.figures.under_load import Table
    from pytest_modal_bench.report.html.sections.names import Named
    from pytest_modal_bench.report.html.step_charts import Waterfall, XYChart


class StepsTable(NamedTuple):
    """Figures of all steps."""

    label: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, tuple[str, ...]], ...]
    """Each step's name and its cells."""


class Loaded(NamedTuple):
    """One endpoint."""

    endpoint: Named
    sentences: tuple[str, ...]
    charts: tuple[XYChart, ...]
    waterfalls: tuple[Waterfall, ...]
    tables: tuple[StepsTable, ...]
    remarks: tuple[str, ...]


class Loads(NamedTuple):
    """All of a run's."""

    rows: tuple[Loaded, ...]
    legend: str


def loads(endpoints: Sequence[Named]) -> Loads:
    """Return the endpoints that were put under load."""
    found = {id(result): load for result, load in under_load(each.result for each in endpoints)}
    return Loads(
        tuple(_loaded(each, found[id(each.result)]) for each in endpoints if id(each.result) in found), LEGEND
    )


def _loaded(each: Named, load: Load) -> Loaded:
    tables = [_table("steps", steps_table(load)), _table("queue, containers and cost", more_table(load))]
    return Loaded(
        each,
        tuple(sentences(load)),
        tuple(charts(each.result, load)),
        tuple(waterfall(step) for step in load.steps if step.kind == "burst" and step.calls),
        tuple(table for table in tables if table.rows and len(table.heads) > 1),
        tuple(remarks(load)),
    )


def _table(label: str, shown: Table) -> StepsTable:
    return StepsTable(label, shown.heads, tuple((row[0], row[1:]) for row in shown.rows))
