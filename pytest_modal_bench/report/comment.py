"""A run as a comment on a pull request, or as the summary of a CI job: what changed or is bad, the rest folded."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from pytest_modal_bench.gate.metrics import METRICS
from pytest_modal_bench.gate.summary import (
    counts,
    prevented,
    quarantined,
    reasons,
    verdict_of_run,
    verdict_or_default,
)
from pytest_modal_bench.model import WORST_FIRST
from pytest_modal_bench.report.escape import code, text
from pytest_modal_bench.report.figures.series_cells import HEADS, figure, shown_metrics
from pytest_modal_bench.report.figures.timestamps import shown
from pytest_modal_bench.report.figures.units import UNKNOWN, doubted
from pytest_modal_bench.safety.text import counted, once

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytest_modal_bench.gate.metrics import Name
    from pytest_modal_bench.model import Check, EndpointResult, Run, Verdict

MARKER = "<!-- pytest-modal-bench -->"
"""First line of a comment, by which the next run finds it to put its own in place."""

COMMENT_LIMIT = 65_535
"""Bytes. GitHub says "maximum is 65536 characters" and has been seen to mean characters here, bytes there."""

SUMMARY_LIMIT = 1024 * 1024
"""Bytes that GitHub takes of a step's summary; it drops a longer one whole."""

MESSAGE_LIMIT = 300
"""Characters of a message, before it is escaped; the markdown report has the whole of it."""

_FRAME = 1_000
"""Bytes set aside for what stands around the rows: table heads, the fold, how many rows were cut."""

_NOTABLE: tuple[Verdict, ...] = ("FAIL", "ERROR", "WARN", "INCONCLUSIVE")

_MARKS: dict[Verdict | None, str] = {
    "FAIL": "❌",
    "ERROR": "🚫",
    "WARN": "⚠️",
    "INCONCLUSIVE": "❓",
    "SKIP": "⏭️",
    "PASS": "✅",
    None: "❓",
}


def render(run: Run) -> str:
    """Return `run` as a comment that GitHub takes, whatever its size."""
    return f"{MARKER}\n{_body(run, COMMENT_LIMIT - len(MARKER) - 1)}"


def summary(run: Run) -> str:
    """Return the same for the file that `$GITHUB_STEP_SUMMARY` names."""
    return _body(run, SUMMARY_LIMIT)


def _body(run: Run, limit: int) -> str:
    first = [result for result in run.results if _noteworthy(result)]
    first.sort(key=lambda result: WORST_FIRST.index(verdict_or_default(result)))
    others = [result for result in run.results if not _noteworthy(result)]
    head = _head(run)
    metrics = shown_metrics(run.results)
    table_head = _table_head(metrics)
    room = limit - _size(head) - _FRAME
    parts = [head]

    def add(lines: Sequence[str], share: float, *, above: str = "", under: str = "") -> None:
        nonlocal room
        kept = _fitting(lines, int(room * share))
        room -= sum(_size(line) + 1 for line in kept)
        if lines:
            parts.append("\n".join([*([above] if above else []), *kept]))
            if len(kept) < len(lines):
                # A line of its own, after an empty one: right below a table it would be a row of it.
                parts.append(f"… and {len(lines) - len(kept)} more")
            parts.extend([under] if under else [])

    add([_row(result, run, metrics) for result in first], 0.5, above=table_head)
    add([*_messages(first)], 0.5, above="**Why**\n")
    add([f"- {said}" for note in run.notes if (said := text(note, MESSAGE_LIMIT))], 0.25, above="**Notes**\n")
    if others:
        title = f"{counted(len(others), 'other endpoint')}" if first else counted(len(others), "endpoint")
        parts.append(f"<details>\n<summary>{title}</summary>")
        add([_row(result, run, metrics) for result in others], 1, above=table_head, under="</details>")
    return "\n\n".join(parts) + "\n"


