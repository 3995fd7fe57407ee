from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from project import Project, Service


def kept(project: Project, name: str = "outputs") -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (project.pytester.path / name).iterdir()}


def test_each_endpoints_last_answer_is_kept(project: Project, service: Service) -> None:
    service.answers["/ok2"] = (200, b'{"url": "x"}')
    project.catalogue(service.url, "/ok1", "/ok2", "/fail", apps=2)
    project.run("--modal-bench", "--modal-bench-rounds=1", "--modal-bench-save-outputs=outputs")

    assert kept(project) == {"ok1.txt": b"fine", "ok2.json": b'{"url": "x"}'}, "an error is no answer"


def test_the_environment_may_name_it_and_workers_hear_it(
    project: Project, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.catalogue(service.url, "/ok1", "/ok2", apps=2)
    monkeypatch.setenv("MODAL_BENCH_SAVE_OUTPUTS", "deep/outputs")
    project.run("--modal-bench", "--modal-bench-quick", "-n2")

    assert kept(project, "deep/outputs") == {"ok1.txt": b"fine", "ok2.txt": b"fine"}


def test_an_answer_that_is_wrong_is_there_to_be_looked_at_and_opens_nothing(
    project: Project, service: Service
) -> None:
    service.answers["/ok"] = (200, b"<html><script>alert(1)</script>")
    project.catalogue(service.url, "/ok")
    result = project.run("--modal-bench", "--modal-bench-quick", "--modal-bench-save-outputs=outputs")

    result.assert_outcomes(failed=1)
    assert list(kept(project)) == ["ok.html.txt"]


def test_without_it_nothing_is_kept(project: Project, service: Service) -> None:
    project.catalogue(service.url, "/ok")
    project.run("--modal-bench", "--modal-bench-quick")

    assert not [path for path in project.pytester.path.rglob("*ok*") if path.is_file()]


def test_a_place_that_cannot_be_written_to_is_said_before_the_first_call(
    project: Project, service: Service
) -> None:
    project.catalogue(service.url, "/ok")
    (project.pytester.path / "file").touch()
    said = project.usage_error("--modal-bench", "--modal-bench-save-outputs=file/outputs")

    assert "file is not a directory; name another with --modal-bench-save-outputs=DIR" in said
    assert service.calls == []


def test_a_file_is_no_directory(project: Project, service: Service) -> None:
    project.catalogue(service.url, "/ok")
    (project.pytester.path / "outputs").touch()

    assert project.usage_error("--modal-bench", "--modal-bench-save-outputs=outputs") == (
        "--modal-bench-save-outputs: outputs: is a file, name a directory"
    )
    assert service.calls == []
