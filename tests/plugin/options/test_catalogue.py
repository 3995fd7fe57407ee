from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from project import Project, Service


def test_the_named_catalogue_is_measured_whatever_else_lies_about(
    project: Project, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b"):
        project.catalogue(service.url, "/fail", name=f"{name}/endpoints.toml")
    for name in ("option", "variable", "ini"):
        project.catalogue(service.url, f"/ok-{name}", name=f"conf/{name}.toml")
    project.pytester.makeini("[pytest]\naddopts = -W error\nmodal_bench_catalogue = conf/ini.toml\n")

    project.run("--modal-bench").assert_outcomes(passed=1)
    assert project.statuses() == {"/ok-ini": "success"}

    monkeypatch.setenv("MODAL_BENCH_CATALOGUE", "conf/variable.toml")
    project.run("--modal-bench", "a").assert_outcomes(passed=1)
    assert project.statuses() == {"/ok-variable": "success"}

    result = project.run("--modal-bench", "--modal-bench-catalogue", "conf/option.toml", "-n", "2")
    result.assert_outcomes(passed=1)
    assert project.statuses() == {"/ok-option": "success"}


def test_tests_of_ones_own_get_the_named_catalogues_endpoints(project: Project, service: Service) -> None:
    project.catalogue(service.url, "/ok-a", "/ok-b", name="conf/mine.toml")
    project.pytester.makepyfile(
        "def test_mine(endpoint, endpoint_result): assert endpoint_result.path == endpoint.path"
    )

    result = project.run("--modal-bench", "--modal-bench-catalogue=conf/mine.toml", "-v")

    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["*.py::test_mine?ok-a? PASSED*", "*.py::test_mine?ok-b? PASSED*"])


def test_the_local_workspace_has_catalogues_of_its_own_by_name(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("fastapi")
    local = ("--modal-bench", "--modal-bench-workspace=local", "--modal-bench-rounds=1")

    result = project.run(*local, "--modal-bench-catalogue=shapes", "-k", "embed or models")
    result.assert_outcomes(passed=2, deselected=24)
    assert project.report()["simulated"].startswith("texts and sounds, the pace of their tokens, ")

    monkeypatch.setenv("MODAL_BENCH_CATALOGUE", "endpoints")
    project.run(*local, "-k", "z-image-simple").assert_outcomes(passed=1, deselected=20)
    assert project.report()["simulated"].startswith("model load and inference times, ")


def test_a_file_is_preferred_to_a_catalogue_of_that_name_and_elsewhere_there_is_none(
    project: Project, service: Service
) -> None:
    assert project.usage_error("--modal-bench", "--modal-bench-catalogue=shapes") == (
        "the catalogue shapes is the local workspace's own; add --modal-bench-workspace=local"
    )
    project.catalogue(service.url, "/ok", name="shapes")
    project.run("--modal-bench", "--modal-bench-catalogue=shapes").assert_outcomes(passed=1)
    message = project.usage_error(
        "--modal-bench", "--modal-bench-workspace=local", "--modal-bench-catalogue=shapes"
    )
    assert message.startswith("shapes: apps.app0: this workspace does not serve it; ")


def test_a_catalogue_of_ones_own_is_served_by_the_workspace_that_has_its_apps(project: Project) -> None:
    pytest.importorskip("fastapi")
    project.pytester.path.joinpath("endpoints.toml").write_text(
        '[apps.embed]\nurl = "https://embed.example"\n'
        '[[endpoints]]\npath = "/"\napp = "embed"\ncategory = "Mine"\npayload = { input = "a lake" }\n'
    )

    result = project.run("--modal-bench", "--modal-bench-workspace=local")

    result.assert_outcomes(passed=1)


def test_one_that_cannot_be_read_is_an_error(project: Project) -> None:
    project.pytester.mkdir("folder")

    assert project.usage_error("--modal-bench", "--modal-bench-catalogue=nowhere/x.toml") == (
        "nowhere/x.toml: no such file"
    )
    assert project.usage_error("--modal-bench", "--modal-bench-catalogue=folder") == (
        "folder: is a directory; name the catalogue's file in it"
    )


@pytest.mark.parametrize("workers", [[], ["-n", "2"]])
@pytest.mark.parametrize(
    "how", ["--modal-bench-catalogue=below/../endpoints.toml", "below/../endpoints.toml"]
)
def test_a_path_with_two_dots_is_the_file_that_it_leads_to(
    project: Project, service: Service, how: str, workers: list[str]
) -> None:
    project.catalogue(service.url, "/ok")
    project.pytester.mkdir("below")

    result = project.run("--modal-bench", how, "-v", *workers)

    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*endpoints.toml::test_endpoint?ok? *"])
    assert ".." not in result.stdout.str().partition("collected")[2].partition("=")[0]


@pytest.mark.parametrize("workers", [[], ["-n", "2"]])
@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("/dev/zero", "it is a device, not a regular file"),
        ("pipe", "it is a pipe, not a regular file"),
        ("socket", "it is a socket, not a regular file"),
        ("large", "it is too large: at most 16 MiB"),
        ("x" * 300, "File name too long"),
    ],
)
def test_what_is_no_file_of_a_sensible_size_is_one_line(
    project: Project, name: str, problem: str, workers: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project.pytester.path)
    os.mkfifo("pipe")
    with (project.pytester.path / "large").open("wb") as file:
        file.truncate(10 * 2**30)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")
        said = project.usage_error("--modal-bench", f"--modal-bench-catalogue={name}", *workers)

    assert said.endswith(f": can't be read: {problem}")
