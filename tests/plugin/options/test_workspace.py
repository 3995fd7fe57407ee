from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from project import Project, Service


def test_its_name_fills_the_catalogues_urls_and_the_report(
    project: Project, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.catalogue(f"{service.url}/{{workspace}}", "/ok")

    for args, variable, workspace in (
        ([], None, "acme"),
        ([], "globex", "globex"),
        (["--modal-bench-workspace", "initech", "-n", "1"], "globex", "initech"),
    ):
        if variable:
            monkeypatch.setenv("MODAL_BENCH_WORKSPACE", variable)
        service.calls.clear()
        result = project.run("--modal-bench", "--modal-bench-rounds=1", *args)
        result.stdout.fnmatch_lines([f"modal-bench: workspace {workspace}, endpoints.toml"])
        assert set(service.calls) == {f"/{workspace}/ok"}
        assert project.report()["workspace"] == workspace
        assert project.report()["simulated"] is None


def test_a_name_that_can_change_the_url_is_an_error(project: Project) -> None:
    project.catalogue("https://{workspace}.example", "/ok")

    assert project.usage_error("--modal-bench", "--modal-bench-workspace=evil.example/x") == (
        "--modal-bench-workspace: expected a name of letters, digits, '-', '_' and '.', got 'evil.example/x'"
    )


def test_a_url_without_a_workspace_to_fill_in_is_an_error(project: Project) -> None:
    file = project.catalogue("https://{workspace}.example", "/ok")
    file.write_text(file.read_text().replace('workspace = "acme"', ""))

    assert project.usage_error("--modal-bench") == (
        'endpoints.toml: apps.app0: url: {workspace} has no value; write workspace = "…" at the top of the catalogue, '
        "or give --modal-bench-workspace"
    )


def test_local_serves_no_apps_but_its_own(project: Project) -> None:
    project.catalogue("https://{workspace}.example", "/ok")

    message = project.usage_error("--modal-bench", "--modal-bench-workspace=local")

    assert message.startswith(
        "endpoints.toml: apps.app0: this workspace does not serve it; it serves ryla-flux, "
    )


def test_in_an_empty_folder_the_local_workspace_brings_its_own_catalogue(project: Project) -> None:
    pytest.importorskip("fastapi")
    before = set(project.pytester.path.iterdir())

    result = project.run(
        "--modal-bench",
        "--modal-bench-workspace=local",
        "--modal-bench-time-scale=0.001",
        "--modal-bench-rounds=1",
        "-k",
        "flux-pulid or inpaint",
    )

    result.assert_outcomes(passed=2)
    assert {path.name for path in set(project.pytester.path.iterdir()) - before} >= {
        "modal-bench-report.md",
        "modal-bench-report.json",
    }


def test_test_media_are_made_in_the_folder_and_not_in_the_package(project: Project) -> None:
    pytest.importorskip("fastapi")

    result = project.run(
        "--modal-bench-generate=image", "--modal-bench-workspace=local", "--modal-bench-time-scale=0.001"
    )

    assert result.ret == 0
    assert (project.pytester.path / "fixtures" / "portrait.png").exists()
