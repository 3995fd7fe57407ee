"""A run, in the process that reports: what it starts, what it tells the workers, when the reports are written."""

from __future__ import annotations

import os
import shlex
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from msgspec import convert, structs, to_builtins

from pytest_modal_bench.catalogue import Catalogue, CatalogueError
from pytest_modal_bench.catalogue import resources as test_resources
from pytest_modal_bench.gate.verdicts import excused, verdict, worst
from pytest_modal_bench.local.launch import LaunchError, LocalWorkspace, launch
from pytest_modal_bench.model import Budget, EndpointResult, Resource, Run, Summary
from pytest_modal_bench.plugin import settings as session_settings
from pytest_modal_bench.plugin.collection import EndpointCollection, endpoint_of, endpoint_of_id
from pytest_modal_bench.plugin.settings import LOCAL, Settings
from pytest_modal_bench.plugin.termination import terminate_like_interrupt
from pytest_modal_bench.protocol import outcome
from pytest_modal_bench.report import comment, gate_json, terminal
from pytest_modal_bench.report.write import gate_beside, write
from pytest_modal_bench.run import control as control_access
from pytest_modal_bench.run import cost_limit
from pytest_modal_bench.run.measurer import Measuring
from pytest_modal_bench.run.preparation import Briefer
from pytest_modal_bench.run.results import Results
from pytest_modal_bench.safety.files import write_bytes
from pytest_modal_bench.safety.text import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from xdist.scheduler import Scheduling
    from xdist.workermanage import WorkerController

    from pytest_modal_bench.control.observer import Observer
    from pytest_modal_bench.cost.ledger import Ledger

NOTHING_MEASURED = "nothing was measured"


