from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest
from gated_project import gated

if TYPE_CHECKING:
    from project import Project, Service


def test_a_missing_baseline_is_one_line(project: Project, service: Service) -> None:
    project.catalogue(service.url, "/ok")
    said = project.usage_error("--modal-bench", "--modal-bench-baseline=gone.json")

    assert said.startswith("--modal-bench-baseline: gone.json: no such file")


def test_a_baseline_that_is_none_is_one_line(project: Project, service: Service) -> None:
    project.catalogue(service.url, "/ok")
    project.pytester.path.joinpath("old.json").write_text("{")

    assert "old.json" in project.usage_error("--modal-bench", "--modal-bench-baseline=old.json")


@pytest.mark.parametrize("workers", [[], ["-n", "2"]])
def test_an_empty_directory_is_no_history_yet(project: Project, service: Service, workers: list[str]) -> None:
    project.catalogue(service.url, "/ok")
    project.pytester.mkdir("history")

    result = project.run("--modal-bench", "--modal-bench-baseline=history", *workers)

    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["no history yet: *history holds no report of an earlier run"])


@pytest.mark.parametrize("workers", [[], ["-n", "2"]])
@pytest.mark.parametrize("name", ["/dev/zero", "pipe", "large.json", f"{'x' * 300}.json"])
def test_what_is_no_file_of_a_sensible_size_is_one_line(
    project: Project, service: Service, name: str, workers: list[str]
) -> None:
    project.catalogue(service.url, "/ok")
    os.mkfifo(project.pytester.path / "pipe")
    with (project.pytester.path / "large.json").open("wb") as file:
        file.truncate(10 * 2**30)

    assert project.usage_error("--modal-bench", f"--modal-bench-baseline={name}", *workers)
    assert service.calls == []


def test_with_little_history_the_ratio_is_shown_and_nothing_fails(project: Project, service: Service) -> None:
    gated(project, service)
    shutil.copy(project.pytester.path / "modal-bench-report.json", project.pytester.path / "old.json")
    result = gated(project, service, "--modal-bench-baseline=old.json")

    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(
        ["gate: INCONCLUSIVE (2 INCONCLUSIVE)", "INCONCLUSIVE /ok: *x of 1 earlier run; needs 5 runs, has 1*"]
    )
    strict = gated(
        project, service, "--modal-bench-baseline=old.json", "--modal-bench-strict", "--modal-bench-cold=off"
    )
    strict.assert_outcomes(failed=2)


def test_the_environment_and_the_ini_file_name_it_too(
    project: Project, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    gated(project, service)
    shutil.copy(project.pytester.path / "modal-bench-report.json", project.pytester.path / "old.json")
    monkeypatch.setenv("MODAL_BENCH_BASELINE", "old.json")
    gated(project, service)
    assert project.report()["results"][0]["checks"][0]["against"] == "baseline"

    monkeypatch.delenv("MODAL_BENCH_BASELINE")
    project.pytester.makeini("[pytest]\naddopts = -W error\nmodal_bench_baseline = old.json\n")
    gated(project, service)
    assert project.report()["results"][0]["checks"][0]["against"] == "baseline"


def test_with_nothing_to_compare_with_it_is_said_before_the_first_call_and_at_the_end(
    project: Project, service: Service
) -> None:
    gated(project, service)
    old = project.pytester.path / "old.json"
    old.write_text(project.pytester.path.joinpath("modal-bench-report.json").read_text())
    accepted = 'history = { since = 2099-01-01, reason = "new model" }'
    result = gated(project, service, "--modal-bench-baseline=old.json", "--deselect=x", more=accepted)

    said = result.stdout.str()
    reason = "1 earlier run before 2099-01-01: new model"
    assert f"modal-bench: nothing to compare slow with: {reason}" in said
    slow = project.report()["results"][1]
    assert slow["history"] == {"since": "2099-01-01", "reason": "new model"}
    assert (slow["checks"], f"not compared: {reason}" in slow["notes"]) == ([], True)
    report = project.pytester.path.joinpath("modal-bench-report.md").read_text()
    assert "its history begins on 2099-01-01: new model" in report
    assert report.index("<summary>Verdicts") < report.index(f"not compared: {reason}")

    old.write_text(old.read_text().replace('"workspace": "', '"workspace": "elsewhere-'))
    result = gated(project, service, "--modal-bench-baseline=old.json")
    result.stdout.fnmatch_lines(
        ["modal-bench: nothing to compare with: *old.json holds no run of this workspace*"]
    )
    assert "nothing was compared with earlier runs" in project.report()["notes"]
