from __future__ import annotations

from typing import Any

import pytest

from pytest_modal_bench.gate.earlier.reference import read

UNCLEAR = (
    "time_sec of 1 result is not compared: nothing says whether it is a cold start or a warm call: no cold of its own,"
    " no quick of the run"
)


def entry(**fields: Any) -> dict[str, Any]:
    return {"endpoint": "Flux", "path": "/flux", "category": "Images, fast", "status": "success"} | fields


@pytest.mark.parametrize(
    ("fields", "of_run", "cold_and_warm", "notes"),
    [
        ({"cold_time_sec": 44.4, "warm_time_sec": 2.1, "time_sec": 9.0}, {}, (44.4, 2.1), []),
        ({"time_sec": 2.1, "cold": False}, {}, (None, 2.1), []),
        ({"time_sec": 44.4, "cold": True}, {"quick": True}, (44.4, None), []),
        ({"time_sec": 2.1}, {"quick": True}, (None, 2.1), []),
        ({"time_sec": 2.1}, {"mode": "quick"}, (None, 2.1), []),
        ({"time_sec": 2.1}, {}, (None, None), [UNCLEAR]),
        ({"time_sec": 2.1, "cold": "no"}, {"quick": False}, (None, None), [UNCLEAR]),
        ({"time_sec": 2.1, "status": "failed"}, {}, (None, None), []),
        ({"time_sec": 0}, {}, (None, None), []),
    ],
)
def test_a_time_without_a_start_is_what_the_entry_or_the_run_says_it_is(
    fields: dict[str, Any], of_run: dict[str, Any], cold_and_warm: tuple[float | None, ...], notes: list[str]
) -> None:
    run = read({"results": [entry(**fields)], **of_run}, "old")
    (found,) = run.results

    assert (found.cold_time_sec, found.warm_time_sec) == cold_and_warm
    assert run.notes == notes


def test_several_entries_of_one_path_are_one_result() -> None:
    calls = [
        entry(time_sec=44.4, cold=True),
        *(entry(time_sec=seconds, cold=False) for seconds in (2.0, 2.2, 2.1)),
        entry(status="failed", error="Timeout"),
    ]
    (found,) = read({"results": calls}, "old").results

    assert (found.cold_time_sec, found.warm_time_sec, found.status) == (44.4, 2.1, "success")


def test_what_it_says_is_kept_and_what_it_does_not_is_unknown() -> None:
    run = read(
        {"timestamp": "2026-02-02T12:22:58", "results": [entry(output_size_kb=300, cost_usd=0)]}, "old"
    )
    (found,) = run.results

    assert (found.size_kb, found.cost_usd, found.category, run.timestamp) == (
        300.0,
        None,
        "Images, fast",
        "2026-02-02T12:22:58",
    )
    assert read({"results": [entry()]}, "old").timestamp == "old"


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({}, "success"),
        ({"status": "OK"}, "success"),
        ({"status": "passed"}, "success"),
        ({"status": "error"}, "failed"),
        ({"status": 7}, "failed"),
        ({"status": "skipped"}, "skipped"),
        ({"status": None, "success": True}, "success"),
        ({"status": None, "success": False}, "failed"),
        ({"status": None, "error": "Timeout"}, "failed"),
    ],
)
def test_what_is_not_clearly_a_success_is_none(fields: dict[str, Any], status: str) -> None:
    assert read({"results": [entry(**fields)]}, "old").results[0].status == status


def test_entries_without_a_path_are_counted_and_left_out() -> None:
    run = read({"results": [entry(), {"endpoint": "Flux"}, {"endpoint": "/wan"}, 5]}, "old")

    assert [each.path for each in run.results] == ["/flux", "/wan"]
    assert run.notes == ["left out: 2 results without a path"]


@pytest.mark.parametrize("results", [[], {}, None, 5, [{}], [1, None]])
def test_without_a_path_there_is_nothing_in_it(results: Any) -> None:
    with pytest.raises(ValueError, match=r"none of its .* names a path"):
        read({"results": results}, "old")
