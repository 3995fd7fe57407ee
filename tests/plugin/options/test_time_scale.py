from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from project import SHIPPED_CATALOGUE

if TYPE_CHECKING:
    from project import Project, Service


def test_it_scales_the_local_workspaces_times_and_the_report_says_so(project: Project) -> None:
    pytest.importorskip("fastapi")
    shutil.copy(SHIPPED_CATALOGUE, project.pytester.path)
    times = {}
    for scale in ("0.001", "0.1"):
        result = project.run(
            "--modal-bench",
            "--modal-bench-workspace=local",
            f"--modal-bench-time-scale={scale}",
            "--modal-bench-rounds=5",
            "-k",
            "z-image-simple",
        )
        result.assert_outcomes(passed=1, deselected=20)
        report = project.report()
        assert report["simulated"] in result.stdout.str().replace("\n", " ")
        samples = report["results"][0]["samples"]
        times[scale] = min(sample["elapsed_sec"] for sample in samples if sample["start"] == "warm")
        assert report["results"][0]["timeout_sec"] == max(600 * float(scale), 5)

    # The reference's warm call took 2.2 s; a busy machine adds to it, and nothing takes away. Five calls, of which the
    # quickest counts, are not all held up.
    assert times["0.1"] > 0.2
    assert times["0.001"] < 0.2


def test_it_does_not_scale_what_is_real(project: Project, service: Service) -> None:
    project.catalogue(service.url, "/ok")

    project.run("--modal-bench", "--modal-bench-time-scale=0.001").assert_outcomes(passed=1)

    assert project.report()["results"][0]["timeout_sec"] == 10


def test_a_bad_number_is_an_error(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project.catalogue("http://127.0.0.1:9", "/ok")

    assert project.usage_error("--modal-bench", "--modal-bench-time-scale=0") == (
        "--modal-bench-time-scale: expected a number above 0, got '0'"
    )
    monkeypatch.setenv("MODAL_BENCH_TIME_SCALE", "fast")
    assert (
        project.usage_error("--modal-bench")
        == "MODAL_BENCH_TIME_SCALE: expected a number above 0, got 'fast'"
    )
