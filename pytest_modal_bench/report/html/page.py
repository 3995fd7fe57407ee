"""The HTML report: a run as one page, the verdict first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_modal_bench.report.html import shell
from pytest_modal_bench.report.html.sections.about import facts, notes
from pytest_modal_bench.report.html.sections.against import against
from pytest_modal_bench.report.html.sections.answers import contact_sheet
from pytest_modal_bench.report.html.sections.costs import costs
from pytest_modal_bench.report.html.sections.failures import doubts, failures, skipped
from pytest_modal_bench.report.html.sections.jobs import jobs
from pytest_modal_bench.report.html.sections.names import named
from pytest_modal_bench.report.html.sections.overview import overview
from pytest_modal_bench.report.html.sections.samples import samples
from pytest_modal_bench.report.html.sections.starts import cold_starts
from pytest_modal_bench.report.html.sections.streams import streams
from pytest_modal_bench.report.html.sections.times import categories
from pytest_modal_bench.report.html.sections.under_load import loads
from pytest_modal_bench.report.html.sections.verdicts import verdicts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_modal_bench.model import Run

_MANY = 100
"""Endpoints from which on a browser lays out what comes into sight only: it takes seconds for all of a thousand."""


def render(run: Run) -> str:
    """Return `run` as an HTML page that needs no other file. Raises MissingExtra."""
    return "".join(pieces(run))


def pieces(run: Run) -> Iterator[str]:
    """Yield the same in pieces. Raises MissingExtra."""
    endpoints = named(run.results)
    yield from shell.pieces(
        "report.html.j2",
        overview=overview(run, endpoints),
        failures=failures(endpoints),
        doubts=doubts(endpoints),
        skipped=skipped(endpoints),
        categories=categories(endpoints),
        cold_starts=cold_starts(endpoints),
        costs=costs(run, endpoints),
        loads=loads(endpoints),
        streams=streams(endpoints),
        jobs=jobs(endpoints),
        answers=contact_sheet(run, endpoints),
        against=against(run, endpoints),
        verdicts=verdicts(run, endpoints),
        samples=samples(endpoints),
        facts=facts(run),
        notes=notes(run, endpoints),
        version=run.version,
        long=len(endpoints) > _MANY,
    )
