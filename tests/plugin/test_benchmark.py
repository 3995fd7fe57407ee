from __future__ import annotations

import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_modal_bench.call.request import Request
from pytest_modal_bench.plugin import benchmark

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

    from pytest_modal_bench.model import Start

REQUEST = Request(method="GET", url="http://127.0.0.1/")

ON = {
    "benchmark_disable": False,
    "benchmark_enable": False,
    "benchmark_only": True,
    "benchmark_save": "mine",
    "benchmark_json": object(),
    "benchmark_compare_fail": ["median:5%"],
    "benchmark_autosave": True,
    "benchmark_compare": ["0001"],
}


def configured(*, distributed: bool = False, worker: bool = False, **options: Any) -> dict[str, Any]:
    """pytest-benchmark's options after `configure`."""
    config: Any = SimpleNamespace(option=SimpleNamespace(**{**ON, **options}), stash=pytest.Stash())
    benchmark.configure(config, distributed=distributed, worker=worker)
    resulting: dict[str, Any] = vars(config.option)
    return resulting


@pytest.fixture
def recorder(benchmark: BenchmarkFixture) -> benchmark.BenchmarkRecorder:
    return benchmark.BenchmarkRecorder(benchmark, group="Video", endpoint="wan2.6", off=False)


def info(start: Start) -> dict[str, Any]:
    return {"start": start}


def every(start: Start) -> list[bool]:
    del start
    return [True] * 100


def names(recorder: benchmark.BenchmarkRecorder) -> list[str]:
    return [record["name"].rpartition(":")[2] for record in recorder.records(info, every)]


def test_in_one_process_every_option_stays_as_it_is() -> None:
    assert configured() == ON


def test_a_controller_records_nothing_itself_but_saves_and_compares() -> None:
    changed = {"benchmark_disable": True, "benchmark_only": False}
    assert configured(distributed=True) == ON | changed
    assert configured(distributed=True, benchmark_enable=True) == ON | changed


def test_a_worker_writes_and_compares_nothing() -> None:
    options = configured(worker=True)
    assert options["benchmark_disable"]
    assert not any(value for name, value in options.items() if name != "benchmark_disable")


def test_calls_are_timed_and_what_precedes_them_is_not(recorder: benchmark.BenchmarkRecorder) -> None:
    said: list[str] = []

    def prepare() -> Request:
        said.append("prepare")
        return REQUEST

    def call(request: Request) -> None:
        assert request is REQUEST
        said.append("call")

    recorder.run("cold", call, prepare, 1)
    recorder.run("warm", call, prepare, 3)

    assert said == ["prepare", "call"] * 4
    cold, warm = recorder.records(info, every)
    assert cold["name"].endswith(":cold")
    assert warm["fullname"].endswith(":warm")
    assert (len(cold["data"]), len(warm["data"])) == (1, 3)
    assert cold["group"] == "Video"
    assert cold["params"]["endpoint"] == "wan2.6"
    assert warm["extra_info"] == {"start": "warm"}


def test_a_first_call_is_made_and_gets_no_record(recorder: benchmark.BenchmarkRecorder) -> None:
    calls: list[Request] = []
    recorder.run("first", calls.append, lambda: REQUEST, 1)
    recorder.add("first", [1.0])

    assert calls == [REQUEST]
    assert recorder.records(info, every) == []


def test_a_start_with_a_failed_call_leaves_no_record(recorder: benchmark.BenchmarkRecorder) -> None:
    calls: list[Request] = []

    def call(request: Request) -> None:
        calls.append(request)
        if len(calls) == 2:
            raise ConnectionError("gone")

    recorder.run("cold", lambda _: None, lambda: REQUEST, 1)
    with pytest.raises(ConnectionError, match="gone"):
        recorder.run("warm", call, lambda: REQUEST, 3)

    assert len(calls) == 2, "what would follow a failure is not called"
    assert names(recorder) == ["cold"]


def test_a_call_that_does_not_count_stands_in_no_record(recorder: benchmark.BenchmarkRecorder) -> None:
    recorder.add("cold", [1.0])
    recorder.add("cold", [2.0])
    recorder.add("warm", [3.0, 4.0, 5.0])
    kept: dict[Start, list[bool]] = {"cold": [False, False], "warm": [True, False, True]}
    (warm,) = recorder.records(info, kept.__getitem__)

    assert warm["data"] == [3.0, 5.0]


def test_calls_meant_as_one_start_make_one_record(recorder: benchmark.BenchmarkRecorder) -> None:
    recorder.run("cold", lambda _: None, lambda: REQUEST, 1)
    recorder.run("cold", lambda _: None, lambda: REQUEST, 1)
    (cold,) = recorder.records(info, every)

    assert len(cold["data"]) == 2


def test_a_start_that_was_skipped_leaves_no_record(recorder: benchmark.BenchmarkRecorder) -> None:
    def call(request: Request) -> None:
        del request
        pytest.skip("not today")

    with pytest.raises(pytest.skip.Exception):
        recorder.run("cold", call, lambda: REQUEST, 1)
    recorder.add("warm", [])

    assert recorder.records(info, every) == []


def test_turned_off_it_calls_and_keeps_nothing(benchmark: BenchmarkFixture) -> None:
    recorder = benchmark.BenchmarkRecorder(benchmark, group="Video", endpoint="wan2.6", off=True)
    calls: list[Request] = []
    recorder.run("warm", calls.append, lambda: REQUEST, 3)
    recorder.add("cold", [1.0])

    assert len(calls) == 3
    assert recorder.records(info, every) == []


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seconds=st.lists(st.floats(min_value=1e-6, max_value=1e4), min_size=1, max_size=20))
def test_a_record_crosses_from_a_worker_as_it_is(benchmark: BenchmarkFixture, seconds: list[float]) -> None:
    recorder = benchmark.BenchmarkRecorder(benchmark, group="Video", endpoint="wan2.6", off=False)
    recorder.add("cold", seconds)
    (record,) = recorder.records(info, every)
    session = SimpleNamespace(benchmarks=[])
    config: Any = SimpleNamespace(_benchmarksession=session)
    benchmark.give_back(config, [json.loads(json.dumps(record))])

    (metadata,) = session.benchmarks
    assert (metadata.name, metadata.fullname, metadata.group) == (record["name"], record["fullname"], "Video")
    assert metadata.extra_info == {"start": "cold"}
    assert not metadata.has_error
    written = metadata.as_dict()
    assert written["stats"]["data"] == seconds
    assert written["stats"]["rounds"] == len(seconds)
    assert written["params"]["endpoint"] == "wan2.6"
    assert json.loads(json.dumps(written["options"])) == written["options"]


def test_without_a_session_of_pytest_benchmark_nothing_is_given_back() -> None:
    config: Any = SimpleNamespace()
    benchmark.give_back(config, [])
    assert vars(config) == {}
