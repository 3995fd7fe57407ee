"""What a test may ask for: the endpoint's measurement, and the test resources."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any

import pytest
from msgspec import Struct, convert, structs, to_builtins

from pytest_modal_bench import resources as test_resources
from pytest_modal_bench.collection import endpoint_of
from pytest_modal_bench.measure import outcome, protocol
from pytest_modal_bench.measure.client import Client
from pytest_modal_bench.measure.evidence import PoolState
from pytest_modal_bench.measure.recording import PlainRecorder, Recorder
from pytest_modal_bench.measure.request import RequestError
from pytest_modal_bench.model import Endpoint, EndpointResult, Need, Resource, Sample, Start

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_modal_bench.control.observer import Observer
    from pytest_modal_bench.settings import Settings

RESULT = pytest.StashKey[EndpointResult]()
RECORDS = pytest.StashKey[list[dict[str, Any]]]()

Measure = Callable[[], EndpointResult]


class Briefing(Struct, frozen=True, kw_only=True):
    """What a process that measures can't know by itself. Crosses to a worker as built-in types."""

    lora: str | None
    """The LoRA's id, if the workspace has it."""
    called_pools: tuple[str, ...]
    """Pools that have been called before: a cold start can't be observed there any more."""
    begun_pools: tuple[str, ...]
    """Pools of which a test has been started before: it has forced their cold starts, if that was asked for."""
    probed: dict[str, Sample]
    """By endpoint id: the call that asked whether the LoRA exists. It is that endpoint's first sample, too; but time
    may pass before the next one, in which a container can stop, so that no call after it is warm at once."""


