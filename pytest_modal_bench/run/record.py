"""The record of a run in the process that reports: results as they come in, the journal, and the reports of them."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_modal_bench.gate import verdicts
from pytest_modal_bench.model import Run, Summary
from pytest_modal_bench.model.packed import unpacked
from pytest_modal_bench.report.write import gate_beside, write_each
from pytest_modal_bench.run import journal
from pytest_modal_bench.run.results import Results
from pytest_modal_bench.run.surroundings import Surroundings
from pytest_modal_bench.safety.secrets import ENVIRONMENT

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_modal_bench.model import Endpoint, EndpointResult, Preview
    from pytest_modal_bench.run.settings import Settings

_SHARE = 1 / 20
"""Which part of a run's time may go into rendering reports while it goes on."""
_FIRST_SEC = 0.5
"""What the first rendering is taken to cost, which loads the templates: a run of some seconds renders at its end alone,
and has its journal until then."""


class RunRecord:
    """What is known of a run so far, in memory and on disk."""

    def __init__(self, settings: Settings, *, command: str) -> None:
        """`command`: the line that makes this run again."""
        self.began = datetime.now(UTC).replace(microsecond=0)
        self.results = Results(strict=settings.strict, today=self.began.date())
        self.workspace = "-"
        self.simulated: str | None = None
        """What is simulated, in words; None: nothing."""
        self.resources: dict[str, bool | None] = {}
        """Which test resources there are; None: nobody has looked."""
        self.inputs: dict[str, Preview] = {}
        """What people are shown of the test resources that were sent, by name."""
        self.unwritten: dict[Path, str] = {}
        """Which reports could not be written, and a line on each that says why."""
        self._settings = settings
        self._command = command
        self._notes: dict[str, None] = {}
        self._surroundings = Surroundings(settings.catalogue, ENVIRONMENT)
        self._journal = journal.Journal(
            journal.beside(settings.reports[0], self.began.isoformat(), os.getpid())
        )
        self._clock = time.monotonic()
        self._rendering_sec = 0.0
        self._last_sec = _FIRST_SEC

    def note(self, *lines: str) -> None:
        """Tell of something, once, in the reports and at the end."""
        self._notes.update(dict.fromkeys(lines))

    def select(self, endpoints: Iterable[Endpoint]) -> None:
        """These endpoints are part of the run, which begins now: what becomes of it is written down."""
        self.results.select(endpoints)
        if self.results.selected:
            try:
                self._journal.begin(self.run(over=False))
            except OSError as error:
                self.note(f"no journal of this run: {self._journal.path.name}: {error.strerror}")

    def changed(self, endpoint_id: str) -> EndpointResult:
        """Write down what is known of an endpoint now, and return it; render the reports if that costs little time."""
        result = unpacked(self.results.of(endpoint_id))
        try:
            self._journal.add(result)
        except OSError as error:
            self.note(f"the journal is incomplete: {self._journal.path.name}: {error.strerror}")
        spent = self._rendering_sec + self._last_sec
        if spent <= _SHARE * (time.monotonic() - self._clock):
            self._write(over=False)
        return result

    def finish(self) -> Run:
        """Write the reports a last time, and return the run. The journal goes, unless a report could not be written."""
        run = self._write(over=True)
        self._journal.close(remove=not self.unwritten)
        return run

    def run(self, *, over: bool) -> Run:
        """What is known so far; `over`: there is a verdict on the whole of it."""
        results = self.results.all()
        settings = self._settings
        return Run(
            timestamp=self.began.isoformat(),
            workspace=self.workspace,
            environment=settings.environment,
            against=None if settings.against is None else Path(settings.against).name,
            simulated=self.simulated,
            resources=dict(self.resources),
            quick=settings.quick,
            rounds=settings.rounds,
            rounds_auto=settings.auto,
            cold=settings.cold,
            cold_rounds=settings.cold_rounds,
            notes=list(self._notes),
            finished=bool(results)
            and all(each.status != "not_run" or each.skipped_reason is not None for each in results),
            version=version("pytest-modal-bench"),
            command=self._command,
            commit=self._surroundings.commit(wait=over),
            catalogue=settings.catalogue.name,
            catalogue_sha256=self._surroundings.catalogue_sha256,
            machine=self._surroundings.machine,
            versions=self._surroundings.versions,
            traffic_per_hour=settings.traffic,
            inputs=dict(self.inputs),
            strict=settings.strict,
            verdict=verdicts.of_run(results) if over else None,
            summary=Summary.of(results),
            results=results,
        )

    def _write(self, *, over: bool) -> Run:
        started = time.monotonic()
        run = self.run(over=over)
        reports = self._settings.reports
        self.unwritten = write_each(run, [*reports, gate_beside(reports)])
        self._last_sec = time.monotonic() - started
        self._rendering_sec += self._last_sec
        return run
