"""The endpoints beside those that they were called in turn with."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pytest_modal_bench.report.escape import MESSAGE_LIMIT, NAME_LIMIT, line
from pytest_modal_bench.report.figures.against import Beside, beside, metrics_of_both
from pytest_modal_bench.report.figures.series_cells import HEADS, STAR
from pytest_modal_bench.report.figures.units import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_modal_bench.model import EndpointResult, Run
    from pytest_modal_bench.report.html.sections.names import Named

_NOTHING = Beside(UNKNOWN, "")


class Row(NamedTuple):
    """One endpoint, and each metric on both sides."""

    endpoint: Named
    cells: tuple[Beside, ...]
    failure: str
    """Why its base failed; nothing where it did not."""


class Against(NamedTuple):
    """All of a run's that were called in turn with others."""

    name: str
    """What the others are called."""
    heads: tuple[str, ...]
    rows: tuple[Row, ...]


def against(run: Run, endpoints: Sequence[Named]) -> Against:
    """Return the endpoints that were called in turn with others."""
    both = [each for each in endpoints if each.result.base is not None]
    metrics = metrics_of_both([each.result for each in both])
    return Against(
        line(run.against or "", NAME_LIMIT) or "the base",
        tuple(HEADS[name] for name in metrics),
        tuple(
            Row(
                each,
                tuple(_plain(beside(each.result, name) or _NOTHING) for name in metrics),
                _failure(each.result),
            )
            for each in both
        ),
    )


def _plain(found: Beside) -> Beside:
    """Without the marks of markdown."""
    return Beside(found.both.replace(STAR, "*").replace("&gt;", ">"), found.ratio)


def _failure(result: EndpointResult) -> str:
    base = result.base
    if base is None or base.status == "success":
        return ""
    return line(base.error or base.skipped_reason or base.status, MESSAGE_LIMIT)
