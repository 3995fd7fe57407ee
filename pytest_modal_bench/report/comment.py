"""A run as a comment on a pull request, or as the summary of a CI job: what changed, what failed, the rest folded."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from pytest_modal_bench.gate.metrics import METRICS
from pytest_modal_bench.gate.summary import (
    counts,
    prevented,
    quarantined,
    reasons,
    verdict_of_run,
    verdict_or_default,
)
from pytest_modal_bench.gate.verdicts import FAILING
from pytest_modal_bench.model import WORST_FIRST
from pytest_modal_bench.report.escape import code, line, text
from pytest_modal_bench.report.figures.against import ratio
from pytest_modal_bench.report.figures.failures import by_cause
from pytest_modal_bench.report.figures.moves import history, moves, ratio_of, sentence
from pytest_modal_bench.report.figures.series_cells import HEADS, figure, shown_metrics
from pytest_modal_bench.report.figures.timestamps import shown
from pytest_modal_bench.report.figures.under_load import sentences, under_load
from pytest_modal_bench.report.figures.units import UNKNOWN
from pytest_modal_bench.report.labels import VERDICT_MARKS
from pytest_modal_bench.report.sections.lists import Said, advice, cut_messages, of_group
from pytest_modal_bench.report.sections.under_load import sentence as sentence_of_load
from pytest_modal_bench.safety.text import counted, once

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pytest_modal_bench.gate.metrics import Name
    from pytest_modal_bench.model import EndpointResult, Run
    from pytest_modal_bench.report.figures.failures import Group

MARKER = "<!-- pytest-modal-bench -->"
"""First line of a comment, by which the next run finds it to put its own in place."""

COMMENT_LIMIT = 65_535
"""Bytes. GitHub says "maximum is 65536 characters" and has been seen to mean characters here, bytes there."""

SUMMARY_LIMIT = 1024 * 1024
"""Bytes that GitHub takes of a step's summary; it drops a longer one whole."""

MESSAGE_LIMIT = 300
"""Characters of a message, before it is escaped; the markdown report has the whole of it."""

_FRAME = 2_000
"""Bytes set aside for what stands around the blocks' lines: headings, folds, how many lines were cut."""

_SHOWN_MOVES, _SHOWN_CAUSES, _SHOWN_OBJECTIONS, _SHOWN_LOADS = 5, 6, 8, 8
"""What can be read in half a minute."""


class _Block(NamedTuple):
    """A part of the comment; of its entries as many are kept as there is room for."""

    entries: Sequence[str]
    above: str
    below: str = ""
    between: str = "\n"
    share: float = 0.5
    """Of the room that is left, how much it may take."""
    most: int | None = None
    """Entries, however much room there is."""


def render(run: Run) -> str:
    """Return `run` as a comment that GitHub takes, whatever its size."""
    return f"{MARKER}\n{_body(run, COMMENT_LIMIT - len(MARKER) - 1)}"


def summary(run: Run) -> str:
    """Return the same for the file that `$GITHUB_STEP_SUMMARY` names."""
    return _body(run, SUMMARY_LIMIT)


def _body(run: Run, limit: int) -> str:
    parts = [_head(run)]
    room = limit - _size(parts[0]) - _FRAME
    blocks = (
        _changes(run),
        _failures(run),
        _more_failures(run),
        _objections(run),
        _doubts(run),
        _under_load(run),
        _figures(run),
        _notes(run),
    )
    for block in blocks:
        if block.entries:
            kept = _fitting(block.entries[: block.most], int(room * block.share), block.between)
            room -= sum(_size(each) + len(block.between) for each in kept)
            left = len(block.entries) - len(kept)
            # A paragraph of its own: right below a table it would be a row of it.
            more = f"… and {left} more" if left else ""
            parts += filter(None, [block.between.join([block.above, *kept]), more, block.below])
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
    lines = [
        f"### {VERDICT_MARKS[verdict]} Modal endpoints: {verdict or 'nothing measured'}",
        " · ".join(facts),
    ]
    if run.simulated:
        lines.append(f"Simulated: {text(run.simulated, MESSAGE_LIMIT)}")
    if not_done := prevented(run.results):
        lines.append(f"**Not measured:** {text(not_done, MESSAGE_LIMIT)}")
    if not run.finished:
        lines.append("**Unfinished:** this run was cut off, or was still going on.")
    return "\n\n".join(lines)


def _changes(run: Run) -> _Block:
    """What moved since the baseline, the largest move first."""
    lines = [
        f"- {'🔺' if move.is_worse else '🔹'} {_name(move.result, run)} {sentence(move)}{history(move)}"
        for move in moves(run.results)
    ]
    since = "since the baseline" if run.against is None else f"against {code(run.against)}"
    return _Block(lines, f"**Changed {since}**\n", most=_SHOWN_MOVES)


def _failures(run: Run) -> _Block:
    """A paragraph for each cause; where several endpoints share it, they stand in a fold below."""
    groups = by_cause(run.results)[:_SHOWN_CAUSES]
    return _Block([_cause(group, run) for group in groups], "**Failed**", between="\n\n")


def _cause(group: Group, run: Run) -> str:
    said, known = _said(group, run), [*advice(group)]
    if len(group.results) == 1 or not known:
        return "<br>".join([f"❌ {said[0].cut()}", *known])
    messages = "\n".join(f"- {each}" for each in cut_messages(said))
    title = _fold(counted(len(group.results), "endpoint"))
    return f"❌ {'<br>'.join(known)}\n\n{title}\n\n{messages}\n\n</details>"