class Measuring:
    """The process that measures: what it has called so far, and with which resources. Plugin of the fixtures below."""

    def __init__(self, settings: Settings) -> None:
        """What it may call, and with what, it is told before the first test: `found`, `observer`, then `brief`."""
        self.settings = settings
        self.found: dict[str, Resource | str] = {}
        """Test resources by name; one that is missing is absent."""
        self.observer: Observer | None = None
        """Asks and tells Modal's control plane; None: there is none to ask."""
        self.client = Client(held_after_sec=settings.held_after_sec)
        self._pools: defaultdict[str, PoolState] = defaultdict(PoolState)
        self._begun: set[str] = set()
        self._answered: set[str] = set()
        self._probed: dict[str, Sample] = {}
        self._results: dict[str, EndpointResult] = {}

    def brief(self, briefing: dict[str, Any]) -> None:
        """Hear what is known before the first test: see `Briefing`."""
        told = convert(briefing, Briefing)
        if told.lora is not None:
            self.found["lora"] = told.lora
        for pool in told.called_pools:
            self._pools[pool].called = True
        self._begun.update(told.begun_pools)
        self._probed.update(told.probed)

    def pytest_unconfigure(self) -> None:
        """Close what is open when the session ends."""
        self.client.close()
        if self.observer is not None:
            self.observer.close()

    def missing(self, endpoint: Endpoint) -> str | None:
        """`Missing: test image, …`, or None if `endpoint` has all it needs."""
        return test_resources.missing_reason(endpoint.needs, self.found)

    def conditions(self, endpoint: Endpoint) -> protocol.Conditions:
        """Under which the endpoint's calls are made, cold starts only observed."""
        given = {} if self.observer is None else {"witness": self.observer.witness(endpoint)}
        return protocol.Conditions(
            client=self.client,
            resources=self.found,
            environ=os.environ,
            deadline_sec=self.settings.deadline_sec(endpoint.timeout),
            pool=self._pools[endpoint.pool],
            **given,
        )

    def measure(self, endpoint: Endpoint, measurement: protocol.Measurement) -> EndpointResult:
        """Make the endpoint's calls. A call that failed is told in the result, and by nothing else."""
        cold_rounds = self._cold_rounds(endpoint)
        probe = self._probed.pop(endpoint.id, None)
        if probe is not None:
            measurement.take(self._believed(probe))
            if self.settings.cold == "observe":
                cold_rounds = 0
        if probe is None or probe.ok:
            try:
                self._make(measurement, cold_rounds)
            except protocol.CallFailed:
                pass  # its sample tells
            except RequestError as error:
                return outcome.failed(endpoint, str(error))
        if any(sample.ok for sample in measurement.samples):
            self._answered.add(endpoint.id)
        deadline_sec = self.settings.deadline_sec(endpoint.timeout)
        return outcome.summarise(
            endpoint,
            measurement.samples,
            deadline_sec=deadline_sec,
            cold_inconclusive=measurement.cold_inconclusive,
            warm_inconclusive=measurement.warm_inconclusive,
        )

    def _make(self, measurement: protocol.Measurement, cold_rounds: int) -> None:
        endpoint = measurement.endpoint
        if sum(measurement.kept("cold")) >= cold_rounds:
            cold_rounds = 0
        steps = protocol.plan(
            cold_rounds=cold_rounds, answered=endpoint.id in self._answered, rounds=self.settings.rounds
        )
        if not cold_rounds or self.settings.cold != "force":
            measurement.make(steps)
            return
        assert self.observer is not None  # noqa: S101 - no session that forces begins without
        with self.observer.forced(endpoint) as scale_to_zero:
            measurement.make(steps[:1], scale_to_zero=scale_to_zero)
        # Only now, with the autoscaler as it was: a container must live from one warm call to the next.
        called = endpoint.id in self._answered or any(each.meant == "cold" for each in measurement.samples)
        measurement.make(protocol.plan(cold_rounds=0, answered=called, rounds=self.settings.rounds))

    def _believed(self, probe: Sample) -> Sample:
        """The call that asked for the LoRA, as a sample of its endpoint: no forced cold start is a guess."""
        if self.settings.cold == "force" and probe.start == "cold" and probe.counts and probe.proof is None:
            dropped = "nothing proved that it met a new container"
            return structs.replace(probe, start="first", asked="cold", dropped=dropped)
        return probe

    def _cold_rounds(self, endpoint: Endpoint) -> int:
        """How many cold starts an endpoint gets: those of its pool if it is the first, or its own if it asks."""
        begun = endpoint.pool in self._begun
        called = self._pools[endpoint.pool].called
        if endpoint.cold is not False:
            self._begun.add(endpoint.pool)
        match self.settings.cold:
            case "force":
                due = endpoint.cold or (endpoint.cold is None and not begun)
                return self.settings.cold_rounds if due else 0
            case "observe":
                return int(not called and endpoint.cold is not False)
            case "off":
                return 0

    @pytest.fixture
    def measure_endpoint(
        self, request: pytest.FixtureRequest, endpoint: Endpoint, _modal_bench_recorder: Recorder
    ) -> Measure:
        """Call it to measure the endpoint: its result, or the test fails. Skips when a test resource is missing.

        An endpoint is measured once in a session, however many tests ask for it.
        """
        missing = self.missing(endpoint)
        if missing is not None:
            request.node.stash[RESULT] = outcome.skipped(endpoint, missing)
            pytest.skip(missing)
        return lambda: self._measured(request.node, endpoint, _modal_bench_recorder)

    def _measured(self, item: pytest.Item, endpoint: Endpoint, recorder: Recorder) -> EndpointResult:
        if endpoint.id not in self._results or self._results[endpoint.id].status == "failed":
            measurement = protocol.Measurement(endpoint, self.conditions(endpoint), recorder)
            try:
                self._results[endpoint.id] = self.measure(endpoint, measurement)
            finally:
                item.stash[RECORDS] = recorder.records(
                    lambda start: _extra_info(endpoint, start, measurement.samples), measurement.kept
                )
        result = item.stash[RESULT] = self._results[endpoint.id]
        if result.status == "failed":
            pytest.fail(f"{endpoint.path}: {result.error}", pytrace=False)
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
        resource = self.found.get(name)
        if resource is None:
            pytest.skip(test_resources.missing_reason((name,), self.found) or name)
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
                carried = {
                    "result": to_builtins(result),
                    "records": item.stash.get(RECORDS, []),
                    "notes": [] if self.observer is None else list(self.observer.notes),
                }
                report.modal_bench = carried  # type: ignore[attr-defined] # pytest carries what it does not know
        return report


class PlainRecording:
    """Plugin that gives a test its recorder where pytest-benchmark is off."""

    @pytest.fixture
    def _modal_bench_recorder(self) -> PlainRecorder:
        return PlainRecorder()


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
