"""What a test may ask for: the endpoint's measurement, and the test resources."""

from __future__ import annotations

from collections.abc import Callable, Generator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from msgspec import structs, to_builtins

from pytest_modal_bench.catalogue import resources as test_resources
from pytest_modal_bench.gate.verdicts import excused, fails
from pytest_modal_bench.model import Endpoint, EndpointResult, Need, Resource, Sample, Start
from pytest_modal_bench.plugin.collection import endpoint_of
from pytest_modal_bench.protocol import outcome
from pytest_modal_bench.protocol.recording import PlainRecorder, Recorder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_modal_bench.run.gating import Gate
    from pytest_modal_bench.run.measurer import Measuring

RESULT = pytest.StashKey[EndpointResult]()
RECORDS = pytest.StashKey[list[dict[str, Any]]]()

Measure = Callable[[], EndpointResult]


class EndpointFixtures:
    """Plugin of the fixtures below: they measure with `measuring`, and `gate` says what of it passes."""

    def __init__(self, measuring: Measuring, gate: Gate) -> None:
        self.measuring = measuring
        self._gate = gate
        self._results: dict[str, EndpointResult] = {}

    def pytest_unconfigure(self) -> None:
        """Close what is open when the session ends."""
        self.measuring.close()

    @pytest.fixture
    def measure_endpoint(
        self, request: pytest.FixtureRequest, endpoint: Endpoint, _modal_bench_recorder: Recorder
    ) -> Measure:
        """Call it to measure the endpoint: its result, or the test fails. Skips when a test resource is missing.

        An endpoint is measured once in a session, however many tests ask for it.
        """
        missing = self.measuring.missing(endpoint)
        if missing is not None:
            result = self._gate.judge(endpoint, outcome.skipped(endpoint, missing))
            request.node.stash[RESULT] = result
            if self.measuring.settings.strict:
                return lambda: self._passed(result)
            pytest.skip(missing)
        return lambda: self._measured(request.node, endpoint, _modal_bench_recorder)

    def _measured(self, item: pytest.Item, endpoint: Endpoint, recorder: Recorder) -> EndpointResult:
        if endpoint.id not in self._results or self._results[endpoint.id].status == "failed":
            measurement = self.measuring.begin(endpoint, recorder)
            try:
                measured = self.measuring.measure(measurement)
                self._results[endpoint.id] = self._gate.judge(endpoint, measured)
            finally:
                item.stash[RECORDS] = recorder.records(
                    lambda start: _extra_info(endpoint, start, measurement.samples), measurement.recorded
                )
        result = item.stash[RESULT] = self._results[endpoint.id]
        return self._passed(result)

    def _passed(self, result: EndpointResult) -> EndpointResult:
        """Fail the test if the gate says so; one in quarantine is an expected failure, which fails nothing."""
        today = datetime.now(UTC).date()
        excuse = excused(result, today=today)
        if excuse is not None:
            pytest.xfail(excuse)
        reason = fails(result, strict=self.measuring.settings.strict, today=today)
        if reason is not None:
            pytest.fail(f"{result.path}: {reason}", pytrace=False)
        if result.status in ("skipped", "not_run"):
            pytest.skip(result.skipped_reason or "not run")
        return result

    @pytest.fixture
    def endpoint_result(self, measure_endpoint: Measure) -> EndpointResult:
        """What measuring the endpoint gave, for checks of one's own. Fails when a call failed."""
        return measure_endpoint()

    @pytest.fixture
    def test_image(self) -> Resource | str:
        """The test image; skips when it is missing."""
        return self._resource("image")

    @pytest.fixture
    def test_video(self) -> Resource | str:
        """The test video; skips when it is missing."""
        return self._resource("video")

    @pytest.fixture
    def test_mask(self) -> Resource | str:
        """The mask that goes with the test image; skips when it is missing."""
        return self._resource("mask")

    @pytest.fixture
    def test_lora(self) -> Resource | str:
        """The id of the test LoRA; skips when the workspace does not have it."""
        return self._resource("lora")

    def _resource(self, name: Need) -> Resource | str:
        resource = self.measuring.found.get(name)
        if resource is None:
            pytest.skip(test_resources.missing_reason((name,), self.measuring.found) or name)
        return resource

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Put the result on the test's report: the one thing that crosses from a worker to the controller."""
        report = yield
        endpoint = endpoint_of(item)
        if endpoint is not None and (report.when == "call" or (report.when == "setup" and not report.passed)):
            result = _with_outcome(item.stash.get(RESULT, None), endpoint, report)
            if result is not None:
                # JUnit files have what a test's last report says, and that is made of the item's.
                item.user_properties.extend(_properties(result))
                carried = {
                    "result": to_builtins(result),
                    "records": item.stash.get(RECORDS, []),
                    "notes": [] if self.measuring.observer is None else list(self.measuring.observer.notes),
                }
                report.modal_bench = carried  # type: ignore[attr-defined] # pytest carries what it does not know
        return report


class PlainRecording:
    """Plugin that gives a test its recorder where pytest-benchmark is off."""

    @pytest.fixture
    def _modal_bench_recorder(self) -> PlainRecorder:
        return PlainRecorder()


def _properties(result: EndpointResult) -> list[tuple[str, object]]:
    """What JUnit files say of a test beside its outcome; what is not known is left out."""
    known = {
        "category": result.category,
        "app": result.app,
        "cold": result.cold_time_sec,
        "warm": result.warm_time_sec,
        "cost": result.cost_usd,
        "verdict": result.verdict,
    }
    return [(name, value) for name, value in known.items() if value is not None]


def _with_outcome(
    result: EndpointResult | None, endpoint: Endpoint, report: pytest.TestReport
) -> EndpointResult | None:
    """The result as its test left it: a check of the user's own that fails is a failure of the endpoint."""
    if report.failed and (result is None or result.status != "failed"):
        error = _crash_message(report)
        return (
            structs.replace(result, status="failed", error=error)
            if result
            else outcome.failed(endpoint, error)
        )
    if report.skipped and result is None:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else "Skipped"
        return outcome.skipped(endpoint, reason.removeprefix("Skipped: "))
    return result


def _crash_message(report: pytest.TestReport) -> str:
    crash = getattr(report.longrepr, "reprcrash", None)
    text = crash.message if crash is not None else report.longreprtext
    return " ".join(text.split())


def _extra_info(endpoint: Endpoint, start: Start, samples: Sequence[Sample]) -> dict[str, Any]:
    """What pytest-benchmark's files say beside the times; a warm record shows the `first` call before it, too."""
    shown = (start, "first") if start == "warm" else (start,)
    return {
        "endpoint": endpoint.id,
        "path": endpoint.path,
        "app": endpoint.app,
        "category": endpoint.category,
        "start": start,
        "samples": to_builtins([sample for sample in samples if sample.start in shown]),
    }
