"""What the selected endpoints need is looked for before the first call; nothing is asked for the others."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest
from project import ROOT

if TYPE_CHECKING:
    from project import Project, Service

WITH_IMAGE = '{ prompt = "a lake", seed = "{seed}", image = "{image}" }'
WITH_MASK = '{ prompt = "a lake", seed = "{seed}", mask = "{mask}" }'
PLACES = '[resources]\nimage = "media/portrait.png"\nmask = "media/mask.png"'

spread = pytest.mark.parametrize("workers", [[], ["-n", "2"]], ids=["alone", "spread"])


@pytest.fixture
def edits(project: Project, service: Service) -> Project:
    """A project of which one endpoint of three needs an image, and one a mask."""
    payloads = {"/ok-image": WITH_IMAGE, "/ok-mask": WITH_MASK}
    project.catalogue(service.url, "/ok", "/ok-image", "/ok-mask", more=PLACES, payloads=payloads)
    return project


@spread
def test_a_file_that_is_named_and_is_not_there_ends_the_run_before_its_first_call(
    edits: Project, service: Service, workers: list[str]
) -> None:
    said = edits.usage_error("--modal-bench", *workers)

    path = edits.pytester.path / "media" / "portrait.png"
    assert said == (
        f"endpoints.toml: resources: image: {path}: no such file; put a file there, make it with "
        "--modal-bench-generate=image, or take the line out to skip the endpoints that need it"
    )
    assert service.calls == []
    assert not (edits.pytester.path / "modal-bench-report.json").exists()


@pytest.mark.parametrize("kind", ["text", "pipe", "directory", "large"])
@spread
def test_a_file_that_cannot_serve_is_none(
    edits: Project, service: Service, kind: str, workers: list[str]
) -> None:
    path = edits.pytester.mkdir("media") / "mask.png"
    match kind:
        case "text":
            path.write_text("text")
        case "pipe":
            os.mkfifo(path)
        case "directory":
            path.mkdir()
        case _:
            with path.open("wb") as file:
                file.truncate(10 * 2**30)

    said = edits.usage_error("--modal-bench", "-k", "ok-mask", *workers)

    assert said.startswith(f"endpoints.toml: resources: mask: {path}: ")
    assert "--modal-bench-generate" not in said, "no endpoint makes masks"
    assert service.calls == []


@spread
def test_endpoints_that_do_not_need_it_are_measured(edits: Project, workers: list[str]) -> None:
    edits.run("--modal-bench", "-k", "not image and not mask", *workers).assert_outcomes(passed=1)
    assert edits.statuses() == {"/ok": "success"}


def test_with_the_file_it_is_measured(edits: Project) -> None:
    edits.pytester.mkdir("media")
    for name in ("portrait.png", "mask.png"):
        shutil.copy(ROOT / "fixtures" / name, edits.pytester.path / "media" / name)

    edits.run("--modal-bench").assert_outcomes(passed=3)


@spread
def test_what_the_catalogue_names_no_file_for_is_skipped(
    project: Project, service: Service, workers: list[str]
) -> None:
    project.catalogue(service.url, "/ok", "/ok-image", payloads={"/ok-image": WITH_IMAGE})

    project.run("--modal-bench", *workers).assert_outcomes(passed=1, skipped=1)
    assert project.report()["results"][1]["skipped_reason"] == "Missing: test image"


@pytest.fixture
def secret(project: Project, service: Service) -> Project:
    """A project of which one endpoint of two has a header with a variable."""
    file = project.catalogue(service.url, "/ok", "/ok-secret")
    file.write_text(f"{file.read_text()}\nheaders.Authorization = 'Bearer {{env:BENCH_TOKEN}}'\n")
    return project


@pytest.mark.parametrize("value", [None, "", "  "])
@spread
def test_a_variable_that_is_not_set_is_named_with_the_endpoint_that_needs_it(
    secret: Project,
    service: Service,
    monkeypatch: pytest.MonkeyPatch,
    value: str | None,
    workers: list[str],
) -> None:
    if value is not None:
        monkeypatch.setenv("BENCH_TOKEN", value)

    assert secret.usage_error("--modal-bench", *workers) == (
        "endpoints.toml: /ok-secret: headers.Authorization: the environment variable BENCH_TOKEN is not set; "
        "set it to the secret"
    )
    assert service.calls == []


def test_a_variable_of_two_lines_is_refused_without_its_value(
    secret: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BENCH_TOKEN", "sword\nfish")
    said = secret.usage_error("--modal-bench")

    assert said.endswith("the environment variable BENCH_TOKEN holds more than one line of text")
    assert "sword" not in said


@spread
def test_a_variable_of_endpoints_that_are_not_called_is_not_asked_for(
    secret: Project, workers: list[str]
) -> None:
    secret.run("--modal-bench", "-k", "not secret", *workers).assert_outcomes(passed=1)
    secret.run("--modal-bench", "--collect-only").assert_outcomes()


@spread
def test_a_selection_of_nothing_leaves_the_last_report_and_says_what_there_is(
    project: Project, service: Service, workers: list[str]
) -> None:
    project.catalogue(service.url, "/ok-a", "/ok-b")
    project.run("--modal-bench").assert_outcomes(passed=2)
    before = {path: path.read_bytes() for path in project.pytester.path.glob("modal-bench-report*")}

    result = project.run("--modal-bench", "-k", "nothing_like_it", *workers)

    assert result.ret == pytest.ExitCode.NO_TESTS_COLLECTED
    result.stdout.fnmatch_lines(
        [
            "nothing was measured: no endpoint was selected",
            "there are, for -k: category-0, category-1, ok-a, ok-b",
        ]
    )
    assert {path: path.read_bytes() for path in before} == before


@pytest.mark.parametrize("kind", ["missing", "empty", "pipe"])
@spread
def test_certificates_that_cannot_be_read_are_told_where_an_endpoint_needs_them(
    project: Project, monkeypatch: pytest.MonkeyPatch, kind: str, workers: list[str]
) -> None:
    project.catalogue("https://127.0.0.1:9", "/ok")
    bundle = project.pytester.path / "bundle.pem"
    if kind == "empty":
        bundle.touch()
    elif kind == "pipe":
        os.mkfifo(bundle)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))

    assert "REQUESTS_CA_BUNDLE" in project.usage_error("--modal-bench", *workers)


def test_certificates_are_not_asked_for_without_https(
    project: Project, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.catalogue(service.url, "/ok")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(project.pytester.path / "missing"))

    project.run("--modal-bench").assert_outcomes(passed=1)
