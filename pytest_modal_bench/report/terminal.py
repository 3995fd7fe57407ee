"""A run in the few lines that a terminal shows at its end."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from pytest_modal_bench.gate.doubts import inconclusive
from pytest_modal_bench.gate.summary import prevented
from pytest_modal_bench.report.labels import Labels
from pytest_modal_bench.safety.text import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_modal_bench.model import Run


def lines(run: Run) -> Iterator[str]:
    """Counts, the gate's word, what was not conclusive, and notes; failures are told by their tests."""
    summary = run.summary
    counts = {
        "successful": summary.successful,
        "failed": summary.failed,
        "skipped": summary.skipped,
        "not run": summary.not_run,
    }
    shown = ", ".join(f"{count} {word}" for word, count in counts.items() if count)
    yield f"{counted(summary.total, 'endpoint')}: {shown}"
    if run.verdict is not None:
        verdicts = Counter(result.verdict for result in run.results if result.verdict is not None)
        shown = ", ".join(f"{count} {verdict}" for verdict, count in verdicts.items())
        yield f"gate: {run.verdict} ({shown})"
    if not_done := prevented(run.results):
        yield f"not measured: {not_done}"
    labels = Labels(run.results)
    for result in run.results:
        for check in result.checks:
            if check.verdict not in ("PASS", "FAIL"):
                yield f"{check.verdict} {labels.path(result)}: {check.message}"
        for line in inconclusive(result):
            yield f"{labels.path(result)}: {line}"
        for misfit in result.misfits:
            yield f"{labels.path(result)}: {misfit}"
    yield from run.notes


def why_nothing(run: Run) -> str:
    """Why not one call was made, each reason once and how often."""
    reasons = Counter(result.skipped_reason or result.error or "not run" for result in run.results)
    return "; ".join(f"{reason} ({number})" for reason, number in reasons.items())
