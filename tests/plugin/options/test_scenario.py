from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from project import SHIPPED_CATALOGUE

if TYPE_CHECKING:
    from project import Project

LOCAL = ("--modal-bench", "--modal-bench-workspace=local", "--modal-bench-rounds=1")


@pytest.fixture
def local(project: Project) -> Project:
    """A project with the catalogue that the local workspace serves."""
    pytest.importorskip("fastapi")
    shutil.copy(SHIPPED_CATALOGUE, project.pytester.path)
    return project


def test_the_default_is_healthy_and_another_can_be_chosen(
    local: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = local.run(*LOCAL, "-k", "wan2.6 and not lora and not r2v")
    assert result.ret == 0
    assert local.statuses() == {"/wan2.6": "success"}
    assert local.report()["workspace"] == "local"

    monkeypatch.setenv("MODAL_BENCH_SCENARIO", "reference")
    result = local.run(*LOCAL, "-k", "wan2.6 and not lora", "-n", "2")
    assert result.ret == 1
    assert local.statuses() == {"/wan2.6": "failed", "/wan2.6-r2v": "skipped"}
    assert [each["error"] or each["skipped_reason"] for each in local.report()["results"]] == [
        "HTTP 408: Missing request, possibly due to expiry or cancellation",
        "Missing: test video",
    ]


def test_an_unknown_one_is_an_error_that_names_the_known(local: Project) -> None:
    expected = (
        "no scenario 'healthi': there are edge-answers, healthy, instrumented, reference, "
        "or give a path that ends in .toml"
    )

    assert local.usage_error(*LOCAL, "--modal-bench-scenario=healthi", "-n", "2") == expected


def test_a_file_that_is_no_scenario_is_an_error(local: Project) -> None:
    (local.pytester.path / "mine.toml").write_text("a b")

    message = local.usage_error(*LOCAL, "--modal-bench-scenario=mine.toml")

    assert "mine.toml" in message
