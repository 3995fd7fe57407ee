"""Before the tests: starts what they need, and says what is missing before a call costs anything."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pytest_modal_bench.call.certificates import check_certificates
from pytest_modal_bench.catalogue import check_selected
from pytest_modal_bench.plugin.collection import EndpointCollection, endpoint_of, is_under_load
from pytest_modal_bench.plugin.outlook import outlook
from pytest_modal_bench.plugin.settings import session_inputs
from pytest_modal_bench.plugin.termination import terminate_like_interrupt
from pytest_modal_bench.protocol.preflight import without_schemas
from pytest_modal_bench.run.base import BaseError
from pytest_modal_bench.run.preparation import Preparer
from pytest_modal_bench.safety.secrets import ENVIRONMENT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_modal_bench.model import Endpoint
    from pytest_modal_bench.plugin.controller.equipment import Equipment
    from pytest_modal_bench.plugin.controller.session_tests import SessionTests
    from pytest_modal_bench.plugin.live.watching import Watching
    from pytest_modal_bench.run.record import RunRecord


class SessionStart:
    """Plugin of the process that reports: brings the session to its first test."""

    def __init__(  # noqa: PLR0913 - all but the first two are named where it is made
        self,
        config: pytest.Config,
        collection: EndpointCollection,
        *,
        record: RunRecord,
        equipment: Equipment,
        tests: SessionTests,
        watching: Watching,
    ) -> None:
        self._config = config
        self._collection = collection
        self._record = record
        self._equipment = equipment
        self._tests = tests
        self._watching = watching
        self._preparer = Preparer(collection.settings, lend=equipment.lend, say=self._say)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self) -> None:
        """Start what the tests need, before xdist starts its workers."""
        terminate_like_interrupt(self._config)
        self._equipment.open()
        if without := without_schemas():
            self._record.note(without)

    @pytest.hookimpl
    def pytest_report_header(self) -> str:
        """Say what is measured."""
        local = self._equipment.local
        return (
            f"modal-bench: workspace {self._record.workspace}, {self._collection.settings.catalogue.name}"
            + (f"\nmodal-bench: simulated: {local.simulated}" if local is not None else "")
        )

    @pytest.hookimpl
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Remember what is part of the session; in a controller of workers this finds nothing."""
        if self._equipment.measurer is not None:
            endpoints = ((item.nodeid, endpoint_of(item)) for item in session.items)
            self._tests.collected(
                {nodeid: endpoint.id for nodeid, endpoint in endpoints if endpoint is not None},
                [item.nodeid for item in session.items if is_under_load(item)],
            )
            self.select(self._tests.endpoint_ids)

    def select(self, endpoint_ids: dict[str, str]) -> None:
        """The tests with these ids, and their endpoints, are part of the session. Raises `pytest.UsageError`."""
        self._tests.select(endpoint_ids)
        chosen = set(endpoint_ids.values())
        selected = [endpoint for endpoint in self._equipment.catalogue.endpoints if endpoint.id in chosen]
        for line in self._check(selected):
            self._say(line)
        self._look_at_resources()
        self._record.select(selected)
        self._watching.select(selected, session_inputs.history(self._config), self._record.simulated)
        history = session_inputs.history(self._config)
        for line in (
            *self._collection.short_timeouts(self._config, selected),
            *outlook(history, selected, self._equipment.found, self._record.simulated),
        ):
            self._say(line)

    def _check(self, selected: Sequence[Endpoint]) -> list[str]:
        """Before the first call: whatever the selected endpoints need that the user has to bring is there.

        Returns lines to be told.
        """
        catalogue, base, root = self._equipment.catalogue, self._equipment.base, self._config.rootpath
        try:
            check_selected(
                catalogue,
                selected,
                root=root,
                environ=ENVIRONMENT,
                # The local workspace says itself which test resources there are.
                media=self._equipment.local is None,
            )
            if any(endpoint.url.startswith("https:") for endpoint in selected):
                check_certificates()
            return [] if base is None else list(base.check(catalogue, selected, root))
        except (ValueError, BaseError) as error:  # a CatalogueError is a ValueError
            raise pytest.UsageError(str(error)) from None

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> None:
        """Without workers: look around before the first test."""
        measurer = self._equipment.measurer
        if measurer is not None and session.items and not session.testsfailed:
            measurer.prepare(self.prepare(()))

    def prepare(self, begun: Sequence[str]) -> dict[str, Any]:
        """What a process is to know before its first test. `begun` are the ids of tests that were given out before."""
        endpoints = (self._tests.endpoint_ids[nodeid] for nodeid in begun)
        base = None if self._equipment.base is None else self._equipment.base.catalogue
        preparation = self._preparer.prepare(
            self._equipment.catalogue, self._record.results.selected, endpoints, base
        )
        self._look_at_resources()
        return preparation

    def _look_at_resources(self) -> None:
        found = self._equipment.found
        known: dict[str, bool | None] = {name: name in found for name in ("image", "video", "mask")}
        self._record.resources = {**known, "lora": self._preparer.lora_known}

    def _say(self, line: str) -> None:
        """Tell now, and in the report."""
        self._record.note(line)
        reporter = self._config.pluginmanager.get_plugin("terminalreporter")
        if reporter is not None:
            reporter.ensure_newline()
            reporter.write_line(f"modal-bench: {line}")
