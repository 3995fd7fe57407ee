from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from pytest_modal_bench.cli import main

if TYPE_CHECKING:
    from pathlib import Path

    from project import Project, Service

ASKED = ("--modal-bench", "--modal-bench-rounds=1")


@pytest.fixture
def priced(project: Project, service: Service) -> Project:
    """A project whose one pool has a GPU with a price, and a scaledown window."""
    file = project.catalogue(service.url, "/ok")
    claims = '[apps.app0]\ngpu = "L40S"\nscaledown_window = 300'
    file.write_text(file.read_text().replace("[apps.app0]", claims))
    return project


def with_a_slow_cold_start(report: Path) -> None:
    """Make the cold start of a report one that noise does not explain: a server on loopback has none."""
    run = json.loads(report.read_text())
    (result,) = run["results"]
    for sample in result["samples"]:
        sample["elapsed_sec"] = 44.4 if sample["start"] == "cold" else 2.1
    result |= {"cold_time_sec": 44.4, "warm_time_sec": 2.1}
    report.write_text(json.dumps(run))


def rendered(project: Project, command: str) -> str:
    """Return the markdown that the command line makes of the project's JSON report."""
    directory = project.pytester.path
    report = directory / "modal-bench-report.json"
    with_a_slow_cold_start(report)
    assert main([command, str(report), "--report", str(directory / "again.md")]) == 0
    return (directory / "again.md").read_text()


@pytest.mark.parametrize("command", ["report", "merge"])
def test_the_report_says_what_a_warm_pool_costs_at_that_rate(priced: Project, command: str) -> None:
    priced.run(*ASKED, "--modal-bench-traffic=20")
    assert priced.report()["traffic_per_hour"] == 20

    markdown = rendered(priced, command)
    assert "**Keep one container of app0 warm** at 20.0 calls an hour - saves 3." in markdown
    assert "<summary>What a warm pool costs</summary>" in markdown
    # 86,400 s of an L40S at 0.000542 USD.
    assert "| 46.83" in markdown


def test_without_it_the_report_names_the_rate_that_breaks_even(priced: Project) -> None:
    priced.run(*ASKED)
    assert priced.report()["traffic_per_hour"] is None

    markdown = rendered(priced, "report")
    assert "calls an hour on - saves " in markdown
    assert "Break-Even (Calls/h)" in markdown


def test_where_no_price_is_known_nothing_is_said(project: Project, service: Service) -> None:
    project.catalogue(service.url, "/ok")
    project.run(*ASKED, "--modal-bench-traffic=20")

    markdown = rendered(project, "report")
    assert "**Keep a container of Ok warm**" in markdown
    assert "What a warm pool costs" not in markdown
    assert "USD" not in markdown


@pytest.mark.parametrize("value", ["0", "-3", "many", "nan"])
def test_what_is_no_rate_is_refused(project: Project, service: Service, value: str) -> None:
    project.catalogue(service.url, "/ok")

    said = project.usage_error(*ASKED, f"--modal-bench-traffic={value}")
    assert said == f"--modal-bench-traffic: expected a number above 0, got {value!r}"
    assert service.calls == []