class RunSession:
    """Plugin of the process that reports: the controller of workers, or the only process there is."""

    def __init__(
        self,
        config: pytest.Config,
        settings: Settings,
        collection: EndpointCollection,
        measuring: Measuring | None,
    ) -> None:
        """`measuring` is None in a controller, whose workers measure."""
        self.config = config
        self.settings = settings
        self._collection = collection
        self._measuring = measuring
        self._began = datetime.now(UTC).replace(microsecond=0)
        self._local: LocalWorkspace | None = None
        self._found: dict[str, Resource | str] = {}
        self._briefer = Briefer(settings, lend=self._lend, say=self._say)
        self._results = Results()
        self._workers: list[WorkerController] = []
        self._unwritten: str | None = None
        self._access: control_access.Access | None = None
        self._observer: Observer | None = None
        self._notes: dict[str, None] = {}
        self._today = datetime.now(UTC).date()
        self._over = False
        self._ledger: Ledger | None = None

    @property
    def catalogue(self) -> Catalogue:
        """The session's catalogue, with the URLs that are called."""
        return self._collection.catalogue

    # Before the tests

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self) -> None:
        """Start what the tests need, before xdist starts its workers."""
        terminate_like_interrupt(self.config)
        found = test_resources.find(self.catalogue.resources)
        if self.settings.local:
            control = control_access.wanted(self.settings, self.catalogue, os.environ)
            found = self._start_local(found, control=control)
        opened = control_access.opened(self.settings, self.catalogue, self._local, self.config)
        self._access, self._observer = opened.access, opened.observer
        self._collection.catalogue = opened.catalogue
        self._note(*opened.notes)
        self._found = {name: resource for name, resource in found.items() if resource is not None}
        if self._measuring is not None:
            self._measuring.found = dict(self._found)
            self._measuring.observer = self._observer
            self._measuring.simulated = self._simulated
        if self.settings.max_cost is not None:
            self._ledger = cost_limit.open_ledger(self.settings.max_cost, self.config.add_cleanup)
            if self._measuring is not None:
                self._measuring.ledger = self._ledger

    def _note(self, *lines: str) -> None:
        self._notes.update(dict.fromkeys(lines))

    def _start_local(self, found: dict[str, Resource | None], *, control: bool) -> dict[str, Resource | None]:
        """Start the local workspace, which also says which test resources exist, and supplies those that do."""
        try:
            self._local = launch(
                self.settings.scenario,
                self.settings.time_scale,
                environment=self.catalogue.environment,
                control=control,
            )
            self.config.add_cleanup(self._local.close)
            self._collection.catalogue = self.catalogue.with_urls(self._local.urls)
        except (LaunchError, CatalogueError) as error:
            raise pytest.UsageError(str(error)) from None
        given = {name: data for name, data in self._local.resources.items() if data is not None}
        available, told = test_resources.supplied(given, found)
        self._note(*told)
        return dict(available)

    @pytest.hookimpl
    def pytest_report_header(self) -> str:
        """Say what is measured."""
        return f"modal-bench: workspace {self._workspace}, {self.settings.catalogue.name}" + (
            f"\nmodal-bench: simulated: {self._local.simulated}" if self._local is not None else ""
        )

    @property
    def _simulated(self) -> str | None:
        return self._local.simulated if self._local is not None else None

    @property
    def _workspace(self) -> str:
        return LOCAL if self._local is not None else self.catalogue.workspace or "-"

    @pytest.hookimpl
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Remember what is part of the session; in a controller this finds nothing."""
        self._select({endpoint.id for item in session.items if (endpoint := endpoint_of(item)) is not None})

    def _select(self, ids: set[str]) -> None:
        self._results.select(endpoint for endpoint in self.catalogue.endpoints if endpoint.id in ids)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> None:
        """Without workers: look around before the first test."""
        if self._measuring is not None and session.items and not session.testsfailed:
            self._measuring.brief(self._brief(()))

    def _brief(self, started: Sequence[str]) -> dict[str, Any]:
        """What the tests are to know. `started` are the ids of tests that workers have been given before."""
        return self._briefer.brief(self.catalogue, self._results.selected, started)

    def _say(self, line: str) -> None:
        """Tell now, and in the report."""
        self._note(line)
        reporter = self.config.pluginmanager.get_plugin("terminalreporter")
        if reporter is not None:
            reporter.ensure_newline()
            reporter.write_line(f"modal-bench: {line}")

    @contextmanager
    def _lend(self) -> Iterator[Measuring]:
        """What measures in this process; a controller, whose workers measure, makes one for the occasion."""
        if self._measuring is not None:
            yield self._measuring
            return
        measuring = Measuring(self.settings, self._ledger)
        measuring.found = dict(self._found)
        if self._access is not None:
            measuring.observer = control_access.observer(
                self._access, self.settings, self.catalogue, self.config
            )
        try:
            yield measuring
        finally:
            measuring.close()

    # With workers

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: WorkerController) -> None:
        """Tell a worker, as it starts, where to call and with what."""
        self._workers.append(node)
        node.workerinput["modal_bench"] = {
            "urls": {app.name: app.url for app in self.catalogue.apps.values() if app.url is not None},
            "access": control_access.as_builtins(self._access),
            "simulated": self._simulated,
            "ledger": None if self._ledger is None else str(self._ledger.path),
            "found": {
                name: to_builtins(value, builtin_types=(bytes,)) for name, value in self._found.items()
            },
        }

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: Sequence[str]) -> None:
        """Remember what is part of the session; all workers collect the same."""
        endpoints = (endpoint_of_id(nodeid, self.catalogue.endpoints) for nodeid in ids)
        self._select({endpoint.id for endpoint in endpoints if endpoint is not None})

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_make_scheduler(self, config: pytest.Config) -> Scheduling:
        """Keep a pool's calls from overlapping, whatever `--dist` says."""
        from pytest_modal_bench.plugin.xdist import PoolScheduling

        def pool_of(nodeid: str) -> str:
            endpoint = endpoint_of_id(nodeid, self.catalogue.endpoints)
            return endpoint.pool if endpoint is not None else nodeid

        return PoolScheduling(config, pool_of=pool_of, briefing=self._brief)

    @pytest.hookimpl
    def pytest_keyboard_interrupt(self) -> None:
        """Stop workers in the middle of a call."""
        if self._workers:
            from pytest_modal_bench.plugin.xdist import interrupt

            for node in self._workers:
                interrupt(node)

    # As results come in

    @pytest.hookimpl
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep the result that a test's report carries, and write the reports anew."""
        carried: dict[str, Any] | None = getattr(report, "modal_bench", None)
        if carried is not None:
            result, records = convert(carried["result"], EndpointResult), carried["records"]
            self._note(*carried["notes"])
        elif report.when not in ("setup", "call", "teardown"):
            # The report that xdist makes up for the test that a worker was running when it died.
            endpoint = endpoint_of_id(report.nodeid, self.catalogue.endpoints)
            if endpoint is None:
                return
            result, records = outcome.failed(endpoint, str(report.longrepr)), []
        else:
            return
        if result.verdict is None:
            result = structs.replace(result, verdict=verdict(result))
        elif result.status == "failed" and result.verdict != "ERROR":
            # Also what only strictness, or a check of the user's own, has failed.
            result = structs.replace(result, verdict="FAIL")
        settled = self._results.add(report.nodeid, result, records)
        self.config.hook.pytest_modal_bench_result(config=self.config, result=settled)
        self._write()

    def run(self) -> Run:
        """What is known of the session so far."""
        results = self._results.settled()
        finished = bool(results) and all(
            result.status != "not_run" or result.skipped_reason is not None for result in results
        )
        counting = [result.verdict for result in results if excused(result, today=self._today) is None]
        return Run(
            timestamp=self._began.isoformat(),
            workspace=self._workspace,
            environment=self.settings.environment,
            simulated=self._simulated,
            resources={
                **{name: name in self._found for name in ("image", "video", "mask")},
                "lora": self._briefer.lora_known,
            },
            quick=self.settings.quick,
            rounds=self.settings.rounds,
            cold=self.settings.cold,
            cold_rounds=self.settings.cold_rounds,
            notes=list(self._notes),
            finished=finished,
            version=version("pytest-modal-bench"),
            command=shlex.join(["pytest", *self.config.invocation_params.args]),
            strict=self.settings.strict,
            verdict=worst(verdict for verdict in counting if verdict is not None) if self._over else None,
            summary=Summary.of(results),
            results=results,
        )

    def _write(self) -> None:
        run = self.run()
        try:
            write(run, self.settings.reports)
            write_bytes(gate_beside(self.settings.reports), gate_json.render(run).encode())
        except OSError as error:
            self._unwritten = f"{error.filename or self.settings.reports[0]}: {error.strerror}"
        else:
            self._unwritten = None

    # After the tests

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Iterator[None]:
        """Before pytest-benchmark's part: give it the records, and write the reports a last time."""
        if self._observer is not None and self.settings.cold == "force":
            self._note(*control_access.put_right(self._observer, self.config))
        self._over = True
        if self._results.selected:
            self._note(*self._what_is_held_against())
            if self._ledger is not None and self._ledger.unknown_calls:
                unknown = counted(self._ledger.unknown_calls, "call")
                self._note(f"the cost of {unknown} is not known, and not in what the limit was held against")
            if self.config.pluginmanager.hasplugin("benchmark"):
                from pytest_modal_bench.plugin.benchmark import give_back

                give_back(self.config, self._results.records())
            self._write()
            run = self.run()
            self._tell_github(run)
            self.config.hook.pytest_modal_bench_finish(
                config=self.config, run=run, reports=list(self.settings.reports)
            )
            if session.exitstatus == pytest.ExitCode.OK and (self._unwritten or not run.summary.successful):
                session.exitstatus = pytest.ExitCode.TESTS_FAILED
        yield

    def _what_is_held_against(self) -> Iterator[str]:
        """What a verdict rests on, where that is less than it could be."""
        history = session_settings.history(self.config)
        if history is not None:
            yield from history.notes
            return
        limited = self.settings.budget != Budget() or any(
            endpoint.budget != Budget() for endpoint in self._results.selected
        )
        yield (
            "no baseline: held against absolute budgets only"
            if limited
            else "no baseline and no budgets: an endpoint passes if it answers as it should"
        )

    def _tell_github(self, run: Run) -> None:
        """Add to the summary of the job, where this is one of GitHub's."""
        summary = os.environ.get("GITHUB_STEP_SUMMARY")
        if summary:
            try:
                with Path(summary).open("a", encoding="utf-8") as file:
                    file.write(comment.summary(run))
            except OSError as error:
                self._note(f"job summary not written: {error.strerror}")

    @pytest.hookimpl(tryfirst=True)
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say how it went and where the reports lie."""
        write_line = terminalreporter.write_line
        terminalreporter.section("modal-bench", sep="=")
        if not self._results.selected:
            write_line(f"{NOTHING_MEASURED}: no endpoint was selected", red=True)
            return
        run = self.run()
        for line in (*terminal.lines(run), *self._why_missing()):
            write_line(line)
        if run.summary.calls == 0:
            write_line(f"{NOTHING_MEASURED}: {terminal.why_nothing(run)}", red=True)
        if self._unwritten:
            write_line(f"report not written: {self._unwritten}", red=True)
        else:
            for path in self.settings.reports:
                write_line(f"report: {_shown(path, self.config)}")

    def _why_missing(self) -> Iterator[str]:
        """Where the test resources that endpoints were skipped for should have been."""
        needed = {
            need
            for endpoint, result in zip(self._results.selected, self._results.settled(), strict=True)
            if result.status == "skipped"
            for need in endpoint.needs
        }
        if self._local is not None:
            return
        for need, reason in test_resources.reasons(self.catalogue.resources).items():
            if need in needed:
                yield f"test {need}: {reason}"


class WorkerSession:
    """Plugin of an xdist worker: it measures, and is told what it can't know."""

    def __init__(self, config: pytest.Config, measuring: Measuring) -> None:
        """`measuring` is briefed before its first test."""
        self._measuring = measuring
        terminate_like_interrupt(config)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> None:
        """Listen, before xdist does."""
        from pytest_modal_bench.plugin.xdist import hear

        hear(session.config, self._measuring.brief)


def _shown(path: os.PathLike[str], config: pytest.Config) -> str:
    """`path` as short as it is from where pytest was started."""
    short = os.path.relpath(path, config.invocation_params.dir)
    return os.fspath(path) if short.startswith("..") else short
