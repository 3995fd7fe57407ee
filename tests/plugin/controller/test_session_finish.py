from __future__ import annotations

import signal
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from controller_parts import NOWHERE, Parts
from load_runs import searched
from measure_answers import FakeClient, answer
from report_runs import result, sample

from pytest_modal_bench.model.encoding import load
from pytest_modal_bench.plugin import load_handover
from pytest_modal_bench.protocol.progress import CallEnded

if TYPE_CHECKING:
    from pathlib import Path

    from project import Project

    from pytest_modal_bench.model import Run
    from pytest_modal_bench.protocol.progress import Event

OK, FAILED, INTERRUPTED = (
    pytest.ExitCode.OK,
    pytest.ExitCode.TESTS_FAILED,
    pytest.ExitCode.INTERRUPTED,
)


class Told:
    """A plugin of a user's own, which is told of the end."""

    def __init__(self) -> None:
        self.runs: list[Run] = []
        self.reports: list[Path] = []
        self.signal: signal.Signals | None = None
        """That comes meanwhile."""

    def pytest_modal_bench_finish(self, run: Run, reports: list[Path]) -> None:
        self.runs.append(run)
        self.reports = reports
        if self.signal is not None:
            signal.raise_signal(self.signal)


class Session:
    """One whose tests are over."""

    def __init__(self, project: Project, *args: str) -> None:
        project.catalogue(NOWHERE, "/a", "/b")
        self.parts = Parts(project, *args)
        self.told = Told()
        self.parts.config.pluginmanager.register(self.told)
        self.plugin = self.parts.finish()
        self.directory = project.pytester.path

    def measured(self, endpoint_id: str = "a", **fields: Any) -> None:
        kept = result(
            endpoint_id.upper(), path=f"/{endpoint_id}", **{"samples": [sample("warm", 2.0)]} | fields
        )
        self.parts.record.results.keep(kept)

    def ends(self, exitstatus: pytest.ExitCode = OK) -> pytest.ExitCode:
        """End it, and return its exit code."""
        session: Any = SimpleNamespace(exitstatus=exitstatus)
        assert [*self.plugin.pytest_sessionfinish(session)] == [None]
        assert isinstance(session.exitstatus, pytest.ExitCode)
        return session.exitstatus

    def says(self, exitstatus: pytest.ExitCode = OK) -> list[str]:
        self.plugin.pytest_terminal_summary(self.parts.terminal, exitstatus)  # type: ignore[arg-type]
        return self.parts.terminal.lines

    def report(self) -> Run:
        return load((self.directory / "run.json").read_bytes())


@pytest.fixture
def session(project: Project, monkeypatch: pytest.MonkeyPatch) -> Session:
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    return Session(project)


def test_a_run_that_passes_leaves_its_report_and_the_exit_code_and_says_where_it_lies(
    session: Session,
) -> None:
    session.parts.select("a")
    session.measured()

    assert session.ends() == OK
    assert session.report().verdict == "PASS"
    assert (
        "no baseline and no budgets: an endpoint passes if it answers as it should" in session.report().notes
    )
    assert session.says()[-1] == "report: run.json"


@pytest.mark.parametrize(("before", "after"), [(OK, FAILED), (INTERRUPTED, INTERRUPTED), (FAILED, FAILED)])
def test_a_verdict_that_fails_makes_of_a_success_a_failure(
    session: Session, before: pytest.ExitCode, after: pytest.ExitCode
) -> None:
    session.parts.select("a")
    session.measured(status="failed", error="HTTP 500: boom", samples=[])

    assert session.ends(before) == after


def test_a_report_that_cannot_be_written_fails_the_run_and_is_told_nobody_as_written(
    session: Session,
) -> None:
    (session.directory / "run.json").mkdir()
    session.parts.select("a")
    session.measured()

    assert session.ends() == FAILED
    assert session.told.reports == []
    assert [line.partition(":")[0] for line in session.says()][-1:] == ["report not written"]


def test_plugins_are_told_of_the_run_with_all_samples_and_of_the_reports(session: Session) -> None:
    session.parts.select("a")
    session.measured(samples=[sample("warm", seconds) for seconds in (1.0, 2.0, 3.0)])
    session.ends()
    (run,) = session.told.runs

    assert isinstance(run.results[0].samples, list)
    assert [each.elapsed_sec for each in run.results[0].samples] == [1.0, 2.0, 3.0]
    assert session.told.reports == [session.directory / "run.json"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_that_comes_meanwhile_cuts_nothing_short_and_stands_in_the_exit_code(
    session: Session, number: signal.Signals
) -> None:
    session.parts.select("a")
    session.measured()
    session.told.signal = number
    before = signal.signal(number, signal.default_int_handler)
    try:
        assert session.ends() == INTERRUPTED
    finally:
        signal.signal(number, before)

    assert session.report().finished


def test_of_a_measurement_that_is_cut_off_what_there_is_stays(session: Session) -> None:
    measurer = session.parts.measurer
    assert measurer is not None
    session.parts.select("a", "b")

    def interrupt(event: Event) -> None:
        if isinstance(event, CallEnded):
            raise KeyboardInterrupt

    measurer.client = FakeClient({"/a": [answer(elapsed=2.0)]})  # type: ignore[assignment]
    measurer.watch = interrupt
    with pytest.raises(KeyboardInterrupt):
        measurer.measure(session.parts.collection.endpoints["a"])
    session.plugin.pytest_keyboard_interrupt()
    session.ends(INTERRUPTED)
    cut, never = session.report().results

    assert (cut.status, cut.error, len(cut.samples)) == ("failed", "cut off: the run was interrupted", 1)
    assert never.status == "not_run"


@pytest.mark.parametrize(("exitstatus", "kept"), [(INTERRUPTED, True), (OK, False)])
def test_loads_that_were_cut_off_are_looked_for_only_where_the_session_was(
    session: Session, exitstatus: pytest.ExitCode, *, kept: bool
) -> None:
    session.parts.select("a", under_load=["a"])
    load_handover.let_begin(session.parts.shared)
    load_handover.keep_cut_off(session.parts.shared, [load_handover.CutOff("a", searched(), [])])
    session.ends(exitstatus)

    assert (session.report().results[0].load is not None) == kept


def test_a_job_of_githubs_gets_a_summary_beside_what_others_have_written(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    summary = session.directory / "summary.md"
    summary.write_text("of another step\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    session.parts.select("a")
    session.measured()
    session.ends()

    assert summary.read_text().startswith("of another step\n")
    assert "Modal endpoints: PASS" in summary.read_text()


def test_where_nothing_was_selected_there_is_no_report_and_the_terminal_says_what_there_is(
    session: Session,
) -> None:
    assert session.ends() == OK
    assert not (session.directory / "run.json").exists()
    assert not session.told.runs
    assert session.says()[-1] == "there are, for -k: category-0, category-1, a, b"


def test_of_a_mistake_in_how_pytest_was_called_its_own_line_says_all(session: Session) -> None:
    assert session.says(pytest.ExitCode.USAGE_ERROR) == []