def _more_failures(run: Run) -> _Block:
    groups = by_cause(run.results)[_SHOWN_CAUSES:]
    lines = [f"- {'<br>'.join([*cut_messages(_said(group, run)), *advice(group)])}" for group in groups]
    title = _fold(f"Failed for {counted(len(groups), 'other cause')}")
    return _Block(lines, f"{title}\n", "</details>")


def _objections(run: Run) -> _Block:
    """What the gate has against endpoints that answered."""
    lines = [
        f"- {VERDICT_MARKS[verdict]} {verdict} {said.cut()}"
        for verdict in ("FAIL", "ERROR", "WARN")
        for said in _why(run, [each for each in _answered(run) if verdict_or_default(each) == verdict])
    ]
    return _Block(lines, "**Why**\n", most=_SHOWN_OBJECTIONS)


def _doubts(run: Run) -> _Block:
    """What could not be decided, and what does not fit the catalogue."""
    told = (*FAILING, "WARN")
    doubtful = [
        each
        for each in _answered(run)
        if verdict_or_default(each) not in told
        if verdict_or_default(each) == "INCONCLUSIVE" or each.misfits
    ]
    lines = [f"- {VERDICT_MARKS['INCONCLUSIVE']} {said.cut()}" for said in _why(run, doubtful)]
    title = f"{counted(len(doubtful), 'endpoint')} with an open question"
    return _Block(lines, f"{_fold(title)}\n", "</details>")


def _under_load(run: Run) -> _Block:
    """What each endpoint keeps under load, a line each; their tables are in the report."""
    lines = [
        f"- {_name(result, run)} {sentence_of_load(said, MESSAGE_LIMIT)}"
        for result, load in under_load(run.results)
        for said in sentences(load)
    ]
    return _Block(lines, "**Under load**\n", most=_SHOWN_LOADS)


def _figures(run: Run) -> _Block:
    """A table of all endpoints, the worst verdicts first."""
    metrics = shown_metrics(run.results)
    against = [] if run.against is None else [f"Against {code(run.against)}"]
    columns = ("Endpoint", "Verdict", *(HEADS[name] for name in metrics), "Against Baseline", *against)
    ordered = sorted(run.results, key=lambda result: WORST_FIRST.index(verdict_or_default(result)))
    title = _fold(f"Figures of {counted(len(ordered), 'endpoint')}")
    head = f"{title}\n\n{_cells(columns)}\n{_cells(['---'] * len(columns))}"
    return _Block([_row(result, metrics, run) for result in ordered], head, "</details>", share=0.9)


def _notes(run: Run) -> _Block:
    lines = [f"- {said}" for note in run.notes if (said := text(note, MESSAGE_LIMIT))]
    return _Block(lines, f"{_fold('Notes')}\n", "</details>", share=1)


def _answered(run: Run) -> list[EndpointResult]:
    """Results that no cause of failure stands for already."""
    return [result for result in run.results if result.status != "failed"]


def _why(run: Run, results: Iterable[EndpointResult]) -> list[Said]:
    """What speaks against each of `results`; what is the same for several stands once."""
    names: dict[str, list[str]] = {}
    for result in results:
        said = "; ".join(map(line, once([*reasons(result), *result.misfits])))
        names.setdefault(said, []).append(_name(result, run))
    return [Said(said, theirs) for said, theirs in names.items()]


def _said(group: Group, run: Run) -> list[Said]:
    return of_group(group, lambda result: _name(result, run))


def _name(result: EndpointResult, run: Run) -> str:
    return f"{code(result.id)}{' (quarantined)' if quarantined(result, run) else ''}"


def _fold(title: str) -> str:
    """Begin a fold; its title is this project's own words."""
    return f"<details>\n<summary>{title}</summary>"


def _row(result: EndpointResult, metrics: Sequence[Name], run: Run) -> str:
    verdict = verdict_or_default(result)
    compared = [
        ratio_of(check, result)
        for check in result.checks
        if check.against == "baseline" and check.ratio is not None and math.isfinite(check.ratio)
    ]
    beside = [
        f"{HEADS[name].partition(' ')[0]} {shown}"
        for name in METRICS
        if result.base is not None and (shown := ratio(result, name)) != UNKNOWN
    ]
    return _cells(
        (
            code(result.id),
            f"{VERDICT_MARKS[verdict]} {verdict}{' (quarantined)' if quarantined(result, run) else ''}",
            *(figure(result, name) for name in metrics),
            ", ".join(compared) or UNKNOWN,
            *([] if run.against is None else [", ".join(beside) or UNKNOWN]),
        )
    )


def _cells(cells: Sequence[str]) -> str:
    """A row without padding, which would cost more characters than the text does."""
    return f"| {' | '.join(cells)} |"


def _fitting(entries: Sequence[str], room: int, between: str) -> list[str]:
    kept = []
    for entry in entries:
        room -= _size(entry) + len(between)
        if room < 0:
            break
        kept.append(entry)
    return kept


def _size(markdown: str) -> int:
    """Bytes: never fewer than characters, however one counts these, so that one limit serves for all."""
    return len(markdown.encode())
