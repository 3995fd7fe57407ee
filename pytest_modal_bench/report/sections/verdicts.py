"""What the gate says of each endpoint, and what it was held against."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_modal_bench.gate.summary import not_compared, reasons
from pytest_modal_bench.report.cells import Cells, name_cell
from pytest_modal_bench.report.escape import line, text
from pytest_modal_bench.report.table import table
from pytest_modal_bench.safety.text import once

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytest_modal_bench.model import EndpointResult

_BUDGETS_ALONE = "Compared with no earlier run: held against absolute budgets only."
_NOTHING = "Compared with no earlier run, and no budgets: an endpoint passes if it answers as it should."


_COLUMNS = ("Endpoint", "Verdict", "Why")


def verdicts(results: Sequence[EndpointResult]) -> str:
    """Return a row for every endpoint of whose verdict there is more to say than its status does; above, the others."""
    cells = Cells()
    left_out = not_compared(results)
    judged = [
        (result, once(filter(line, [*_why(result), *left_out.get(result.id, ())])))
        for result in results
        if result.verdict is not None
    ]
    if not judged:
        return ""
    rows, plain = [], dict[str, list[str]]()
    for result, why in judged:
        if all(reason in _listed(result) for reason in why):
            plain.setdefault(str(result.verdict), []).append(name_cell(result.id))
        else:
            rows.append((name_cell(result.id), str(result.verdict), _reasons_cell(result, why, cells)))
    checks = [check for result in results for check in result.checks]
    compared = any(check.against in ("baseline", "base") for check in checks)
    basis = [] if compared else [_BUDGETS_ALONE if checks else _NOTHING]
    parts = [
        *basis,
        "\n".join(f"- {verdict}: {', '.join(names)}" for verdict, names in plain.items()),
        cells.with_full_texts(table(_COLUMNS, rows)) if rows else "",
    ]
    return "\n\n".join(filter(None, parts))


def _listed(result: EndpointResult) -> tuple[str | None, ...]:
    """Reasons that the lists by status show."""
    return () if result.status == "success" else (result.error, result.skipped_reason)


def _reasons_cell(result: EndpointResult, why: Sequence[str], cells: Cells) -> str:
    """Everything in one cell; if it is cut, all of it below the table that the lists by status do not show already."""
    full = "; ".join(text(reason) for reason in why if reason not in _listed(result))
    return cells.text("; ".join(map(line, why)), result.id, full=full)


def _why(result: EndpointResult) -> Iterator[str]:
    """Everything that it was held against, what it passed included: a bare `PASS` says little."""
    yield from dict.fromkeys([*(check.message for check in result.checks), *reasons(result)])
    yield from result.misfits
    # Where its day is past, that is a reason already.
    if result.quarantine is not None and not any(
        "its quarantine ended" in reason for reason in result.reasons
    ):
        yield f"in quarantine until {result.quarantine.until}: {result.quarantine.reason}"
    if result.history is not None:
        yield str(result.history)
