"""What the terminal says at the end: how it went, what was missing, and where the reports lie."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from pytest_modal_bench.plugin.collection import slug
from pytest_modal_bench.report import terminal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
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
    reporter.section("modal-bench", sep="=")
    if run is None:
        reporter.write_line(f"{NOTHING_MEASURED}: no endpoint was selected", red=True)
        reporter.write_line(
            "a test that does not ask for `endpoint` has no place in a benchmark, and is left out"
        )
        reporter.write_line(f"there are, for -k: {_words(catalogue)}")
        return
    for line in terminal.lines(run):
        reporter.write_line(line)
    skipped = {result.id for result in run.results if result.status == "skipped"}
    needed = {need for each in catalogue.endpoints if each.id in skipped for need in each.needs}
    for need, reason in missing.items():
        if need in needed:
            reporter.write_line(f"test {need}: {reason}")
    if run.summary.calls == 0:
        reporter.write_line(f"{NOTHING_MEASURED}: {terminal.why_nothing(run)}", red=True)


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
