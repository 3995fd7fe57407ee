from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from project import Project, Service


@pytest.fixture
def nested(project: Project, service: Service) -> Project:
    """A project with a directory that has a configuration file of its own."""
    project.catalogue(service.url, "/ok")
    history = project.pytester.mkdir("history")
    (history / "pytest.ini").write_text("[pytest]\n")
    return project


@pytest.mark.parametrize("option", ["baseline", "save-outputs", "workspace", "environment", "scenario"])
@pytest.mark.parametrize("workers", [[], ["-n", "2"]])
def test_a_value_that_would_move_the_root_directory_is_refused(
    nested: Project, service: Service, option: str, workers: list[str]
) -> None:
    name = f"--modal-bench-{option}"

    assert nested.usage_error("--modal-bench", name, "history", *workers) == (
        f"{name} history: pytest takes a value that stands apart for a test path, and moves its root directory: "
        f"write {name}=history"
    )
    assert service.calls == []


def test_it_is_refused_also_where_the_file_that_is_not_read_would_turn_the_benchmark_on(
    nested: Project, service: Service
) -> None:
    nested.pytester.makeini("[pytest]\naddopts = -W error\nmodal_bench = true\n")

    assert "write --modal-bench-baseline=history" in nested.usage_error("--modal-bench-baseline", "history")
    assert service.calls == []


def test_it_is_refused_in_what_is_always_added_to_the_command_line(
    nested: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTEST_ADDOPTS", "--modal-bench-baseline history")

    assert "write --modal-bench-baseline=history" in nested.usage_error("--modal-bench")


@pytest.mark.parametrize(
    "arguments",
    [
        ["--modal-bench-baseline=history"],
        ["--modal-bench-save-outputs", "plain"],
        ["--modal-bench-save-outputs", "none"],
        ["--modal-bench-save-outputs", "history", "--rootdir=.", "-c", "tox.ini"],
    ],
)
def test_a_value_that_moves_nothing_is_as_good_apart(nested: Project, arguments: list[str]) -> None:
    nested.pytester.mkdir("plain")

    nested.run("--modal-bench", *arguments).assert_outcomes(passed=1)
    assert nested.statuses() == {"/ok": "success"}


def test_a_test_path_after_a_switch_is_a_test_path(nested: Project, service: Service) -> None:
    nested.catalogue(service.url, "/ok-below", name="history/endpoints.toml")

    nested.run("--modal-bench", "--modal-bench-quick", "history").assert_outcomes(passed=1)
    assert nested.report("history/modal-bench-report.json")["results"][0]["path"] == "/ok-below"
