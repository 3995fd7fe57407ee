from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from project import Project, Service


def test_rounds_are_warm_calls(project: Project, service: Service) -> None:
    project.catalogue(service.url, "/ok")

    result = project.run("--modal-bench", "--modal-bench-rounds=5")

    result.assert_outcomes(passed=1)
    report = project.report()
    assert report["rounds"] == 5
    assert [sample["start"] for sample in report["results"][0]["samples"]] == ["cold", *["warm"] * 5]
    assert len({sample["seed"] for sample in report["results"][0]["samples"]}) == 6, "a seed was sent twice"
    assert service.calls == ["/ok"] * 6


def test_a_bad_number_is_an_error(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project.catalogue("http://127.0.0.1:9", "/ok")
    expected = "expected a whole number from 1 on, got '0', or 'auto'"

    assert (
        project.usage_error("--modal-bench", "--modal-bench-rounds=0") == f"--modal-bench-rounds: {expected}"
    )
    monkeypatch.setenv("MODAL_BENCH_ROUNDS", "0")
    assert project.usage_error("--modal-bench") == f"MODAL_BENCH_ROUNDS: {expected}"


def warm_calls(project: Project) -> int:
    (result,) = project.report()["results"]
    return sum(sample["start"] == "warm" for sample in result["samples"])


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["serial", "workers"])
def test_auto_makes_as_many_calls_as_it_takes_to_decide(
    project: Project, service: Service, workers: tuple[str, ...]
) -> None:
    project.catalogue(service.url, "/ok")

    result = project.run(
        "--modal-bench", "--modal-bench-rounds=auto", "--modal-bench-budget=max_warm=60", *workers
    )

    result.assert_outcomes(passed=1)
    report = project.report()
    assert warm_calls(project) == 8
    assert (report["rounds"], report["rounds_auto"]) == (30, True)
    assert "8 warm calls were enough, of up to 30" in report["notes"]


def test_auto_makes_all_calls_where_one_failed(project: Project, service: Service) -> None:
    project.catalogue(service.url, "/ok")
    service.statuses["/ok"] = [200, 200, 503]

    project.run(
        "--modal-bench", "--modal-bench-rounds=auto", "--modal-bench-budget=min_success=0.1 max_warm=60"
    )

    (found,) = project.report()["results"]
    assert sum(sample["ok"] for sample in found["samples"] if sample["start"] == "warm") == 29


def test_auto_holds_a_run_against_its_history(project: Project, service: Service) -> None:
    project.catalogue(service.url, "/ok")
    project.run("--modal-bench", "--modal-bench-rounds=2")
    report = project.report()
    history = project.pytester.mkdir("history")
    for day in range(5):
        for call in report["results"][0]["samples"]:
            call["elapsed_sec"] = 1000 + day
        dated = {**report, "timestamp": f"2026-01-0{1 + day}T00:00:00+00:00"}
        history.joinpath(f"{day}.json").write_text(json.dumps(dated))

    project.run("--modal-bench", "--modal-bench-rounds=auto", "--modal-bench-baseline=history")

    assert warm_calls(project) == 8
    (check,) = (each for each in project.report()["results"][0]["checks"] if each["metric"] == "warm")
    assert (check["verdict"], check["n"], check["runs"]) == ("PASS", 8, 5)


def test_auto_is_not_for_pairs(project: Project) -> None:
    project.catalogue("http://127.0.0.1:9", "/ok")

    assert project.usage_error(
        "--modal-bench", "--modal-bench-rounds=auto", "--modal-bench-against=staging"
    ) == (
        "--modal-bench-rounds=auto stops each endpoint by itself, and --modal-bench-against calls two in pairs: "
        "give a number of rounds"
    )
