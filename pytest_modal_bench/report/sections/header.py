"""What a report begins with: the verdict, why, what changed most, and what run this is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_modal_bench.gate.summary import counts, prevented, reasons, verdict_of_run, verdict_or_default
from pytest_modal_bench.gate.verdicts import FAILING
from pytest_modal_bench.report.cells import text_cell
from pytest_modal_bench.report.escape import NAME_LIMIT, code, text
from pytest_modal_bench.report.figures.failures import by_cause
from pytest_modal_bench.report.figures.moves import moves, sentence
from pytest_modal_bench.report.figures.timestamps import shown
from pytest_modal_bench.report.labels import VERDICT_MARKS, Labels
from pytest_modal_bench.safety.text import counted

if TYPE_CHECKING:
    from pytest_modal_bench.model import Run

_REASON_LIMIT = 200
"""Columns of the first reason; Verdicts has the whole of it."""


_CAUSES = 3
"""Causes of failures that the verdict names."""


def header(run: Run) -> str:
    """Return the lines below the title."""
    marks = {True: "✅", False: "❌", None: "❓"}
    facts = {
        "Verdict": _verdict(run),
        "Why": _objection(run),
        "Changed Most": _change(run),
        "Generated": shown(run.timestamp),
        "Workspace": text(run.workspace, NAME_LIMIT),
        "Environment": text(run.environment or "", NAME_LIMIT),
        "Against": text(run.against or "", NAME_LIMIT),
        "Test Resources": ", ".join(
            f"{name}={marks[run.resources.get(name.lower())]}" for name in ("Image", "Video", "LoRA")
        ),
        "Simulated": text(run.simulated or ""),
        "Not Measured": text(prevented(run.results) or ""),
        "Unfinished": ""
        if run.finished
        else "this run was cut off, or was still going on when this report was written",
    }
    return "  \n".join(f"**{name}:** {value}" for name, value in facts.items() if value)


def _verdict(run: Run) -> str:
    verdict = verdict_of_run(run)
    if verdict is None:
        return f"{VERDICT_MARKS[None]} nothing measured"
    found = ", ".join(f"{number} {name}" for name, number in counts(run.results).items() if number)
    so_far = " so far" if run.verdict is None and not run.finished else ""
    where = f"{_causes(run)}, see [Failed Endpoints](#failed-endpoints)" if run.summary.failed else ""
    return f"{VERDICT_MARKS[verdict]} {verdict}{so_far} ({found}){where}"


def _causes(run: Run) -> str:
    """Name the most frequent causes of failures, and count the others."""
    names = [f"{group.name} ({len(group.results)})" for group in by_cause(run.results) if group.name]
    others = len(names) - _CAUSES
    more = f" and {counted(others, 'other cause')}" if others > 0 else ""
    return f": {', '.join(names[:_CAUSES])}{more}" if names else ""


def _objection(run: Run) -> str:
    """Say what the gate has against endpoints that answered: Failed Endpoints has the others."""
    failing = [
        result
        for result in run.results
        if result.status == "success" and verdict_or_default(result) in FAILING
    ]
    if not failing:
        return ""
    first = failing[0]
    reason = text_cell("; ".join(reasons(first)), _REASON_LIMIT)
    others = len(failing) - 1
    more = f"; and {counted(others, 'endpoint')} more, see Verdicts" if others else ""
    return f"{code(Labels(run.results).path(first))}: {reason}{more}"


def _change(run: Run) -> str:
    """Say what moved most against the baseline, beyond noise; nothing where nothing did, or there is none."""
    moved = moves(run.results)
    if not moved:
        return ""
    label = code(Labels(run.results).path(moved[0].result))
    more = f"; {len(moved) - 1} more moved, see Verdicts" if len(moved) > 1 else ""
    return f"{label} {sentence(moved[0])}{more}"
