"""Lists in which what many endpoints share stands once: failures by cause, skips by reason, and notes."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pytest_modal_bench.report.cells import text_cell
from pytest_modal_bench.report.escape import as_text, code, line, prose, text
from pytest_modal_bench.report.figures.failures import by_cause, message
from pytest_modal_bench.report.labels import Labels
from pytest_modal_bench.report.table import fold
from pytest_modal_bench.safety.text import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from pytest_modal_bench.model import EndpointResult, Run, Status
    from pytest_modal_bench.report.figures.failures import Group

SHOWN_REASONS = 5
"""Lines of a list that are not folded."""
_SHOWN_NAMES = 12
"""Endpoints of such a line; it counts the others."""
_SHOWN_MESSAGES = 3
"""Messages of one cause in such a line; it counts the others."""
_SHOWN_COLUMNS = 300
"""Of a message in such a line."""


class Said(NamedTuple):
    """One message, and the endpoints that it is said of."""

    message: str
    names: list[str]
    """Markdown."""

    def whole(self) -> str:
        """Return names and message as markdown."""
        return _with(", ".join(self.names), as_text(self.message))

    def cut(self) -> str:
        """Return the same with as many names, and as much of the message, as people read."""
        others = len(self.names) - _SHOWN_NAMES
        names = ", ".join(self.names[:_SHOWN_NAMES]) + (f" and {others} more" if others > 0 else "")
        return _with(names, text_cell(self.message, _SHOWN_COLUMNS))


def failures(results: Sequence[EndpointResult], *, shown: int) -> str:
    """Return a line for each cause: what was said, what it means, what to try.

    In a fold follows what is cut in them, and the causes beyond the first `shown`, which have the most endpoints.
    """
    labels = Labels(results)
    lines, folded = [], []
    groups = by_cause(results)
    for number, group in enumerate(groups):
        said = of_group(group, lambda result: code(labels.path(result)))
        whole = [each.whole() for each in said]
        if number < shown:
            cut = cut_messages(said)
            lines.append(f"- {'<br>'.join([*cut, *advice(group)])}")
            folded += [f"- {each}" for each in whole] if cut != whole else []
        else:
            *first, last = whole
            folded += [f"- {each}" for each in (*first, "<br>".join([last, *advice(group)]))]
    hidden = sum(len(group.results) for group in groups[shown:])
    return _list(lines, folded, hidden)


def of_group(group: Group, name: Callable[[EndpointResult], str]) -> list[Said]:
    """Return what was said of a group's endpoints; `name` returns the markdown of one."""
    return [Said(each, [*map(name, theirs)]) for each, theirs in group.by_message().items()]


def cut_messages(said: Sequence[Said]) -> list[str]:
    """Return the first messages, cut, and how many others there are."""
    cut = [each.cut() for each in said[:_SHOWN_MESSAGES]]
    others = len(said) - len(cut)
    return [*cut, *([f"and {counted(others, 'other message')}"] if others else [])]


def advice(group: Group) -> Iterator[str]:
    """Say what a cause means and what to try, as lines of markdown, as far as it is known."""
    if group.name is not None:
        yield f"**{group.name}:** {prose(group.meaning or '')}".rstrip()
    if remedy := prose(group.remedy or ""):
        yield f"**Try:** {remedy}"


def reasons(results: Sequence[EndpointResult], status: Status) -> str:
    """Return a line for each reason why endpoints have that status; what is cut in it follows in a fold."""
    labels = Labels(results)
    of_status = [result for result in results if result.status == status]
    lines, folded = [], []
    shared = _shared((labels.path(each), message(each)) for each in of_status)
    for number, said in enumerate(shared):
        is_shown = number < SHOWN_REASONS
        lines += [f"- {said.cut()}"] if is_shown else []
        folded += [f"- {said.whole()}"] if not is_shown or said.cut() != said.whole() else []
    hidden = sum(len(said.names) for said in shared[SHOWN_REASONS:])
    return _list(lines, folded, hidden)


def notes(run: Run) -> str:
    """Return the run's own notes, and then those of its endpoints, each once."""
    labels = Labels(run.results)
    own = [shown for note in run.notes if (shown := text(note))]
    theirs = _shared(
        (labels.path(result), shown)
        for result in run.results
        for note in _notes(result)
        if (shown := line(note))
    )
    return "\n".join(f"- {each}" for each in (*own, *(said.whole() for said in theirs)))


def _notes(result: EndpointResult) -> Iterator[str]:
    if result.cached:
        yield f"cached? {result.cached}"
    # What does not fit is said where a failure is.
    yield from result.misfits if result.status != "failed" else []
    yield from result.notes


def _shared(said: Iterable[tuple[str, str]]) -> list[Said]:
    """Bring together the names of which the same is said."""
    names: dict[str, list[str]] = {}
    for name, each in said:
        names.setdefault(each, []).append(code(name))
    return [Said(each, theirs) for each, theirs in names.items()]


def _with(names: str, shown: str) -> str:
    return f"{names}: {shown}" if shown else names


def _list(lines: Sequence[str], folded: Sequence[str], hidden: int = 0) -> str:
    """Return a list, and in a fold what it lacks; `hidden`: endpoints that are in the fold alone."""
    title = (
        f"{counted(hidden, 'more endpoint')}, and what is cut above"
        if hidden
        else "What is cut above, in full"
    )
    return "\n\n".join(filter(None, ["\n".join(lines), fold(title, "\n".join(folded))]))
