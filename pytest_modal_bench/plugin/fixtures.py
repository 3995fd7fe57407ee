"""What a test may ask for: the endpoint's measurement, and the test resources. Here the gate fails a test."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from pytest_modal_bench.model import Endpoint, EndpointResult, Need, Resource
from pytest_modal_bench.model.encoding import encode
from pytest_modal_bench.plugin.collection import endpoint_of
from pytest_modal_bench.plugin.deferral import MAY_WAIT, SECOND_TIME, Waits, wait

if TYPE_CHECKING:
    import datetime as dt

    from pytest_modal_bench.run.gating import Gate
    from pytest_modal_bench.run.measurer import Measurer

Measure = Callable[[], EndpointResult]


class _Unreported(NamedTuple):
    """What a test knows of its endpoint and has not yet put on a report."""

    result: EndpointResult
    is_new: bool
    """Whether it is news to the controller: a measurement that this test has made, or why there is none."""


class GateFailed(pytest.fail.Exception):  # type: ignore[name-defined, misc] # not seen by mypy
    """The gate fails a test: no failure of the test's own. Shown by its message alone, as pytest's own is."""

    __module__ = "builtins"
    __qualname__ = "Failed"

    def __init__(self, message: str) -> None:
        super().__init__(message, pytrace=False)


class EndpointFixtures:
    """Plugin of the fixtures below: they measure with `measurer`, and `gate` says what of it passes.

    Where tests are only listed, no fixture is ever set up, and there is neither.
    """

    measurer: Measurer
    _gate: Gate

    def __init__(self, measuring: tuple[Measurer, Gate] | None, today: dt.date) -> None:
        """`today` says whether a quarantine still holds."""
        if measuring is not None:
            self.measurer, self._gate = measuring
        self._today = today
        self._results: dict[str, EndpointResult] = {}
        """By endpoint id: those that a test may still ask for."""
        self._asked: dict[str, set[str]] = {}
        """By endpoint id: the tests that have asked for its result. One that asks again is run again."""
        self._unreported: dict[str, _Unreported] = {}
        """By test id."""
        self._scattered: set[str] = set()
        """Ids of the endpoints whose tests do not follow one another, such as those under load."""

    def pytest_unconfigure(self) -> None:
        """Close what is open when the session ends."""
        if hasattr(self, "measurer"):
            self.measurer.close()

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Learn which endpoints are asked for again after tests of others."""
        seen: set[str] = set()
        for endpoint_id, _ in groupby(
            endpoint.id for item in session.items if (endpoint := endpoint_of(item))
        ):
            (self._scattered if endpoint_id in seen else seen).add(endpoint_id)

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_teardown(self, item: pytest.Item, nextitem: pytest.Item | None) -> None:
        """Forget what no test will ask for any more: a run of many endpoints would keep their results twice."""
        endpoint = endpoint_of(item)
        if endpoint is None or endpoint.id in self._scattered or self._gate.waits(endpoint.id):
            return
        if nextitem is None or endpoint_of(nextitem) is not endpoint:
            self._results.pop(endpoint.id, None)
            self._asked.pop(endpoint.id, None)

    @pytest.fixture
    def measure_endpoint(
        self, request: pytest.FixtureRequest, endpoint: Endpoint, _modal_bench_benchmark: None
    ) -> Measure:
        """Call it to measure the endpoint: its result, or the test fails. Skips when a test resource is missing.

        An endpoint is measured once in a session, however many tests ask for it; a test that is run again measures
        it again.
        """
        asked = self._asked.setdefault(endpoint.id, set())
        if request.node.nodeid in asked and not self._gate.waits(endpoint.id):
            self._results.pop(endpoint.id, None)
            asked.clear()
        asked.add(request.node.nodeid)
        missing = self.measurer.missing(endpoint)
        if missing is None:
            return lambda: self._measured(request.node, endpoint)
        from pytest_modal_bench.protocol import outcome

        skipped = outcome.skipped(endpoint, missing)
        self._note(request.node, skipped, is_new=True)
        if not self.measurer.settings.strict:
            pytest.skip(missing)
        return lambda: self._passed(skipped)

    def _measured(self, item: pytest.Item, endpoint: Endpoint) -> EndpointResult:
        result = self._results.get(endpoint.id)
        second = item.stash.get(SECOND_TIME, False) and self._gate.waits(endpoint.id)
        if result is None or second:
            with self._keeping(item, endpoint):
                if result is None:
                    result = self._gate.judge(endpoint, self.measurer.measure(endpoint))
                    if self._gate.waits(endpoint.id) and item.stash.get(MAY_WAIT, False):
                        self._results[endpoint.id] = result
                        self._note(item, result, is_new=True)
                        wait(item)
                if self._gate.waits(endpoint.id):
                    result = self._gate.judge_again(endpoint)
            self._results[endpoint.id] = result
            self._note(item, result, is_new=True)
        self._note(item, result, is_new=False)
        return self._passed(result)

    def _note(self, item: pytest.Item, result: EndpointResult, *, is_new: bool) -> None:
        """Have the test's next report carry `result`, whole if it is new, or if what it was to carry before was."""
        before = self._unreported.get(item.nodeid)
        is_new = is_new or (before is not None and before.is_new)
        self._unreported[item.nodeid] = _Unreported(result, is_new)

    @contextmanager
    def _keeping(self, item: pytest.Item, endpoint: Endpoint) -> Iterator[None]:
        """Keep what was measured until an exception, such as pytest-timeout's, cut it off."""
        try:
            yield
        except Waits:
            raise
        except (Exception, pytest.fail.Exception) as error:
            cut = self.measurer.cut_off(f"cut off: {' '.join(str(error).split()) or type(error).__name__}")
            if cut is not None:
                self._results[endpoint.id] = cut
                self._note(item, cut, is_new=True)
            raise

    def _passed(self, result: EndpointResult) -> EndpointResult:
        """Return what passes the gate, or else fail the test."""
        from pytest_modal_bench.gate import verdicts

        reason = verdicts.objection(result, strict=self.measurer.settings.strict, today=self._today)
        if reason is not None:
            raise GateFailed(f"{result.path}: {reason}")
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

    @pytest.fixture
    def test_resource(self) -> Callable[[str], Resource | str]:
        """Call it with a name of `[resources]` for what stands there; skips when it is missing."""
        return self._resource

    def _resource(self, name: Need) -> Resource | str:
        resource = self.measurer.found.get(name)
        if resource is None:
            from pytest_modal_bench.catalogue.resources import missing_reason

            pytest.skip(missing_reason((name,), self.measurer.found) or name)
        return resource

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Put what is known of the endpoint on the report: the one thing that crosses from a worker to the controller.

        A test makes a report a phase, and one for each of its subtests; the result stands on the first that has one.
        """
        report = yield
        endpoint = endpoint_of(item)
        if endpoint is None:
            return report
        carried: dict[str, Any] = {"endpoint": endpoint.id}
        if call.excinfo is not None and isinstance(call.excinfo.value, GateFailed):
            carried["by_gate"] = True
        if item.nodeid in self._unreported and (report.when == "call" or not report.passed):
            result, is_new = self._unreported.pop(item.nodeid)
            # JUnit files have what a test's last report says, and that is made of the item's.
            item.user_properties.extend(_properties(result))
            if is_new:
                carried["result"] = encode(result).decode()  # a text: any plugin can hand a report on
                carried["measured_by"] = _as_benchmark(item, endpoint)
                carried["notes"] = (
                    [] if self.measurer.observer is None else list(self.measurer.observer.notes)
                )
        report.modal_bench = carried  # type: ignore[attr-defined] # pytest carries what it does not know
        return report


class NoBenchmark:
    """Plugin where pytest-benchmark is off: nobody asks whether an endpoint's test is a benchmark."""

    @pytest.fixture
    def _modal_bench_benchmark(self) -> None:
        pass


