"""How a test, or a part of it, ended, as its report says."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

    from pytest_modal_bench.model import TestEnd


def end_of(report: pytest.TestReport, *, by_gate: bool) -> tuple[TestEnd | None, str | None]:
    """Return how it ended and why, in one line. None: it has not ended yet, or is run again.

    `by_gate`: the gate has failed it, and knows why better than the report does.
    """
    expected: str | None = getattr(report, "wasxfail", None)
    if report.failed:
        end: TestEnd = "failed" if report.when == "call" else "error"
        return end, None if by_gate else _crash_message(report)
    if report.skipped and expected is not None:
        reason = expected.removeprefix("reason: ")
        return "xfailed", f"expected to fail: {reason}" if reason else "expected to fail"
    if report.skipped:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else "Skipped"
        return "skipped", _one_line(reason.removeprefix("Skipped: "))
    return ("passed" if report.passed and report.when == "call" else None), None


def _crash_message(report: pytest.TestReport) -> str:
    crash = getattr(report.longrepr, "reprcrash", None)
    # Not `longreprtext`: there xdist puts the worker's name before it.
    return _one_line(crash.message if crash is not None else str(report.longrepr))


def _one_line(text: str) -> str:
    return " ".join(text.split())
