"""A run as a terminal shows it at its end: a table in the width there is, what failed, and what else is to be known."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from pytest_modal_bench.gate.doubts import inconclusive
from pytest_modal_bench.gate.metrics import METRICS
from pytest_modal_bench.gate.summary import prevented, reasons, verdict_or_default
from pytest_modal_bench.gate.verdicts import FAILING
from pytest_modal_bench.model import WORST_FIRST
from pytest_modal_bench.model.series import series
from pytest_modal_bench.report.escape import NAME_LIMIT, line, width
from pytest_modal_bench.report.figures.against import ratio
from pytest_modal_bench.report.figures.failures import by_cause
from pytest_modal_bench.report.figures.under_load import sentences, under_load
from pytest_modal_bench.report.figures.units import UNKNOWN, cost, doubted, seconds
from pytest_modal_bench.report.labels import Labels
from pytest_modal_bench.safety.text import counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pytest_modal_bench.model import EndpointResult, Run, Start, Verdict

MOST_FAILING, MOST_OTHERS = 100, 30
"""So many rows a table has at most; the report has them all."""
MOST_CAUSES = 20
_MESSAGES = 3
"""Of a cause, so many messages are shown."""
_NAMED = 5
"""Endpoints that a line names; it counts the others."""
_MESSAGE, _REMEDY, _SENTENCE = 160, 300, 400
"""Characters of a message, which stands in full above and in the report, of what to try, and of what is kept."""
_SHORTEST_NAME = 8
"""Columns of the terminal."""
_GAP = "  "
_BASE = "Warm vs Base"
_LEFT_OUT = {"Category": 24, "Calls": 24, _BASE: 20, "Cost ($)": 16, "TTFT (s)": 16, "Cold (s)": 10}
"""Columns of the table that are left out, the first one first, before names get shorter than so many columns."""
_WORDS = {"Verdict", "Endpoint", "Category"}
_MARKS = {
    "?": "? cold start that nothing proves",
    "*": "* other calls failed",
    ">": "> half of the calls or more timed out",
    "~": "~ estimated",
}


class Row(NamedTuple):
    """One line of the table, ready to be written; `verdict` is what its colour says, None: it has none."""

    verdict: Verdict | None
    text: str


def lines(run: Run) -> Iterator[str]:
    """Counts, and the gate's word."""
    summary = run.summary
    statuses = {
        "successful": summary.successful,
        "failed": summary.failed,
        "skipped": summary.skipped,
        "not run": summary.not_run,
    }
    shown = ", ".join(f"{count} {word}" for word, count in statuses.items() if count)
    yield f"{counted(summary.total, 'endpoint')}: {shown}"
    if run.verdict is not None:
        verdicts = Counter(result.verdict for result in run.results if result.verdict is not None)
        shown = ", ".join(f"{count} {verdict}" for verdict, count in verdicts.items())
        yield f"gate: {run.verdict} ({shown})"
    if not_done := prevented(run.results):
        yield f"not measured: {not_done}"


def table(run: Run, columns: int) -> list[Row]:
    """Return the results as lines of at most so many `columns`, where that can be: failing first, then the slowest.
    What was not run, because the run was cut off, is only counted.

    Figures are never cut: columns of less use are left out, then names are cut in the middle.
    """
    ended = [result for result in run.results if result.status != "not_run" or result.skipped_reason]
    shown = _shown(ended)
    if not shown:
        return []
    labels = Labels(run.results)
    heads, cells = _columns(shown)
    names = [line(labels.name(result), NAME_LIMIT) for result in shown]
    verdicts = [verdict_or_default(result) for result in shown]

    def room() -> int:
        """Columns that are left for names."""
        others = [["Verdict", *verdicts], *([head, *cells[head]] for head in heads)]
        return columns - sum(max(map(width, column)) + len(_GAP) for column in others)

    widest = max(map(width, ["Endpoint", *names]))
    for head, needed in _LEFT_OUT.items():
        if room() < min(needed, widest) and head in heads:
            heads.remove(head)
    names = [shortened(name, max(room(), _SHORTEST_NAME)) for name in names]
    written = [
        _line(row)
        for row in _padded(
            [
                ("Verdict", "Endpoint", *heads),
                *zip(verdicts, names, *(cells[head] for head in heads), strict=True),
            ]
        )
    ]
    rows = [Row(None, written[0]), *map(Row, verdicts, written[1:])]
    left = len(ended) - len(shown)
    if left:
        rows.append(Row(None, f"… and {left} more, in the report"))
    marks = [
        text for mark, text in _MARKS.items() if any(mark in cell for head in heads for cell in cells[head])
    ]
    return [*rows, *([Row(None, ", ".join(marks))] if marks else [])]


def loads(run: Run) -> Iterator[str]:
    """Say what endpoints keep under load, a line each."""
    labels = Labels(run.results)
    said = [
        f"{line(labels.name(result), NAME_LIMIT)} {line(each, _SENTENCE)}"
        for result, load in under_load(run.results)
        for each in sentences(load)
    ]
    yield from said[:MOST_OTHERS]
    if len(said) > MOST_OTHERS:
        yield f"… and {len(said) - MOST_OTHERS} more, in the report"


