"""The process that reports: the controller of workers, or the only process there is."""

from __future__ import annotations

import os
import shlex
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from msgspec import convert, structs, to_builtins

from pytest_modal_bench.call.certificates import check_certificates
from pytest_modal_bench.catalogue import Catalogue, CatalogueError, check_selected
from pytest_modal_bench.catalogue import resources as test_resources
from pytest_modal_bench.control.interface import ControlError
from pytest_modal_bench.cost.ledger import Ledger
from pytest_modal_bench.gate.verdicts import FAILING
from pytest_modal_bench.local.launch import LaunchError, LocalWorkspace, launch
from pytest_modal_bench.local.workspace.apps import serving
from pytest_modal_bench.model import Check, EndpointResult, Load, Resource, Run
from pytest_modal_bench.model.packed import unpacked
from pytest_modal_bench.plugin import load_handover
from pytest_modal_bench.plugin import settings as session_settings
from pytest_modal_bench.plugin.collection import EndpointCollection, endpoint_of, is_under_load
from pytest_modal_bench.plugin.junit import JUnitVerdicts
from pytest_modal_bench.plugin.outlook import outlook
from pytest_modal_bench.plugin.report_ends import end_of
from pytest_modal_bench.plugin.summary import say_where, summarise
from pytest_modal_bench.plugin.termination import terminate_like_interrupt
from pytest_modal_bench.protocol import outcome
from pytest_modal_bench.protocol.preflight import without_schemas
from pytest_modal_bench.report import comment
from pytest_modal_bench.run import closing, control, inputs
from pytest_modal_bench.run.base import Base, BaseError
from pytest_modal_bench.run.longest import planned_sec
from pytest_modal_bench.run.measurer import Measurer
from pytest_modal_bench.run.preparation import Preparer
from pytest_modal_bench.run.record import RunRecord
from pytest_modal_bench.run.settings import LOCAL, Settings
from pytest_modal_bench.safety.files import append_text
from pytest_modal_bench.safety.secrets import ENVIRONMENT
from pytest_modal_bench.safety.signals import held_signals

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from xdist.scheduler import Scheduling
    from xdist.workermanage import WorkerController

    from pytest_modal_bench.control.observer import Observer
    from pytest_modal_bench.model import Endpoint
    from pytest_modal_bench.plugin.live.watching import Watching


