from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from gated_project import gated

if TYPE_CHECKING:
    from project import Project, Service


def test_only_the_last_runs_count_and_what_was_left_out_is_said_before_the_first_call(
    project: Project, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    gated(project, service)
    report = project.report()
    for day in range(1, 6):
        artifact = project.pytester.path / "history" / f"modal-bench-{day}"
        artifact.mkdir(parents=True)
        text = json.dumps(report | {"timestamp": f"2026-01-0{day}T00:00:00Z"})
        artifact.joinpath("modal-bench.json").write_text(text)
    monkeypatch.setenv("MODAL_BENCH_BASELINE", "history")
    monkeypatch.setenv("MODAL_BENCH_BASELINE_LAST", "2")
    result = gated(project, service)

    said = result.stdout.str()
    (line,) = [each for each in said.splitlines() if each.startswith("modal-bench: left out:")]
    assert line == "modal-bench: left out: 3 older runs, by --modal-bench-baseline-last=2"
    assert said.index("too little to compare ok, slow with: fewer than 5 earlier runs") < said.index(
        "modal-bench: Ok"
    )
    assert {check["runs"] for each in project.report()["results"] for check in each["checks"]} == {2}

    monkeypatch.delenv("MODAL_BENCH_BASELINE_LAST")
    gated(project, service)
    assert {check["runs"] for each in project.report()["results"] for check in each["checks"]} == {5}


def test_a_number_that_is_none_is_one_line(project: Project, service: Service) -> None:
    project.catalogue(service.url, "/ok")

    assert project.usage_error("--modal-bench", "--modal-bench-baseline-last=0") == (
        "--modal-bench-baseline-last: expected a whole number from 1 on, got '0'"
    )
