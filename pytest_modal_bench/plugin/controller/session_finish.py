"""After the tests: the reports, what others are given of the run, the exit code, and what the terminal says."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from msgspec import structs

from pytest_modal_bench.catalogue import resources as test_resources
from pytest_modal_bench.gate.verdicts import FAILING
from pytest_modal_bench.model.packed import unpacked
from pytest_modal_bench.plugin import load_handover
from pytest_modal_bench.plugin.junit import JUnitVerdicts
from pytest_modal_bench.plugin.summary import say_where, summarise
from pytest_modal_bench.report import comment
from pytest_modal_bench.run import closing, control, inputs
from pytest_modal_bench.safety.files import append_text
from pytest_modal_bench.safety.signals import held_signals

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pytest_modal_bench.model import Run
    from pytest_modal_bench.plugin.controller.equipment import Equipment
    from pytest_modal_bench.plugin.controller.session_tests import SessionTests
    from pytest_modal_bench.run.record import RunRecord


class SessionFinish:
    """Plugin of the process that reports: brings the session to its end, also one that is interrupted."""

    def __init__(
        self,
        config: pytest.Config,
        record: RunRecord,
        equipment: Equipment,
        tests: SessionTests,
        measured_by: Mapping[str, dict[str, Any]],
    ) -> None:
        """`measured_by`: the test of each endpoint that pytest-benchmark is to have records of."""
        self._config = config
        self._settings = equipment.settings
        self._record = record
        self._equipment = equipment
        self._tests = tests
        self._measured_by = measured_by
        self._junit = JUnitVerdicts(config)
        config.pluginmanager.register(self._junit, "modal-bench-junit")
        self._run: Run | None = None
        self._no_job_summary: str | None = None
        """Why it was not written; None: it was, or none was wanted."""

    @pytest.hookimpl
    def pytest_keyboard_interrupt(self) -> None:
        """Keep what there is of a measurement that is cut off."""
        measurer = self._equipment.measurer
        cut = None if measurer is None else measurer.cut_off("cut off: the run was interrupted")
        if cut is not None:
            self._record.results.keep(cut)
            self._record.changed(cut.id)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Iterator[None]:
        """Before pytest-benchmark's part, and the JUnit file: give them records and verdicts, and write the reports.

        What is interrupted here has come to its end: the reports are written all the same, and the exit code says so.
        """
        with held_signals() as came:
            self._finish(session)
        if came:
            session.exitstatus = pytest.ExitCode.INTERRUPTED
        yield

    def _finish(self, session: pytest.Session) -> None:
        if self._tests.under_load and session.exitstatus == pytest.ExitCode.INTERRUPTED:
            for each in load_handover.cut_off(self._equipment.shared):
                self._record.results.keep_load(each.endpoint, each.load, each.checks)
        base = self._equipment.base
        for observer in (self._equipment.observer, None if base is None else base.observer):
            if observer is not None and self._settings.cold == "force":
                self._record.note(*control.restore(observer, self._equipment.project))
        if self._record.results.selected:
            self._say_what_it_rests_on(interrupted=session.exitstatus == pytest.ExitCode.INTERRUPTED)
            run = self._run = self._record.finish()
            self._junit.add(run.results)
            self._add_to_benchmark(run)
            self._add_to_job_summary(run)
            self._tell_of_the_end(run)
            if session.exitstatus == pytest.ExitCode.OK and (
                self._record.unwritten or run.verdict in FAILING
            ):
                session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def _say_what_it_rests_on(self, *, interrupted: bool) -> None:
        """Add to the record what is said of the whole run, and what people are shown of what was sent."""
        results = self._record.results.all()
        selected = self._record.results.selected
        self._record.note(*closing.notes(selected, results, self._settings, self._equipment.ledger))
        if not interrupted:
            measurer = self._equipment.measurer
            inspector = None if measurer is None else measurer.inspector
            self._record.inputs = inputs.previews(results, self._equipment.found, inspector)

    def _tell_of_the_end(self, run: Run) -> None:
        """Call the hook, if anybody has it: its run has lists of samples, which take much memory."""
        hook = self._config.hook.pytest_modal_bench_finish
        if hook.get_hookimpls():
            hook(
                config=self._config,
                run=structs.replace(run, results=[unpacked(result) for result in run.results]),
                reports=[path for path in self._settings.reports if path not in self._record.unwritten],
            )

    def _add_to_benchmark(self, run: Run) -> None:
        if self._measured_by:
            from pytest_modal_bench.plugin.benchmark import add_records

            measured = (
                (self._measured_by[result.id], result)
                for result in run.results
                if result.id in self._measured_by
            )
            add_records(self._config, measured)

    def _add_to_job_summary(self, run: Run) -> None:
        """Add to the summary of the job, where this is one of GitHub's."""
        summary = os.environ.get("GITHUB_STEP_SUMMARY")
        if summary:
            try:
                append_text(Path(summary), comment.summary(run))
            except OSError as error:
                # The reports are written: the terminal alone can still say it.
                self._no_job_summary = error.strerror

    @pytest.hookimpl(tryfirst=True)
    def pytest_terminal_summary(
        self, terminalreporter: pytest.TerminalReporter, exitstatus: int | pytest.ExitCode
    ) -> None:
        """Say how it went and where the reports lie. Of a mistake in how pytest was called, its one line says all."""
        if exitstatus != pytest.ExitCode.USAGE_ERROR:
            catalogue = self._equipment.catalogue
            missing = {} if self._equipment.local is not None else test_resources.reasons(catalogue.resources)
            summarise(terminalreporter, self._run, catalogue, missing)
            if self._run is not None:
                say_where(terminalreporter, self._settings.reports, self._record.unwritten)
            if self._no_job_summary is not None:
                terminalreporter.write_line(f"job summary not written: {self._no_job_summary}", yellow=True)