def _head(run: Run) -> str:
    verdict = verdict_of_run(run)
    found = [f"{number} {name}" for name, number in counts(run.results).items() if number]
    facts = [
        f"**{', '.join(found)}** of {counted(len(run.results), 'endpoint')}" if found else "**no endpoint**",
        f"workspace {code(run.workspace)}",
        *([f"environment {code(run.environment)}"] if run.environment else []),
        shown(run.timestamp),
    ]
    lines = [f"### {_MARKS[verdict]} Modal endpoints: {verdict or 'nothing measured'}", " · ".join(facts)]
    if run.simulated:
        lines.append(f"Simulated: {text(run.simulated, MESSAGE_LIMIT)}")
    if not_done := prevented(run.results):
        lines.append(f"**Not measured:** {text(not_done, MESSAGE_LIMIT)}")
    if not run.finished:
        lines.append("**Unfinished:** this run was cut off, or was still going on.")
    return "\n\n".join(lines)


def _noteworthy(result: EndpointResult) -> bool:
    moved = any(_moved(check) for check in result.checks)
    return verdict_or_default(result) in _NOTABLE or moved or bool(result.misfits)


def _table_head(metrics: Sequence[Name]) -> str:
    columns = ("Endpoint", "Verdict", *(HEADS[name] for name in metrics), "Against Baseline")
    return f"{_cells(columns)}\n{_cells(['---'] * len(columns))}"


def _row(result: EndpointResult, run: Run, metrics: Sequence[Name]) -> str:
    verdict = verdict_or_default(result)
    return _cells(
        (
            code(result.id),
            f"{_MARKS[verdict]} {verdict}{' (quarantined)' if quarantined(result, run) else ''}",
            *(figure(result, name) for name in metrics),
            ", ".join(_against(check, result) for check in _compared(result)) or UNKNOWN,
        )
    )


def _cells(cells: Sequence[str]) -> str:
    """A row without padding, which would cost more characters than the text does."""
    return f"| {' | '.join(cells)} |"


def _compared(result: EndpointResult) -> Iterator[Check]:
    return (check for check in result.checks if check.ratio is not None and math.isfinite(check.ratio))


def _moved(check: Check) -> str | None:
    """Say in which direction a median moved, if by as much as a check would have minded, and not by chance."""
    if check.metric == "success" or check.ratio is None or not check.limit or check.p is None:
        return None
    if not math.isfinite(check.ratio):
        return None
    ratio, limit = check.ratio, check.limit
    is_beyond, is_better = ratio >= limit, ratio * limit <= 1
    if METRICS[check.metric].less_is_worse:
        is_beyond, is_better = ratio <= limit, ratio * limit >= 1
    if is_beyond:
        return "dearer" if check.metric == "cost" else "slower"
    if is_better:
        return "cheaper" if check.metric == "cost" else "faster"
    return None


def _against(check: Check, result: EndpointResult) -> str:
    direction = _moved(check)
    # Its message says so where it is an earlier run's cold start that nothing proves.
    proven = check.metric != "cold" or (bool(result.cold_verified) and "unverified" not in check.message)
    ratio = doubted(f"{check.ratio:.3g}x", proven=proven)
    label = check.metric if check.metric == "success" else METRICS[check.metric].label
    return f"{label} {ratio}{f' ({direction})' if direction else ''}"


def _messages(results: Sequence[EndpointResult]) -> Iterator[str]:
    for result in results:
        if said := text("; ".join(once([*reasons(result), *result.misfits])), MESSAGE_LIMIT):
            yield f"- {code(result.id)}: {said}"


def _fitting(lines: Sequence[str], room: int) -> list[str]:
    kept = []
    for line in lines:
        room -= _size(line) + 1
        if room < 0:
            break
        kept.append(line)
    return kept


def _size(markdown: str) -> int:
    """Bytes: never fewer than characters, however one counts these, so that one limit serves for all."""
    return len(markdown.encode())
