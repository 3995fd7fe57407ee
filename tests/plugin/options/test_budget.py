from __future__ import annotations

from typing import TYPE_CHECKING

from gated_project import gated, properties
from measure_server import Received, Server, answer, answering

if TYPE_CHECKING:
    import pytest
    from project import Project, Service


def test_a_budget_that_is_passed_fails_its_endpoint_and_no_other(project: Project, service: Service) -> None:
    result = gated(project, service, more="budget = { max_warm = 0.001 }")

    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*FAILED*slow*warm*"])
    assert properties(project.pytester.path, "test_endpoint[slow]")["verdict"] == "FAIL"
    assert project.report()["verdict"] == "FAIL"


def test_a_budget_without_data_fails(project: Project, service: Service) -> None:
    result = gated(project, service, more="budget = { max_cost = 1 }")

    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*no data*"])


def test_a_warning_fails_nothing_and_is_shown(project: Project, service: Service) -> None:
    result = gated(project, service, "--modal-bench-budget=max_warm=0.001:100")

    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["gate: WARN (2 WARN)", "WARN /ok: *", "WARN /slow: *"])


def test_the_command_lines_budget_beats_the_catalogues(project: Project, service: Service) -> None:
    result = gated(project, service, "--modal-bench-budget=max_warm=60", more="budget = { max_warm = 0.001 }")

    result.assert_outcomes(passed=2)


def test_it_is_repeatable_and_metrics_add_up(project: Project, service: Service) -> None:
    result = gated(project, service, "--modal-bench-budget=max_warm=60", "--modal-bench-budget=min_success=1")

    result.assert_outcomes(passed=2)
    checks = project.report()["results"][0]["checks"]
    assert {(check["metric"], check["verdict"]) for check in checks} == {
        ("warm", "PASS"),
        ("success", "PASS"),
    }


def test_what_is_no_budget_is_one_line(
    project: Project, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.catalogue(service.url, "/ok")
    said = project.usage_error("--modal-bench", "--modal-bench-budget=max_worm=5")
    assert said.startswith("--modal-bench-budget: expected a metric and a number, such as max_warm=5")

    monkeypatch.setenv("MODAL_BENCH_BUDGET", "max_warm=x")
    assert project.usage_error("--modal-bench").startswith("MODAL_BENCH_BUDGET: expected a number above 0")


def test_a_share_of_failures_may_be_allowed(project: Project) -> None:
    calls: list[str] = []

    def respond(received: Received) -> bytes:
        calls.append(received.path)
        return answer(b"not now", status="500 Internal Server Error") if len(calls) == 4 else answer(b"fine")

    with Server(answering(respond)) as server:
        project.catalogue(server.url, "/flaky")
        options = ("--modal-bench", "--modal-bench-rounds=5", "--modal-bench-cold=off")
        project.run(*options, "--modal-bench-budget=min_success=0.95:0.8").assert_outcomes(passed=1)
    (result,) = project.report()["results"]
    (check,) = result["checks"]

    assert sum(sample["ok"] for sample in result["samples"]) == len(result["samples"]) - 1
    assert (check["verdict"], result["verdict"], result["status"]) == ("WARN", "WARN", "success")
    assert result["warm_time_sec"] > 0
