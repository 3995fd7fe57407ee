"""Where the endpoint tests come from: a catalogue alone, in every way to name it, and what is wrong with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from project import Project, Service

NOWHERE = "http://127.0.0.1:9"


def ids(result: pytest.RunResult) -> list[str]:
    return [line for line in result.outlines if "::" in line]


@pytest.mark.parametrize(
    ("args", "prefix"),
    [
        ([], "below/endpoints.toml"),
        (["below"], "below/endpoints.toml"),
        (["below/endpoints.toml"], "below/endpoints.toml"),
        (["-n", "2"], "below/endpoints.toml"),
        (["--modal-bench-catalogue", "elsewhere/mine.toml"], "elsewhere/mine.toml"),
        (["elsewhere/mine.toml"], "elsewhere/mine.toml"),
    ],
)
def test_a_catalogue_alone_is_collected(project: Project, args: list[str], prefix: str) -> None:
    for name in ("below/endpoints.toml", "elsewhere/mine.toml"):
        project.catalogue(NOWHERE, "/a", "/b/c", name=name)

    result = project.run("--modal-bench", "--collect-only", "-q", *args)

    assert result.ret == 0
    assert ids(result) == [f"{prefix}::test_endpoint[{name}]" for name in ("a", "b-c")]
    assert not list(project.pytester.path.glob("modal-bench-report*"))


def test_one_endpoint_of_a_catalogue_runs_by_its_id(project: Project, service: Service) -> None:
    project.catalogue(service.url, "/ok-a", "/ok-b")

    result = project.run("--modal-bench", "endpoints.toml::test_endpoint[ok-b]")

    result.assert_outcomes(passed=1)
    assert set(service.calls) == {"/ok-b"}


def test_a_catalogue_alone_is_measured_the_same_by_workers(project: Project, service: Service) -> None:
    project.catalogue(service.url, "/ok-a", "/fail-b", apps=2)

    for args in ([], ["-n", "2"]):
        result = project.run("--modal-bench", *args)
        assert result.ret == 1
        result.assert_outcomes(passed=1, failed=1)
        assert project.statuses() == {"/ok-a": "success", "/fail-b": "failed"}


def test_beside_a_test_of_ones_own_the_catalogue_brings_none(project: Project) -> None:
    project.catalogue(NOWHERE, "/a", name="below/endpoints.toml")
    (project.pytester.path / "below" / "test_mine.py").write_text(
        "def test_mine(endpoint): ...\ndef test_other(): ...\n"
    )

    result = project.run("--modal-bench", "--collect-only", "-q")

    assert ids(result) == ["below/test_mine.py::test_mine[a]"]
    result.stdout.fnmatch_lines(["1/2 tests collected (1 deselected)*"])


def test_a_module_that_cannot_be_imported_is_an_error_of_collection(
    project: Project, service: Service
) -> None:
    project.catalogue(service.url, "/ok")
    project.pytester.makepyfile(test_broken="import nothing_of_this_name")

    result = project.run("--modal-bench")

    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.assert_outcomes(errors=1)
    assert not service.calls


def test_several_catalogues_are_an_error(project: Project) -> None:
    for name in ("a/endpoints.toml", "b/endpoints.toml"):
        project.catalogue(NOWHERE, "/ok", name=name)

    assert project.usage_error("--modal-bench") == (
        "several catalogues: a/endpoints.toml, b/endpoints.toml; choose one with --modal-bench-catalogue=FILE"
    )


def test_a_catalogue_outside_the_project_is_none_of_its(project: Project, service: Service) -> None:
    project.catalogue(service.url, "/ok")
    inner = project.pytester.mkdir("inner")
    (inner / "pytest.ini").write_text("[pytest]\n")
    (inner / "test_it.py").write_text("def test_endpoint(endpoint): ...")

    assert "no catalogue" in project.usage_error("--modal-bench", f"--rootdir={inner}", str(inner))


def test_no_catalogue_is_an_error(project: Project) -> None:
    project.pytester.makepyfile("def test_endpoint(endpoint): ...")

    assert "write an endpoints.toml" in project.usage_error("--modal-bench")


APP = '[apps.shop]\nurl = "https://shop.example"\n'
BUY = '[[endpoints]]\npath = "/buy"\napp = "shop"\ncategory = "Shop"\n'

ERRORS = {
    "not TOML": (
        "a b",
        "endpoints.toml: not TOML: Expected '=' after a key in a key/value pair (at line 1, column 3)",
    ),
    "unknown field": (
        f"{APP}{BUY}tmeout = 3",
        "endpoints.toml: /buy: tmeout: unknown field; did you mean timeout?",
    ),
    "missing field": (
        f'{APP}[[endpoints]]\npath = "/buy"\napp = "shop"',
        "endpoints.toml: /buy: category: missing field",
    ),
    "wrong type": (
        f"{APP}{BUY}timeout = 'x'",
        "endpoints.toml: /buy: timeout: expected a number, got a string",
    ),
    "unknown app": (BUY, "endpoints.toml: /buy: app: unknown app; known: none"),
    "duplicate": (
        f"{APP}{BUY}{BUY}",
        (
            "endpoints.toml: /buy: path: POST of app shop is here twice, as endpoints[0] and endpoints[1]; "
            "take one out, or give each a name of its own"
        ),
    ),
    "unknown placeholder": (
        f"{APP}{BUY}payload = '{{imgae}}'",
        "endpoints.toml: /buy: payload: unknown placeholder {imgae}; did you mean image?",
    ),
    "empty": ("", "endpoints.toml: endpoints: there are none; add [[endpoints]] with path, app and category"),
    "secret": (
        f"{APP}{BUY}headers.A = '{{env:NOWHERE}}'",
        "endpoints.toml: /buy: headers.A: the environment variable NOWHERE is not set; set it to the secret",
    ),
}


@pytest.mark.parametrize(("content", "message"), ERRORS.values(), ids=ERRORS.keys())
def test_what_is_wrong_with_a_catalogue_is_one_line(project: Project, content: str, message: str) -> None:
    (project.pytester.path / "endpoints.toml").write_text(content)

    assert project.usage_error("--modal-bench") == message


@pytest.mark.parametrize("workers", ["2", "auto"])
def test_what_is_wrong_with_a_catalogue_is_one_line_with_workers_too(project: Project, workers: str) -> None:
    content, message = ERRORS["wrong type"]
    (project.pytester.path / "endpoints.toml").write_text(content)

    assert project.usage_error("--modal-bench", "-n", workers) == message


def test_a_catalogue_that_is_not_there_is_named(project: Project) -> None:
    assert project.usage_error("--modal-bench", "--modal-bench-catalogue=nowhere.toml") == (
        "nowhere.toml: no such file"
    )
