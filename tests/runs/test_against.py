"""Whole runs side by side: a candidate called in turn with a second local workspace."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from project import SHIPPED_CATALOGUE

if TYPE_CHECKING:
    from project import Project

HEAD = 'summary = "of a test"\n[resources]\nimage = true\nvideo = true\nmask = true\nlora = true\n'
SLOWER = '[faults]\n"/z-image-danrisi" = { kind = "slow", inference = 1.4 }\n'
ENDPOINTS = "z-image-simple or z-image-danrisi"
FINE = {"PASS", "INCONCLUSIVE"}
"""Where the machine is so busy that pairs differ much, a comparison is blind, and says so."""


@pytest.fixture
def local(project: Project) -> Project:
    pytest.importorskip("modal")
    project.pytester.path.joinpath("endpoints.toml").write_text(SHIPPED_CATALOGUE.read_text())
    return project


def against_healthy(local: Project, scenario: str, *args: str) -> pytest.RunResult:
    """A run whose cold starts are forced on both sides: three containers each."""
    local.pytester.path.joinpath("candidate.toml").write_text(f"{HEAD}{scenario}")
    return local.run(
        *("--modal-bench", "--modal-bench-workspace=local", "--modal-bench-scenario=candidate.toml"),
        *("--modal-bench-against=healthy", "--modal-bench-time-scale=0.2", "--modal-bench-environment=main"),
        *("--modal-bench-cold=force", "--modal-bench-cold-rounds=4", "--modal-bench-rounds=12"),
        *("--modal-bench-max-cost=10", "-k", ENDPOINTS, *args),
        timeout=240,
    )


def results(local: Project) -> dict[str, Any]:
    return {result["id"]: result for result in local.report()["results"]}


def test_what_is_alike_passes_with_the_costs_of_both_sides_under_one_limit(local: Project) -> None:
    run = against_healthy(local, "")

    run.assert_outcomes(passed=2)
    report = local.report()
    assert report["verdict"] in FINE
    calls = [
        sample
        for result in report["results"]
        for side in (result, result["base"])
        for sample in side["samples"]
    ]
    assert report["summary"]["calls"] == len(calls) >= 2 * 2 * (4 + 12)
    assert report["summary"]["total_cost_usd"] == pytest.approx(sum(each["cost_usd"] for each in calls))
    run.stdout.fnmatch_lines(["modal-bench: expected cost of 64 calls: *limit: $10"])
    for result in report["results"]:
        own, base = ({each["container"] for each in side["samples"]} for side in (result, result["base"]))
        assert len(own) == len(base) == 4
        assert not own & base
        assert result["cold_verified"], result["base"]["cold_verified"]


def test_what_is_slower_fails_and_no_other(local: Project) -> None:
    run = against_healthy(local, SLOWER, "-n", "2")

    run.assert_outcomes(passed=1, failed=1)
    assert run.ret == 1
    found = results(local)
    assert found["z-image-danrisi"]["verdict"] == "FAIL"
    assert found["z-image-simple"]["verdict"] in FINE
    checks = {check["metric"]: check for check in found["z-image-danrisi"]["checks"]}
    assert set(checks) == {"cold", "warm", "cost"}
    assert checks["cost"]["verdict"] == "FAIL"
    assert checks["cost"]["ratio"] == pytest.approx(1.4, rel=0.02)
    assert checks["warm"]["low"] < 1.4 < checks["warm"]["high"] * 1.1
    assert checks["warm"]["containers"] == 4
    markdown = (local.pytester.path / "modal-bench-report.md").read_text()
    assert "<summary>Against healthy</summary>" in markdown


def test_an_unknown_scenario_is_one_line(local: Project) -> None:
    said = local.usage_error(
        "--modal-bench", "--modal-bench-workspace=local", "--modal-bench-against=staging"
    )

    assert said.startswith("--modal-bench-against=staging: no scenario 'staging': there are ")
