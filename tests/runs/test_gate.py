"""Whole runs with a gate: deploys held against budgets and against their history, on the local workspace."""

from __future__ import annotations

import fcntl
import json
import shutil
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import xmlschema
from gated_project import gated, properties
from project import SHIPPED_CATALOGUE

if TYPE_CHECKING:
    from project import Project, Service

HEAD = 'summary = "of a test"\n[resources]\nimage = true\nvideo = true\nmask = true\nlora = true\n'
FINE = {"PASS", "WARN", "INCONCLUSIVE"}
"""Where the machine is so busy that runs differ much, a comparison is blind, and says so."""
HISTORY = 5
ENDPOINTS = "z-image-simple or z-image-danrisi"


class Deploys:
    """Runs of two endpoints of one pool, each with its faults, and what came of them."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.directory = project.pytester.path
        self.history = self.directory / "history"
        self.history.mkdir()
        self.directory.joinpath("endpoints.toml").write_text(SHIPPED_CATALOGUE.read_text())

    def run(self, faults: str = "", *args: str) -> pytest.RunResult:
        scenario = self.directory / "scenario.toml"
        scenario.write_text(f"{HEAD}{faults}\n")
        # Calls wait most of their time: on a busy machine what they compute is slower, and must be the smaller part.
        return self.project.run(
            *("--modal-bench", "--modal-bench-workspace=local", f"--modal-bench-scenario={scenario}"),
            *("--modal-bench-time-scale=0.6", "--modal-bench-cold=off", "--modal-bench-rounds=5"),
            *("-p", "no:cacheprovider", "-k", ENDPOINTS, "--junit-xml=junit.xml", *args),
            timeout=120,
        )

    def remember(self, number: int) -> None:
        """Keep the last run as history."""
        shutil.copy(self.directory / "modal-bench-report.json", self.history / f"{number}.json")

    def against_history(self, faults: str = "", *args: str) -> dict[str, str]:
        """Verdicts by endpoint id of a run held against the history."""
        self.result = self.run(faults, "--modal-bench-baseline=history", *args)
        return {result["id"]: result["verdict"] for result in self.project.report()["results"]}

    def failed_in_junit(self) -> list[str]:
        cases = ET.parse(self.directory / "junit.xml").iter("testcase")  # noqa: S314 - pytest's own file
        return [case.attrib["name"] for case in cases if case.find("failure") is not None]


@pytest.fixture
def deploys(
    project: Project, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Deploys:
    """Deploys with the reports of five healthy runs, which one test makes for those of all workers."""
    deploys = Deploys(project)
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if hasattr(request.config, "workerinput") else base
    with (shared / "gate-history.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        history = shared / "gate-history"
        history.mkdir(exist_ok=True)
        for number in range(len(list(history.iterdir())), HISTORY):
            deploys.run().assert_outcomes(passed=2)
            # A run is told from another by when it began, in whole seconds.
            shutil.copy(deploys.directory / "modal-bench-report.json", history / f"{number}.json")
    for report in history.iterdir():
        shutil.copy(report, deploys.history)
    return deploys


def test_a_healthy_deploy_passes_against_its_history(deploys: Deploys) -> None:
    verdicts = deploys.against_history()

    assert deploys.result.ret == 0
    assert set(verdicts.values()) <= FINE
    gate = json.loads((deploys.directory / "gate.json").read_text())
    assert gate["verdict"] in FINE
    assert {endpoint["id"]: endpoint["verdict"] for endpoint in gate["endpoints"]} == verdicts


@pytest.mark.parametrize(
    ("fault", "metric"),
    [
        # So slow that it shows above the noise of a machine that other work has made busy.
        ('{ kind = "slow", inference = 3.0 }', "warm"),
        ('{ kind = "costly", factor = 2.0 }', "cost"),
        ('{ kind = "edge", status = 500, body = "boom" }', None),
    ],
    ids=["slower", "costlier", "failing"],
)
def test_a_worse_deploy_fails_and_names_the_right_endpoint_and_no_other(
    deploys: Deploys, fault: str, metric: str | None
) -> None:
    verdicts = deploys.against_history(f'[faults]\n"/z-image-danrisi" = {fault}')

    assert deploys.result.ret == 1
    assert verdicts["z-image-danrisi"] == "FAIL"
    assert verdicts["z-image-simple"] in FINE
    assert deploys.failed_in_junit() == ["test_endpoint[z-image-danrisi]"]
    (guilty,) = [r for r in deploys.project.report()["results"] if r["id"] == "z-image-danrisi"]
    failing = [check for check in guilty["checks"] if check["verdict"] == "FAIL"]
    assert {check["metric"] for check in failing} >= ({metric} if metric else set())
    assert all(check["again"] for check in failing)
    if metric:
        assert len(guilty["samples"]) == 1 + 5 + 5, "it was measured again before it failed"


def test_another_payload_is_not_compared_and_told(deploys: Deploys) -> None:
    catalogue = deploys.directory / "endpoints.toml"
    catalogue.write_text(
        catalogue.read_text().replace("width = 512", "width = 256").replace("height = 512", "height = 256")
    )
    deploys.against_history()

    notes = [note for result in deploys.project.report()["results"] for note in result["notes"]]
    assert any("payload" in note for note in notes)


def test_the_first_run_ever_has_absolute_budgets_only_and_says_so(project: Project, service: Service) -> None:
    result = gated(project, service, more="budget = { max_warm = 5 }")

    assert result.ret == 0
    result.stdout.fnmatch_lines(["*no baseline: held against absolute budgets only*"])
    result.stdout.fnmatch_lines(["gate: PASS (2 PASS)"])
    assert project.report()["verdict"] == "PASS"
    known = properties(project.pytester.path, "test_endpoint[slow]")
    assert (known["category"], known["app"], known["verdict"]) == ("Category 1", "app0", "PASS")
    assert float(known["warm"]) > 0
    assert "cost" not in known, "it is not known"


def test_an_endpoint_in_quarantine_cannot_fail(project: Project, service: Service) -> None:
    service.answers["/slow"] = (500, b"boom")
    result = gated(project, service, more='quarantine = { reason = "flaky driver", until = "2999-01-01" }')

    result.assert_outcomes(passed=1, xfailed=1)
    assert result.ret == 0
    assert project.report()["verdict"] == "WARN"
    assert {r["path"]: r["verdict"] for r in project.report()["results"]} == {"/ok": "PASS", "/slow": "WARN"}


def test_past_its_last_day_it_fails_whatever_it_does(project: Project, service: Service) -> None:
    result = gated(project, service, more='quarantine = { reason = "flaky driver", until = "2020-01-01" }')

    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*quarantine*2020-01-01*flaky driver*"])


def test_a_skip_fails_under_strict_alone(project: Project, service: Service) -> None:
    project.catalogue(service.url, "/ok", "/pic", payloads={"/pic": '{ image = "{image}" }'})
    project.run("--modal-bench", "--modal-bench-cold=off").assert_outcomes(passed=1, skipped=1)
    assert {r["path"]: r["verdict"] for r in project.report()["results"]}["/pic"] == "SKIP"
    project.run("--modal-bench", "--modal-bench-cold=off", "--modal-bench-strict").assert_outcomes(
        passed=1, failed=1
    )


def test_the_summary_of_a_github_job_is_added_to(
    project: Project, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    summary = project.pytester.path / "summary.md"
    summary.write_text("before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    service.answers["/slow"] = (500, b"| `@team` #1 <script>\n\x1b[31m")
    gated(project, service)
    written = summary.read_text()

    assert written.startswith("before\n")
    assert "FAIL" in written
    assert "<script>" not in written
    assert "\x1b" not in written


def test_a_crashed_worker_is_an_error_of_the_gate(project: Project, service: Service) -> None:
    project.catalogue(service.url, "/ok", "/crash")
    project.pytester.makepyfile(
        """
        import os
        def test_endpoint(endpoint, measure_endpoint):
            if endpoint.path == "/crash":
                os._exit(3)
            measure_endpoint()
        """
    )
    project.run("--modal-bench", "-n", "1")

    assert {r["path"]: r["verdict"] for r in project.report()["results"]} == {
        "/ok": "PASS",
        "/crash": "ERROR",
    }
    assert project.report()["verdict"] == "ERROR"


def test_junit_files_are_what_ci_systems_read(project: Project, service: Service) -> None:
    service.answers["/slow"] = (500, b"| `@team` <b> ]]> \x00\x1b[31m")
    gated(project, service, "--modal-bench-budget=max_warm=0.001:100")
    schema = xmlschema.XMLSchema(Path(__file__).parents[1] / "data" / "junit.xsd")

    schema.validate(project.pytester.path / "junit.xml")
    assert properties(project.pytester.path, "test_endpoint[ok]")["verdict"] == "WARN"
    assert properties(project.pytester.path, "test_endpoint[slow]")["verdict"] == "FAIL"
