from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from msgspec import structs
from report_runs import result, run
from trend_folders import AFTER, write_history

from pytest_modal_bench.report.trend.points import Trend, new_commits, new_deploys, trends
from pytest_modal_bench.report.trend.reading import Folder, read

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_modal_bench.model import EndpointResult

FLUX = result(
    "Flux",
    warm_time_sec=2.0,
    cold_time_sec=40.0,
    cold_verified=True,
    cost_usd=0.002,
    cost_basis="estimated",
    gpu_type="L40S",
)
WAN = result("Wan", "Video", warm_time_sec=9.0, tags=("slow",))


def made(path: Path, *results: EndpointResult, **how: Any) -> tuple[Folder, list[Trend]]:
    write_history(path, run(results or (FLUX, WAN)), **how)
    folder = read(path, 100)
    assert folder is not None
    return folder, trends(folder)


def test_a_step_at_a_commit_is_found_in_each_figure_that_moved(tmp_path: Path) -> None:
    folder, (flux, wan) = made(tmp_path, slower_from=7, slower="flux")
    changes = {series.name: series.changes for series in flux.series}

    assert {name: [change.run for change in found] for name, found in changes.items()} == {
        "cold": [7],
        "warm": [7],
        "cost": [7],
    }
    assert changes["warm"][0].found.ratio == pytest.approx(1.31, abs=0.03)
    assert changes["cold"][0].proven
    assert not any(series.changes for series in wan.series)
    assert new_commits(folder.runs) == {7: AFTER}


def test_a_step_in_unproven_cold_starts_is_unproven(tmp_path: Path) -> None:
    unproven = structs.replace(FLUX, cold_verified=False)
    _, (flux,) = made(tmp_path, unproven, slower_from=7, slower="flux")
    assert [[change.proven for change in series.changes] for series in flux.series] == [
        [False],
        [True],
        [True],
    ]


def test_a_change_below_a_quarter_of_a_cold_start_has_no_name(tmp_path: Path) -> None:
    def slower(each: EndpointResult, number: int) -> EndpointResult:
        factor = 1.2 if number >= 6 else 1.0
        return structs.replace(
            each,
            cold_time_sec=(each.cold_time_sec or 0) * factor,
            warm_time_sec=(each.warm_time_sec or 0) * factor,
        )

    _, (flux,) = made(tmp_path, FLUX, changed=slower)
    assert {series.name: len(series.changes) for series in flux.series} == {"cold": 0, "warm": 1, "cost": 0}


def test_runs_in_which_it_failed_are_gaps_with_their_cause(tmp_path: Path) -> None:
    def failing(each: EndpointResult, number: int) -> EndpointResult:
        if each.id != "flux" or number not in (3, 4, 11):
            return each
        cause: Any = "killed" if number < 10 else "timeout"
        return structs.replace(each, status="failed", error=f"error {number}", cause=cause)

    _, (flux, wan) = made(tmp_path, changed=failing)
    assert [(each.first, each.last, each.reason) for each in flux.failures] == [
        (3, 4, "failed: error 4"),
        (11, 11, "failed: error 11"),
    ]
    assert flux.series[1].known == [0, 1, 2, 5, 6, 7, 8, 9, 10]
    assert wan.failures == []


def test_what_the_gate_would_not_compare_with_the_newest_run_is_left_out(tmp_path: Path) -> None:
    def otherwise(each: EndpointResult, number: int) -> EndpointResult:
        if number < 2:
            return structs.replace(each, gpu_type="A100")
        return structs.replace(each, cost_basis="measured") if number < 5 else each

    _, (flux,) = made(tmp_path, FLUX, changed=otherwise)
    assert {series.name: series.known[0] for series in flux.series} == {"cold": 2, "warm": 2, "cost": 5}
    assert flux.notes == [
        "2 runs with another GPU: A100, now L40S",
        "the cost of 3 runs, which was not estimated",
    ]


def test_another_deploy_is_known_by_its_run(tmp_path: Path) -> None:
    _, (flux,) = made(
        tmp_path, FLUX, changed=lambda each, number: structs.replace(each, deployed=f"v{1 + number // 6}")
    )
    assert new_deploys(flux) == {6: "v2"}


@pytest.mark.parametrize(
    ("text", "found"),
    [("", ["flux", "wan"]), ("VIDEO", ["wan"]), ("/flux", ["flux"]), ("slow", ["wan"]), ("x y", [])],
)
def test_endpoints_are_picked_by_a_text(tmp_path: Path, text: str, found: list[str]) -> None:
    folder, _ = made(tmp_path, runs=1)
    assert [trend.endpoint.id for trend in trends(folder, containing=text)] == found
