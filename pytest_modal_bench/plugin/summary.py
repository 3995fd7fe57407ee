"""What the terminal says at the end: how it went, what was missing, and where the reports lie."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

from pytest_modal_bench.plugin.live.lines import COLOURS
from pytest_modal_bench.report import terminal
from pytest_modal_bench.safety.text import slug

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    import pytest

    from pytest_modal_bench.catalogue import Catalogue
    from pytest_modal_bench.model import Run

_FEW, _LISTED = 3, 30
"""So many categories are too few to choose by, and so many words are listed."""
NOTHING_MEASURED = "nothing was measured"


def summarise(
    reporter: pytest.TerminalReporter, run: Run | None, catalogue: Catalogue, missing: Mapping[str, str]
) -> None:
    """Say how the run went; None: nothing was selected. `missing`: why each missing test resource is."""
    reporter.write_sep("=", "modal-bench")
    if run is None:
        reporter.write_line(f"{NOTHING_MEASURED}: no endpoint was selected", red=True)
        reporter.write_line(
            "a test that does not ask for `endpoint` has no place in a benchmark, and is left out"
        )
        reporter.write_line(f"there are, for -k: {_words(catalogue)}")
        return
    for line in terminal.lines(run):
        reporter.write_line(line)
    rows = terminal.table(run, shutil.get_terminal_size().columns)
    if rows:
        reporter.write_line("")
    for row in rows:
        _write_row(reporter, row)
    _write_block(reporter, "under load:", terminal.loads(run))
    _write_block(reporter, "what failed:", terminal.failures(run))
    _write_block(reporter, "notes:", terminal.remarks(run))
    if rows:
        reporter.write_line("")
    skipped = {result.id for result in run.results if result.status == "skipped"}
    needed = {need for each in catalogue.endpoints if each.id in skipped for need in each.needs}
    for need, reason in missing.items():
        if need in needed:
            reporter.write_line(f"test {need}: {reason}")
    if run.summary.calls == 0:
        reporter.write_line(f"{NOTHING_MEASURED}: {terminal.why_nothing(run)}", red=True)


def _write_row(reporter: pytest.TerminalReporter, row: terminal.Row) -> None:
    """Write a row of the table, its verdict in colour; it begins with it."""
    if row.verdict is None:
        reporter.write_line(row.text)
    else:
        reporter.write(row.verdict, **{COLOURS[row.verdict]: True})
        reporter.write(f"{row.text.removeprefix(row.verdict)}\n")


def _write_block(reporter: pytest.TerminalReporter, head: str, lines: Iterable[str]) -> None:
    """Write `lines` below an empty line and their head, if there are any."""
    for number, line in enumerate(lines):
        if number == 0:
            reporter.write_line("")
            reporter.write_line(head)
        reporter.write_line(line)


def say_where(
    reporter: pytest.TerminalReporter, reports: Sequence[Path], unwritten: Mapping[Path, str]
) -> None:
    """Say where the reports lie, and which could not be written."""
    for line in unwritten.values():
        reporter.write_line(f"report not written: {line}", red=True)
    for path in reports:
        if path not in unwritten:
            reporter.write_line(f"report: {_relative(path, reporter.config)}")


def _words(catalogue: Catalogue) -> str:
    """What endpoints can be selected by: their categories, each as one word, and, where these are few, their ids."""
    words = dict.fromkeys(slug(endpoint.category) for endpoint in catalogue.endpoints)
    if len(words) < _FEW:
        words.update(dict.fromkeys(endpoint.id for endpoint in catalogue.endpoints))
    first, left = [*words][:_LISTED], len(words) - _LISTED
    return ", ".join(first) + (f" and {left} more" if left > 0 else "")


def _relative(path: os.PathLike[str], config: pytest.Config) -> str:
    """`path` as short as it is from where pytest was started."""
    short = os.path.relpath(path, config.invocation_params.dir)
    return os.fspath(path) if short.startswith("..") else short
