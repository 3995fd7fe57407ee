"""A run in the few lines that a terminal shows at its end."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

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
    for result in run.results:
        for check in result.checks:
            if check.verdict not in ("PASS", "FAIL"):
                yield f"{check.verdict} {result.path}: {check.message}"
        for what, reason in (("cold", result.cold_inconclusive), ("warm", result.warm_inconclusive)):
            if reason is not None:
                yield f"{result.path}: {what} inconclusive: {reason}"
    yield from run.notes


def why_nothing(run: Run) -> str:
    """Why not one call was made, each reason once and how often."""
    reasons = Counter(result.skipped_reason or result.error or "not run" for result in run.results)
    return "; ".join(f"{reason} ({number})" for reason, number in reasons.items())