class Controller:
    """Plugin of the process that reports. `measurer` is None in a controller of workers, which measure."""

    def __init__(  # noqa: PLR0913 - all but the first three are named where it is made
        self,
        config: pytest.Config,
        settings: Settings,
        collection: EndpointCollection,
        *,
        measurer: Measurer | None,
        watching: Watching,
        shared: Path,
    ) -> None:
        """`shared`: a directory of the run's own, for all of its processes."""
        self.config = config
        self.settings = settings
        self._collection = collection
        self._measurer = measurer
        self._watching = watching
        self._shared = shared
        self._record = RunRecord(settings, command=shlex.join(["pytest", *config.invocation_params.args]))
        self._project = control.project(config.invocation_params.dir)
        self._preparer = Preparer(settings, lend=self._lend, say=self._say)
        self._junit = JUnitVerdicts(config)
        config.pluginmanager.register(self._junit, "modal-bench-junit")
        self._local: LocalWorkspace | None = None
        self._found: dict[str, Resource | str] = {}
        self._credentials: control.Credentials | None = None
        self._observer: Observer | None = None
        self._base = session_settings.base(config)
        """What the endpoints are called in turn with; None: nothing."""
        self._ledger: Ledger | None = None
        self._workers: list[WorkerController] = []
        self._endpoint_ids: dict[str, str] = {}
        """By test id; the workers say so of what they collect."""
        self._under_load: set[str] = set()
        """Ids of tests that put their endpoint under load."""
        self._one_by_one: set[str] = set()
        """Ids of the other tests that have not ended yet: a load waits for them."""
        self._measured_by: dict[str, dict[str, Any]] = {}
        """By endpoint id: the test that measured it, as pytest-benchmark names it; only where it is to have records."""
        self._has_records = False
        self._run: Run | None = None

    @property
    def catalogue(self) -> Catalogue:
        """The session's catalogue, with the URLs that are called."""
        return self._collection.catalogue

    # Before the tests

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self) -> None:
        """Start what the tests need, before xdist starts its workers."""
        terminate_like_interrupt(self.config)
        self._has_records = self._are_records_wanted()
        found = test_resources.find(self.catalogue.resources)
        if self.settings.local:
            found = self._start_local(found)
        self._found = {name: resource for name, resource in found.items() if resource is not None}
        self._open_control()
        if self._base is not None:
            self._open_base(self._base)
        if without := without_schemas():
            self._record.note(without)
        self._record.workspace = LOCAL if self._local is not None else self.catalogue.workspace or "-"
        self._record.simulated = None if self._local is None else self._local.simulated
        if self.settings.max_cost is not None:
            self._shared.mkdir(mode=0o700, exist_ok=True)
            self._ledger = Ledger(self._shared / "ledger", self.settings.max_cost)
        if self._measurer is not None:
            self._equip(self._measurer, self._observer)
            if self._base is not None:
                self._base.equip(self._measurer)

    def _are_records_wanted(self) -> bool:
        if not self.config.pluginmanager.hasplugin("benchmark"):
            return False
        from pytest_modal_bench.plugin.benchmark import wanted

        return wanted(self.config)

    def _start_local(self, found: dict[str, Resource | None]) -> dict[str, Resource | None]:
        """Start the local workspace, which also says which test resources exist, and supplies those that do."""
        try:
            self._local = launch(
                self.settings.scenario,
                self.settings.time_scale,
                catalogue=serving(self.catalogue.apps),
                environment=self.catalogue.environment,
                control=control.wanted(self.settings, self.catalogue, ENVIRONMENT),
            )
            self.config.add_cleanup(self._local.close)
            self._collection.catalogue = self.catalogue.with_urls(self._local.urls)
        except (LaunchError, CatalogueError) as error:
            raise pytest.UsageError(str(error)) from None
        given = {name: data for name, data in self._local.resources.items() if data is not None}
        available, unusable = test_resources.supplied(given, found)
        self._record.note(*unusable)
        own = {name: resource for name, resource in found.items() if name not in test_resources.USUAL}
        return {**own, **available}

    def _open_control(self) -> None:
        local = None if self._local is None else self._local.control
        try:
            opened = control.opened(self.settings, self.catalogue, local, self._project)
        except (ControlError, CatalogueError) as error:
            raise pytest.UsageError(str(error)) from None
        self._credentials, self._observer = opened.credentials, opened.observer
        if opened.observer is not None:
            self.config.add_cleanup(opened.observer.close)
        self._collection.catalogue = opened.catalogue
        self._record.note(*opened.notes)

    def _open_base(self, base: Base) -> None:
        self.config.add_cleanup(base.close)
        try:
            self._record.note(*base.open(self._project))
        except BaseError as error:
            raise pytest.UsageError(str(error)) from None

    def _equip(self, measurer: Measurer, observer: Observer | None) -> None:
        """Give a measurer what it measures with."""
        measurer.found = dict(self._found)
        measurer.observer = observer
        measurer.simulated = self._record.simulated
        measurer.spending.ledger = self._ledger
        measurer.watch = self._watching.take

    @pytest.hookimpl
    def pytest_report_header(self) -> str:
        """Say what is measured."""
        return f"modal-bench: workspace {self._record.workspace}, {self.settings.catalogue.name}" + (
            f"\nmodal-bench: simulated: {self._local.simulated}" if self._local is not None else ""
        )

    @pytest.hookimpl
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Remember what is part of the session; in a controller of workers this finds nothing."""
        if self._measurer is not None:
            endpoints = ((item.nodeid, endpoint_of(item)) for item in session.items)
            self._collected(
                {nodeid: endpoint.id for nodeid, endpoint in endpoints if endpoint is not None},
                [item.nodeid for item in session.items if is_under_load(item)],
            )
            self._select(self._endpoint_ids)

    def _collected(self, endpoint_ids: dict[str, str], under_load: list[str]) -> None:
        self._endpoint_ids.update(endpoint_ids)
        self._under_load.update(under_load)

    def _select(self, endpoint_ids: dict[str, str]) -> None:
        self._endpoint_ids = endpoint_ids
        self._one_by_one = endpoint_ids.keys() - self._under_load
        self._loads_may_begin()
        chosen = set(endpoint_ids.values())
        selected = [endpoint for endpoint in self.catalogue.endpoints if endpoint.id in chosen]
        for line in self._check(selected):
            self._say(line)
        self._look_at_resources()
        self._record.select(selected)
        self._watching.select(selected, session_settings.history(self.config), self._record.simulated)
        history = session_settings.history(self.config)
        for line in (
            *self._collection.short_timeouts(self.config, selected),
            *outlook(history, selected, self._found, self._record.simulated),
        ):
            self._say(line)

    def _check(self, selected: Sequence[Endpoint]) -> list[str]:
        """Before the first call: whatever the selected endpoints need that the user has to bring is there.

        Returns lines to be told.
        """
        try:
            check_selected(
                self.catalogue,
                selected,
                root=self.config.rootpath,
                environ=ENVIRONMENT,
                # The local workspace says itself which test resources there are.
                media=self._local is None,
            )
            if any(endpoint.url.startswith("https:") for endpoint in selected):
                check_certificates()
            return (
                []
                if self._base is None
                else list(self._base.check(self.catalogue, selected, self.config.rootpath))
            )
        except (ValueError, BaseError) as error:  # a CatalogueError is a ValueError
            raise pytest.UsageError(str(error)) from None

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> None:
        """Without workers: look around before the first test."""
        if self._measurer is not None and session.items and not session.testsfailed:
            self._measurer.prepare(self._prepare(()))

    def _prepare(self, begun: Sequence[str]) -> dict[str, Any]:
        """What a process is to know before its first test. `begun` are the ids of tests that were given out before."""
        endpoints = (self._endpoint_ids[nodeid] for nodeid in begun)
        base = None if self._base is None else self._base.catalogue
        preparation = self._preparer.prepare(self.catalogue, self._record.results.selected, endpoints, base)
        self._look_at_resources()
        return preparation

    def _look_at_resources(self) -> None:
        known: dict[str, bool | None] = {name: name in self._found for name in ("image", "video", "mask")}
        self._record.resources = {**known, "lora": self._preparer.lora_known}

    def _say(self, line: str) -> None:
        """Tell now, and in the report."""
        self._record.note(line)
        reporter = self.config.pluginmanager.get_plugin("terminalreporter")
        if reporter is not None:
            reporter.ensure_newline()
            reporter.write_line(f"modal-bench: {line}")

    @contextmanager
    def _lend(self) -> Iterator[Measurer]:
        """What measures in this process; a controller, whose workers measure, makes one for the occasion."""
        if self._measurer is not None:
            yield self._measurer
            return
        measurer = Measurer(self.settings)
        observer = None
        if self._credentials is not None:
            observer = control.observer(
                self._credentials, self.settings, self.catalogue.environment, self._project
            )
        self._equip(measurer, observer)
        try:
            yield measurer
        finally:
            measurer.close()

    # With workers

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: WorkerController) -> None:
        """Send a worker, as it starts, where to call and with what."""
        from pytest_modal_bench.plugin.xdist import receive_collected

        self._workers.append(node)
        receive_collected(node, self._collected)
        node.workerinput["modal_bench"] = {
            "urls": {app.name: app.url for app in self.catalogue.apps.values() if app.url is not None},
            "credentials": None if self._credentials is None else self._credentials.crossing(),
            "base": None if self._base is None else self._base.crossing(),
            "simulated": self._record.simulated,
            "ledger": None if self._ledger is None else str(self._ledger.path),
            "journal": str(self._project),
            "shared": str(self._shared),
            "controller": os.getpid() if node.gateway.spec.popen else None,
            "today": self._record.began.date().isoformat(),
            "found": {
                name: to_builtins(value, builtin_types=(bytes,)) for name, value in self._found.items()
            },
        }

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: Sequence[str]) -> None:
        """Remember what is part of the session; all workers collect the same."""
        if not self._record.results.selected:
            self._select({nodeid: self._endpoint_ids[nodeid] for nodeid in ids})

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_make_scheduler(self, config: pytest.Config) -> Scheduling:
        """Keep a pool's calls from overlapping, whatever `--dist` says."""
        from pytest_modal_bench.plugin.xdist import PoolScheduling

        def pool_of(nodeid: str) -> str:
            # No pool: all loads are one unit, as they would disturb each other.
            pool = self._collection.endpoints[self._endpoint_ids[nodeid]].pool
            return load_handover.UNDER_LOAD if nodeid in self._under_load else pool

        def seconds_of(nodeid: str) -> float:
            if nodeid in self._under_load:  # they wait for all others
                return 0.0
            return planned_sec(self._collection.endpoints[self._endpoint_ids[nodeid]], self.settings)

        return PoolScheduling(config, pool_of=pool_of, seconds_of=seconds_of, prepare=self._prepare)

    @pytest.hookimpl
    def pytest_keyboard_interrupt(self) -> None:
        """Keep what there is of a measurement that is cut off; stop workers in the middle of a call."""
        cut = None if self._measurer is None else self._measurer.cut_off("cut off: the run was interrupted")
        if cut is not None:
            self._record.results.keep(cut)
            self._record.changed(cut.id)
        if self._workers:
            from pytest_modal_bench.plugin.xdist import interrupt

            for node in self._workers:
                interrupt(node)

    # As results come in

    @pytest.hookimpl
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep what a test's report carries, and how the test ended."""
        carried: dict[str, Any] = getattr(report, "modal_bench", {})
        endpoint_id = carried.get("endpoint") or self._endpoint_ids.get(report.nodeid)
        if endpoint_id is None:
            return
        if report.when not in ("setup", "call"):  # of a worker that crashed there is one report, of no phase
            self._one_by_one.discard(report.nodeid)
            self._loads_may_begin()
        results = self._record.results
        if report.when == "setup" and report.passed:
            results.begin(endpoint_id, report.nodeid)
            if "result" not in carried:
                return
            # Its test is run again, after all others, and ends then.
            results.keep(_taken(carried))
            self._watching.measured(self._record.changed(endpoint_id))
            return
        end, message = end_of(report, by_gate=carried.get("by_gate", False))
        if "result" in carried:
            self._take(endpoint_id, carried)
        elif "load" in carried:
            self._record.note(*carried["notes"])
            checks = convert(carried["checks"], list[Check])
            results.keep_load(endpoint_id, convert(carried["load"], Load), checks)
        elif end in ("failed", "error") and not results.is_known(endpoint_id):
            results.keep(outcome.failed(self._collection.endpoints[endpoint_id], message or end))
        elif end in ("skipped", "xfailed") and not results.is_known(endpoint_id):
            results.keep(outcome.skipped(self._collection.endpoints[endpoint_id], message or end))
        if end is not None:
            results.end(endpoint_id, report.nodeid, end, message)
            result = self._record.changed(endpoint_id)
            self.config.hook.pytest_modal_bench_result(config=self.config, result=result)

    def _take(self, endpoint_id: str, carried: dict[str, Any]) -> None:
        """Take what a measurement is and comes with off a report: pytest keeps all reports to the end."""
        self._record.note(*carried.pop("notes"))
        measured_by = carried.pop("measured_by")
        if self._has_records:
            self._measured_by[endpoint_id] = measured_by
        self._record.results.keep(_taken(carried))

    def _loads_may_begin(self) -> None:
        """Let loads begin, which may wait in another process, once no endpoint is called one by one any more."""
        if self._under_load and not self._one_by_one:
            load_handover.let_begin(self._shared)

    # After the tests

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
        if self._under_load and session.exitstatus == pytest.ExitCode.INTERRUPTED:
            for each in load_handover.cut_off(self._shared):
                self._record.results.keep_load(each.endpoint, each.load, each.checks)
        for observer in (self._observer, None if self._base is None else self._base.observer):
            if observer is not None and self.settings.cold == "force":
                self._record.note(*control.restore(observer, self._project))
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
        self._record.note(*closing.notes(selected, results, self.settings, self._ledger))
        if not interrupted:
            inspector = None if self._measurer is None else self._measurer.inspector
            self._record.inputs = inputs.previews(results, self._found, inspector)

    def _tell_of_the_end(self, run: Run) -> None:
        """Call the hook, if anybody has it: its run has lists of samples, which take much memory."""
        hook = self.config.hook.pytest_modal_bench_finish
        if hook.get_hookimpls():
            hook(
                config=self.config,
                run=structs.replace(run, results=[unpacked(result) for result in run.results]),
                reports=[path for path in self.settings.reports if path not in self._record.unwritten],
            )

    def _add_to_benchmark(self, run: Run) -> None:
        if self._has_records:
            from pytest_modal_bench.plugin.benchmark import add_records

            measured = (
                (self._measured_by[result.id], result)
                for result in run.results
                if result.id in self._measured_by
            )
            add_records(self.config, measured)

    def _add_to_job_summary(self, run: Run) -> None:
        """Add to the summary of the job, where this is one of GitHub's."""
        summary = os.environ.get("GITHUB_STEP_SUMMARY")
        if summary:
            try:
                append_text(Path(summary), comment.summary(run))
            except OSError as error:
                self._record.note(f"job summary not written: {error.strerror}")

    @pytest.hookimpl(tryfirst=True)
    def pytest_terminal_summary(
        self, terminalreporter: pytest.TerminalReporter, exitstatus: int | pytest.ExitCode
    ) -> None:
        """Say how it went and where the reports lie. Of a mistake in how pytest was called, its one line says all."""
        if exitstatus != pytest.ExitCode.USAGE_ERROR:
            missing = {} if self._local is not None else test_resources.reasons(self.catalogue.resources)
            summarise(terminalreporter, self._run, self.catalogue, missing)
            if self._run is not None:
                say_where(terminalreporter, self.settings.reports, self._record.unwritten)


def _taken(carried: dict[str, Any]) -> EndpointResult:
    """Take the result off a report."""
    return msgspec.json.decode(carried.pop("result"), type=EndpointResult)
