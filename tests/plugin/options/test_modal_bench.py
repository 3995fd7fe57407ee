from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from project import Project, Service


@pytest.mark.parametrize("how", ["option", "variable", "ini"])
def test_it_can_be_asked_for_anywhere(
    project: Project, service: Service, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    project.catalogue(service.url, "/ok")
    if how == "variable":
        monkeypatch.setenv("MODAL_BENCH", "true")
    elif how == "ini":
        project.pytester.makeini("[pytest]\naddopts = -W error\nmodal_bench = true\n")

    result = project.run(*(["--modal-bench"] if how == "option" else []))

    assert result.ret == 0
    result.assert_outcomes(passed=1)
    assert service.calls == ["/ok"] * 4, "one cold and three warm calls"


def test_the_environment_turns_off_what_the_ini_file_turns_on(
    project: Project, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.catalogue(service.url, "/ok")
    project.pytester.makeini("[pytest]\nmodal_bench = true\n")
    project.pytester.makepyfile("def test_endpoint(endpoint): ...")
    monkeypatch.setenv("MODAL_BENCH", "off")

    project.run().assert_outcomes(skipped=1)

    assert not service.calls


def test_neither_on_nor_off_is_an_error(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODAL_BENCH", "maybe")

    assert project.usage_error() == "MODAL_BENCH: expected true or false, got 'maybe'"


def test_other_tests_are_deselected(project: Project, service: Service) -> None:
    project.catalogue(service.url, "/ok")
    project.pytester.makepyfile("""
        def test_endpoint(endpoint, measure_endpoint):
            measure_endpoint()

        def test_other():
            raise AssertionError

        def test_that_only_wants_an_image(test_image):
            raise AssertionError
    """)

    result = project.run("--modal-bench", "--strict-markers")

    assert result.ret == 0
    result.assert_outcomes(passed=1, deselected=2)


@pytest.mark.parametrize("workers", [[], ["-n", "2"]])
def test_nothing_measurable_fails_and_says_what_is_missing(
    project: Project, service: Service, workers: list[str]
) -> None:
    project.catalogue(
        service.url,
        "/ok-a",
        "/ok-b",
        payloads={"/ok-a": '{ image = "{image}", video = "{video}" }', "/ok-b": '{ image = "{image}" }'},
    )

    result = project.run("--modal-bench", *workers)

    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.assert_outcomes(skipped=2)
    result.stdout.fnmatch_lines(
        [
            "2 endpoints: 2 skipped",
            "test image: the catalogue names no image under [[]resources]",
            "test video: the catalogue names no video under [[]resources]",
            "nothing was measured: Missing: test image, test video (1); Missing: test image (1)",
            "report: modal-bench-report.md",
            "report: modal-bench-report.json",
        ]
    )
    assert not service.calls
    assert [result["skipped_reason"] for result in project.report()["results"]] == [
        "Missing: test image, test video",
        "Missing: test image",
    ]


def test_a_failure_fails_the_session_and_the_rest_is_measured(project: Project, service: Service) -> None:
    project.catalogue(service.url, "/fail-a", "/ok-b")

    result = project.run("--modal-bench")

    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["/fail-a: HTTP 500: boom", "2 endpoints: 1 successful, 1 failed"])
    assert service.calls == ["/fail-a"] + ["/ok-b"] * 4


def test_looking_runs_and_writes_nothing(project: Project, service: Service) -> None:
    project.catalogue(service.url, "/ok")

    for args in (["--collect-only"], ["--collect-only", "-n", "2"], ["--fixtures"], ["--fixtures-per-test"]):
        result = project.run("--modal-bench", *args)
        assert result.ret == 0
        assert not [line for line in result.errlines if line.strip()]
        assert "nothing was measured" not in result.stdout.str()
    assert not service.calls
    assert not list(project.pytester.path.glob("modal-bench-report*"))