def failures(run: Run) -> Iterator[str]:
    """Say what failed and what to try, endpoints with the same cause together.

    No line begins with text from outside, in which a CI runner might find a command.
    """
    labels = Labels(run.results)
    groups = by_cause(run.results)
    for group in groups[:MOST_CAUSES]:
        messages = [*group.by_message().items()]
        for said, results in messages[:_MESSAGES]:
            yield f"- {_named(results, labels)}: {line(said, _MESSAGE) or 'failed'}"
        if len(messages) > _MESSAGES:
            yield f"… and {len(messages) - _MESSAGES} more for the same cause, in the report"
        if group.remedy is not None:
            yield f"  to try: {line(group.remedy, _REMEDY)}"
    if len(groups) > MOST_CAUSES:
        yield f"… and {counted(len(groups) - MOST_CAUSES, 'other cause')}, in the report"
    by_gate: dict[str, list[EndpointResult]] = {}
    for result in run.results:
        if result.status != "failed" and verdict_or_default(result) in FAILING:
            by_gate.setdefault(line("; ".join(reasons(result)), _MESSAGE), []).append(result)
    for said, results in [*by_gate.items()][:MOST_FAILING]:
        yield f"- {_named(results, labels)}: {said}"
    if len(by_gate) > MOST_FAILING:
        yield f"… and {len(by_gate) - MOST_FAILING} more, in the report"


def remarks(run: Run) -> Iterator[str]:
    """Say what is doubtful, and the run's notes."""
    labels = Labels(run.results)
    for result in run.results:
        for check in result.checks:
            if check.verdict not in ("PASS", "FAIL"):
                yield f"{check.verdict} {labels.path(result)}: {check.message}"
        for doubt in inconclusive(result):
            yield f"{labels.path(result)}: {doubt}"
        for misfit in result.misfits:
            yield f"{labels.path(result)}: {misfit}"
    yield from run.notes


def why_nothing(run: Run) -> str:
    """Why not one call was made, each reason once and how often."""
    found = Counter(result.skipped_reason or result.error or "not run" for result in run.results)
    return "; ".join(f"{reason} ({number})" for reason, number in found.items())


def time_cell(result: EndpointResult, start: Start) -> str:
    """Return the median of an endpoint's cold or warm calls in seconds, with what is to be known of it as a mark."""
    calls = series(result, start)
    if calls.censored_at is not None:
        return f">{seconds(calls.censored_at)}"
    shown = seconds(result.cold_time_sec if start == "cold" else result.warm_time_sec)
    if calls.partial and shown != UNKNOWN:
        shown = f"{shown}*"
    return doubted(shown, proven=result.cold_verified) if start == "cold" else shown


def shortened(name: str, columns: int) -> str:
    """Return `name` in so many columns of a terminal; what is cut out of its middle becomes `…`."""
    shown = name
    for kept in range(len(name) - 1, -1, -1):
        if width(shown) <= columns:
            break
        # A case stands at a name's end: that tells it from others as well as the beginning does.
        shown = f"{name[: kept - kept // 2]}…{name[len(name) - kept // 2 :]}"
    return shown


def _shown(results: Sequence[EndpointResult]) -> list[EndpointResult]:
    """The endpoints that the table has room for, the worst first, the slowest of those that fare alike first."""

    def order(result: EndpointResult) -> tuple[int, float]:
        times = (result.cold_time_sec, result.first_time_sec, result.warm_time_sec)
        return WORST_FIRST.index(verdict_or_default(result)), -max(
            (each or 0.0 for each in times), default=0.0
        )

    ordered = sorted(results, key=order)
    failing = [result for result in ordered if verdict_or_default(result) in FAILING]
    return [*failing[:MOST_FAILING], *ordered[len(failing) :][:MOST_OTHERS]]


def _columns(results: Sequence[EndpointResult]) -> tuple[list[str], dict[str, list[str]]]:
    """Return what stands above the columns after the name, and the cells below each."""
    cells = {
        "Category": [line(result.category, NAME_LIMIT) for result in results],
        "Cold (s)": [time_cell(result, "cold") for result in results],
        "Warm (s)": [time_cell(result, "warm") for result in results],
        _BASE: [UNKNOWN if result.base is None else ratio(result, "warm") for result in results],
        "TTFT (s)": [seconds(METRICS["ttft"].median(result)) for result in results],
        "Cost ($)": [cost(result.cost_usd, result.cost_basis) for result in results],
        "Calls": [_calls(result) for result in results],
    }
    unused = [head for head in ("Cold (s)", _BASE, "TTFT (s)", "Cost ($)") if {*cells[head]} == {UNKNOWN}]
    return [head for head in cells if head not in unused], cells


def _calls(result: EndpointResult) -> str:
    """How many calls were made and, where that is not all of them, how many were answered well."""
    good, made = sum(sample.ok for sample in result.samples), len(result.samples)
    return f"{good} of {made}" if good < made else str(made) if made else UNKNOWN


def _padded(rows: Iterable[Sequence[str]]) -> Iterator[list[str]]:
    """Pad cells to the width of their column: words to the left, figures to the right."""
    columns = [*zip(*rows, strict=True)]
    padded = []
    for column in columns:
        widest = max(map(width, column))
        blanks = [" " * (widest - width(cell)) for cell in column]
        right = column[0] not in _WORDS
        padded.append(
            [blank + cell if right else cell + blank for cell, blank in zip(column, blanks, strict=True)]
        )
    yield from map(list, zip(*padded, strict=True))


def _line(cells: Sequence[str]) -> str:
    return _GAP.join(cells).rstrip()


def _named(results: Sequence[EndpointResult], labels: Labels) -> str:
    """Name the first of `results`, and count the others."""
    names = [line(labels.name(result), NAME_LIMIT) for result in results]
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"{', '.join(names[:_NAMED])}{more}"
