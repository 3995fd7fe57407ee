from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs
from report_runs import result, sample, streamed

from pytest_modal_bench.plugin import benchmark

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
TEST = {
    "name": "test_endpoint[wan2.6]",
    "fullname": "endpoints.toml::test_endpoint[wan2.6]",
    "param": "wan2.6",
    "params": {"endpoint": "wan2.6"},
}


def made_of(made: Any) -> list[Any]:
    """The records that pytest-benchmark's session has been given."""
    given: list[Any] = made._benchmarksession.benchmarks  # noqa: SLF001 - pytest-benchmark's own name
    return given


def config(*, distributed: bool = False, worker: bool = False, **options: Any) -> Any:
    """What pytest-benchmark will find, once `configure` has been there."""
    known = {"disable_gc": False, "min_rounds": 5, "max_time": "1.0", "min_time": "0.000005", "warmup": False}
    made = SimpleNamespace(
        option=SimpleNamespace(**{**ON, **options}),
        stash=pytest.Stash(),
        _benchmarksession=SimpleNamespace(benchmarks=[], options=known),
    )
    benchmark.configure(made, distributed=distributed, worker=worker)  # type: ignore[arg-type]
    return made


def records(*samples: Any, **options: Any) -> dict[str, list[float]]:
    """The times of each record that is made of `samples`, by the end of its name."""
    made = config(**options)
    benchmark.add_records(made, [(TEST, result(samples=list(samples)))])
    return {record.name.rpartition(":")[2]: record.stats.data for record in made_of(made)}


def test_in_one_process_every_option_stays_as_it_is() -> None:
    assert vars(config().option) == ON


def test_a_controller_records_nothing_itself_but_saves_and_compares() -> None:
    changed = {"benchmark_disable": True, "benchmark_only": False}
    assert vars(config(distributed=True).option) == ON | changed
    assert vars(config(distributed=True, benchmark_enable=True).option) == ON | changed


def test_a_worker_writes_and_compares_nothing() -> None:
    options = vars(config(worker=True).option)
    assert options["benchmark_disable"]
    assert not any(value for name, value in options.items() if name != "benchmark_disable")


def test_a_record_holds_the_seconds_of_the_samples_that_count() -> None:
    assert records(
        sample("cold", 9.0),
        sample("warm", 2.0),
        sample("warm", 3.0, dropped="its container changed"),
        sample("warm", 4.0),
    ) == {"cold": [9.0], "warm": [2.0, 4.0]}


@given(st.lists(st.floats(0.0001, 1e5), min_size=1))
def test_not_a_digit_is_lost(seconds: list[float]) -> None:
    assert json.loads(json.dumps(records(*(sample("warm", each) for each in seconds)))) == {"warm": seconds}


def test_a_first_call_and_one_that_turned_out_to_be_one_are_in_no_record() -> None:
    assert records(sample("first", 5.0), sample("first", 4.0, asked="warm"), sample("warm", 2.0)) == {
        "warm": [2.0]
    }


def test_a_start_with_a_failed_call_leaves_no_record() -> None:
    boom = sample("warm", 0.1, ok=False, error="HTTP 500: boom")
    assert records(sample("cold", 9.0), sample("warm", 2.0), boom) == {"cold": [9.0]}


def test_turned_off_nothing_is_recorded_though_xdist_alone_turns_nothing_off() -> None:
    assert records(sample("warm", 2.0), benchmark_disable=True) == {}
    assert records(sample("warm", 2.0), distributed=True) == {"warm": [2.0]}


def test_nothing_is_recorded_of_which_nothing_would_become() -> None:
    unwanted: dict[str, Any] = {name: None for name in ON if name != "benchmark_only"}
    made = config(**unwanted)
    made.getini = lambda _: []
    for arguments, wanted in ((["--modal-bench"], False), (["--benchmark-sort=name"], True)):
        made.invocation_params = SimpleNamespace(args=arguments)
        benchmark.add_records(made, [(TEST, result(samples=[sample("warm", 2.0)]))])
        assert (benchmark.wanted(made), bool(made_of(made))) == (wanted, wanted)


@pytest.mark.parametrize("option", ["autosave", "compare", "compare_fail", "histogram", "json", "save"])
def test_each_option_that_keeps_or_compares_records_wants_them(option: str) -> None:
    unwanted: dict[str, Any] = {name: None for name in ON if name != "benchmark_only"}
    assert benchmark.wanted(config(**unwanted | {f"benchmark_{option}": "given"}))


def test_a_record_is_named_as_pytest_benchmark_names_the_test_that_measured() -> None:
    made = config()
    measured = structs.replace(result("Wan2.6", samples=[sample("warm", 2.0)]), category="Video")
    benchmark.add_records(made, [(TEST, measured)])
    (record,) = made_of(made)
    kept = record.as_dict()

    assert (kept["name"], kept["fullname"]) == (
        "test_endpoint[wan2.6]:warm",
        "endpoints.toml::test_endpoint[wan2.6]:warm",
    )
    assert (kept["group"], kept["param"], kept["params"]) == ("Video", "wan2.6", {"endpoint": "wan2.6"})
    assert kept["extra_info"]["start"] == "warm"
    assert [each["elapsed_sec"] for each in kept["extra_info"]["samples"]] == [2.0]
    assert kept["options"]["timer"] == "monotonic"


def test_without_pytest_benchmark_s_session_there_is_nobody_to_tell() -> None:
    made = config()
    delattr(made, "_benchmarksession")
    benchmark.add_records(made, [(TEST, result(samples=[sample("warm", 2.0)]))])


def test_warm_streams_have_a_third_record_of_the_time_to_their_first_output() -> None:
    assert records(
        sample("cold", 9.0, stream=streamed(5.0)),
        sample("first", 4.0, stream=streamed(3.0)),
        sample("warm", 2.0, stream=streamed(0.2)),
        sample("warm", 2.5, stream=streamed(0.3)),
        sample("warm", 2.5, stream=streamed(9.0), dropped="its container changed"),
    ) == {"cold": [9.0], "warm": [2.0, 2.5], "ttft": [0.2, 0.3]}


def test_streams_of_which_one_failed_leave_no_record() -> None:
    cut = sample("warm", 0.1, ok=False, stream=streamed(0.1))
    assert records(sample("warm", 2.0, stream=streamed(0.2)), cut) == {}


def test_a_first_output_of_which_nobody_knows_when_it_came_is_in_no_record() -> None:
    unknown = structs.replace(streamed(), ttft_sec=None)
    assert records(sample("warm", 2.0, stream=unknown)) == {"warm": [2.0]}


def test_the_record_of_first_outputs_is_named_beside_the_others() -> None:
    made = config()
    benchmark.add_records(made, [(TEST, result(samples=[sample("warm", 2.0, stream=streamed(0.2))]))])
    _, record = made_of(made)

    assert record.as_dict()["fullname"] == "endpoints.toml::test_endpoint[wan2.6]:ttft"
    assert record.as_dict()["extra_info"]["start"] == "warm"