def _properties(result: EndpointResult) -> list[tuple[str, object]]:
    """What JUnit files say of a test beside its outcome; what is not known is left out."""
    known = {
        "category": result.category,
        "app": result.app,
        "case": result.case,
        "cold": result.cold_time_sec,
        "warm": result.warm_time_sec,
        "cost": result.cost_usd,
        "cold_ttft": result.cold_ttft_sec,
        "ttft": result.ttft_sec,
        "itl": result.itl_sec,
        "itl_p95": result.itl_p95_sec,
        "output_tokens": result.output_tokens,
        "tokens_per_sec": result.tokens_per_sec,
        "usd_per_million_tokens": result.usd_per_million_tokens,
    }
    return [(name, value) for name, value in known.items() if value is not None]


def _as_benchmark(item: pytest.Item, endpoint: Endpoint) -> dict[str, Any]:
    """The test as pytest-benchmark names it, in built-in types: of a parameter that is none, its text."""
    callspec = getattr(item, "callspec", None)
    params = {} if callspec is None else callspec.params
    plain = {
        name: value if value is None or isinstance(value, bool | int | float | str) else str(value)
        for name, value in params.items()
    }
    return {
        "name": item.name,
        "fullname": item.nodeid,
        "param": None if callspec is None else callspec.id,
        "params": {**plain, "endpoint": endpoint.id},
    }
