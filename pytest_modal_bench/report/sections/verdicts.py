"""What the gate says of each endpoint, and what it was held against."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_modal_bench.gate.summary import reasons
from pytest_modal_bench.report.cells import Cells, name_cell
from pytest_modal_bench.report.escape import line, text
from pytest_modal_bench.report.figures.units import UNKNOWN
from pytest_modal_bench.report.table import table
from pytest_modal_bench.safety.text import once

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytest_modal_bench.model import EndpointResult

_BUDGETS_ALONE = "Compared with no earlier run: held against absolute budgets only."
_NOTHING = "Compared with no earlier run, and no budgets: an endpoint passes if it answers as it should."


def verdicts(results: Sequence[EndpointResult]) -> str:
    """Return a row for every endpoint that has a verdict, below what they rest on; nothing if none has."""
    cells = Cells()
    rows = [
        (name_cell(result.id), result.verdict, _reasons_cell(result, cells))
        for result in results
        if result.verdict is not None
    ]
    if not rows:
        return ""
    checks = [check for result in results for check in result.checks]
    compared = any(check.against == "baseline" for check in checks)
    basis = [] if compared else [_BUDGETS_ALONE if checks else _NOTHING]
    return cells.with_full_texts("\n\n".join([*basis, table(("Endpoint", "Verdict", "Why"), rows)]))


def _reasons_cell(result: EndpointResult, cells: Cells) -> str:
    """Everything in one cell; if it is cut, all of it below the table that the lists by status do not show already."""
    why = once(reason for reason in _why(result) if line(reason))
    listed = () if result.status == "success" else (result.error, result.skipped_reason)
    full = "; ".join(text(reason) for reason in why if reason not in listed)
    return cells.text("; ".join(map(line, why)) or UNKNOWN, result.id, full=full)


def _why(result: EndpointResult) -> Iterator[str]:
    """Everything that it was held against, what it passed included: a bare `PASS` says little."""
    yield from dict.fromkeys([*(check.message for check in result.checks), *reasons(result)])
    yield from result.misfits
    # Where its day is past, that is a reason already.
    if result.quarantine is not None and not any(
        "its quarantine ended" in reason for reason in result.reasons
    ):
        yield f"in quarantine until {result.quarantine.until}: {result.quarantine.reason}"
