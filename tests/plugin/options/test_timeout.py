from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from project import Project, Service


@pytest.mark.parametrize("workers", [[], ["-n", "2"]])
def test_it_caps_every_deadline(project: Project, service: Service, workers: list[str]) -> None:
    project.catalogue(service.url, "/hang", "/ok")

    result = project.run("--modal-bench", "--modal-bench-timeout=0.4", "--modal-bench-rounds=1", *workers)

    result.assert_outcomes(passed=1, failed=1)
    hung, fine = project.report()["results"]
    assert hung["error"] == "Timeout"
    assert hung["timeout_sec"] == fine["timeout_sec"] == 0.4
    assert hung["samples"][0]["elapsed_sec"] == pytest.approx(0.4, abs=0.25)
    assert fine["status"] == "success"


def test_it_raises_no_deadline(project: Project, service: Service) -> None:
    file = project.catalogue(service.url, "/hang")
    file.write_text(file.read_text().replace("timeout = 10", "timeout = 0.3"))

    project.run("--modal-bench", "--modal-bench-timeout=60").assert_outcomes(failed=1)

    (hung,) = project.report()["results"]
    assert hung["timeout_sec"] == 0.3
    assert hung["samples"][0]["elapsed_sec"] == pytest.approx(0.3, abs=0.25)


def test_a_bad_number_is_an_error(project: Project) -> None:
    project.catalogue("http://127.0.0.1:9", "/ok")

    assert project.usage_error("--modal-bench", "--modal-bench-timeout=soon") == (
        "--modal-bench-timeout: expected a number above 0, got 'soon'"
    )
