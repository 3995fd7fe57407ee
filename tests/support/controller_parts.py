"""The parts of the process that reports, put together as a session does it, and a terminal that remembers."""

from __future__ import annotations

import datetime as dt
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from pytest_modal_bench.plugin.collection import LOAD_FIXTURE, EndpointCollection
from pytest_modal_bench.plugin.controller.equipment import Equipment
from pytest_modal_bench.plugin.controller.incoming_results import IncomingResults
from pytest_modal_bench.plugin.controller.session_finish import SessionFinish
from pytest_modal_bench.plugin.controller.session_start import SessionStart
from pytest_modal_bench.plugin.controller.session_tests import SessionTests
from pytest_modal_bench.plugin.live.watching import Watching
from pytest_modal_bench.plugin.settings.resolution import resolve
from pytest_modal_bench.plugin.settings.session_inputs import catalogue
from pytest_modal_bench.run.measurer import Measurer
from pytest_modal_bench.run.record import RunRecord

if TYPE_CHECKING:
    from collections.abc import Sequence

    from project import Project

NOWHERE = "http://127.0.0.1:9"


class Terminal:
    """Stands in for pytest's reporter."""

    def __init__(self, config: Any) -> None:
        self.lines: list[str] = []
        self.config = config

    def ensure_newline(self) -> None:
        """Every line is one of its own."""

    def write_sep(self, _: str, title: str) -> None:
        self.lines.append(title)

    def write(self, text: str, **_: Any) -> None:
        self.lines.append(text)

    def write_line(self, line: str, **_: Any) -> None:
        self.lines.append(line)


class Parts:
    """Those of a project that has a catalogue, whose pytest would be called with `args`; no session is run."""

    def __init__(self, project: Project, *args: str, measures: bool = True) -> None:
        """`measures`: whether this process calls the endpoints; else workers do."""
        self.config = project.pytester.parseconfig("--modal-bench-report=run.json", *args)
        settings = resolve(self.config)
        self.terminal = Terminal(self.config)
        self.config.pluginmanager.register(self.terminal, "terminalreporter")
        self.shared = project.pytester.path / "shared"
        self.collection = EndpointCollection(settings, catalogue(self.config), dt.date(2026, 1, 1))
        self.record = RunRecord(settings, command="pytest")
        self.watching = Watching(self.config, self.collection.catalogue.endpoints, rounds=settings.rounds)
        self.tests = SessionTests(self.collection, self.shared)
        self.measurer = Measurer(settings) if measures else None
        if self.measurer is not None:
            self.config.add_cleanup(self.measurer.close)
        self.equipment = Equipment(
            self.config,
            self.collection,
            self.record,
            measurer=self.measurer,
            watching=self.watching,
            shared=self.shared,
        )

    def start(self) -> SessionStart:
        return SessionStart(
            self.config,
            self.collection,
            record=self.record,
            equipment=self.equipment,
            tests=self.tests,
            watching=self.watching,
        )

    def incoming(self) -> IncomingResults:
        return IncomingResults(self.config, self.collection, self.record, self.tests, self.watching)

    def finish(self) -> SessionFinish:
        return SessionFinish(self.config, self.record, self.equipment, self.tests, {})

    def select(self, *endpoint_ids: str, under_load: Sequence[str] = ()) -> None:
        """Have a test of each of these endpoints be part of the session, and one that puts it under load."""
        tests = {f"test[{endpoint_id}]": endpoint_id for endpoint_id in endpoint_ids}
        loads = {f"test_load[{endpoint_id}]": endpoint_id for endpoint_id in under_load}
        self.tests.collected({**tests, **loads}, [*loads])
        self.tests.select({**tests, **loads})
        self.record.select(self.collection.endpoints[endpoint_id] for endpoint_id in endpoint_ids)

    def notes(self) -> list[str]:
        return self.record.run(over=False).notes

    def item(self, nodeid: str, endpoint_id: str | None, *, under_load: bool = False) -> Any:
        """Return a test as it is collected."""
        endpoint = None if endpoint_id is None else self.collection.endpoints[endpoint_id]
        return SimpleNamespace(
            nodeid=nodeid,
            callspec=SimpleNamespace(params={} if endpoint is None else {"endpoint": endpoint}),
            fixturenames=[LOAD_FIXTURE] if under_load else [],
        )
