"""As results come in: what a test's report carries, and how the test ended, are kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from msgspec import convert

from pytest_modal_bench.model import Check, EndpointResult, Load
from pytest_modal_bench.plugin.report_ends import end_of
from pytest_modal_bench.protocol import outcome

if TYPE_CHECKING:
    from pytest_modal_bench.plugin.collection import EndpointCollection
    from pytest_modal_bench.plugin.controller.session_tests import SessionTests
    from pytest_modal_bench.plugin.live.watching import Watching
    from pytest_modal_bench.run.record import RunRecord


class IncomingResults:
    """Plugin of the process that reports: moves results from tests' reports to the run's record."""

    def __init__(
        self,
        config: pytest.Config,
        collection: EndpointCollection,
        record: RunRecord,
        tests: SessionTests,
        watching: Watching,
    ) -> None:
        self.measured_by: dict[str, dict[str, Any]] = {}
        """By endpoint id: the test that measured it, as pytest-benchmark names it; only where it is to have records."""
        self._config = config
        self._collection = collection
        self._record = record
        self._tests = tests
        self._watching = watching
        self._has_records = False

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self) -> None:
        """Find out whether pytest-benchmark wants records, once it is configured."""
        if self._config.pluginmanager.hasplugin("benchmark"):
            from pytest_modal_bench.plugin.benchmark import wanted

            self._has_records = wanted(self._config)

    @pytest.hookimpl
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep what a test's report carries, and how the test ended."""
        carried: dict[str, Any] = getattr(report, "modal_bench", {})
        endpoint_id = carried.get("endpoint") or self._tests.endpoint_ids.get(report.nodeid)
        if endpoint_id is None:
            return
        if report.when not in ("setup", "call"):  # of a worker that crashed there is one report, of no phase
            self._tests.ended(report.nodeid)
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
            self._config.hook.pytest_modal_bench_result(config=self._config, result=result)

    def _take(self, endpoint_id: str, carried: dict[str, Any]) -> None:
        """Take what a measurement is and comes with off a report: pytest keeps all reports to the end."""
        self._record.note(*carried.pop("notes"))
        measured_by = carried.pop("measured_by")
        if self._has_records:
            self.measured_by[endpoint_id] = measured_by
        self._record.results.keep(_taken(carried))


def _taken(carried: dict[str, Any]) -> EndpointResult:
    """Take the result off a report."""
    return msgspec.json.decode(carried.pop("result"), type=EndpointResult)
