from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from project import Project, Service


def test_formats_follow_the_suffix_and_directories_are_made(project: Project, service: Service) -> None:
    project.catalogue(service.url, "/ok")

    result = project.run(
        "--modal-bench", "--modal-bench-report=out/deep/a.md", "--modal-bench-report", "b.json"
    )

    assert result.ret == 0
    result.stdout.fnmatch_lines(["report: out/deep/a.md", "report: b.json"])
    assert (
        (project.pytester.path / "out/deep/a.md")
        .read_text()
        .startswith("# Modal Endpoint Benchmark Report\n")
    )
    assert project.report("b.json")["summary"]["successful"] == 1
    written = {path.name for path in project.pytester.path.rglob("*") if path.suffix in {".md", ".json"}}
    assert written - {"README.md"} == {"a.md", "b.json", "gate.json"}, "something else was written"


def test_by_default_they_lie_in_the_root_directory(
    project: Project, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.catalogue(service.url, "/ok", name="below/endpoints.toml")
    monkeypatch.chdir(project.pytester.path / "below")

    project.run("--modal-bench").assert_outcomes(passed=1)

    assert {path.name for path in project.pytester.path.glob("modal-bench-report*")} == {
        "modal-bench-report.md",
        "modal-bench-report.json",
        "modal-bench-report.html",
    }


def test_a_page_without_its_extra_is_refused_before_the_first_call_and_left_out_by_default(
    project: Project, service: Service
) -> None:
    project.catalogue(service.url, "/ok")
    project.pytester.makeconftest("import sys; sys.modules['jinja2'] = None")

    assert project.usage_error("--modal-bench", "--modal-bench-report=page.html") == (
        "--modal-bench-report: page.html: an HTML report needs the extra `html`:"
        " pip install 'pytest-modal-bench[html]'"
    )
    assert service.calls == []

    project.run("--modal-bench").assert_outcomes(passed=1)
    assert not list(project.pytester.path.glob("*.html"))


def test_variable_and_ini_key_name_several(
    project: Project, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.catalogue(service.url, "/ok")
    project.pytester.makeini("[pytest]\naddopts = -W error\nmodal_bench_report = ini.md ini.json\n")
    project.run("--modal-bench").stdout.fnmatch_lines(["report: ini.md", "report: ini.json"])

    monkeypatch.setenv("MODAL_BENCH_REPORT", "variable.json")
    project.run("--modal-bench").stdout.fnmatch_lines(["report: variable.json"])
    assert project.report("variable.json") != project.report("ini.json")


def test_a_suffix_without_a_format_is_an_error(project: Project) -> None:
    project.catalogue("http://127.0.0.1:9", "/ok")

    assert project.usage_error("--modal-bench", "--modal-bench-report=report.docx") == (
        "--modal-bench-report: report.docx: a report's name ends in .md, .json, .html, .comment.md or .benchmark.json"
    )


@pytest.mark.parametrize("workers", [[], ["-n", "1"]])
@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("in-the-way/report.md", "can't be written: Not a directory"),
        ("in-the-way/deep/report.md", "can't be written: Not a directory"),
        (f"{'x' * 300}.md", "can't be written: File name too long"),
        ("/proc/report.md", "can't be written: "),
        ("pipe.md", "can't be written: is a pipe, not a regular file"),
    ],
)
def test_a_place_that_nothing_can_be_written_to_is_found_before_the_first_call(
    project: Project, service: Service, name: str, problem: str, workers: list[str]
) -> None:
    project.catalogue(service.url, "/ok")
    (project.pytester.path / "in-the-way").write_text("a file")
    os.mkfifo(project.pytester.path / "pipe.md")

    said = project.usage_error("--modal-bench", f"--modal-bench-report={name}", *workers)

    assert said.startswith("report ")
    assert problem in said
    assert said.endswith("; name another with --modal-bench-report=PATH")
    assert service.calls == []
    left = [*project.pytester.path.rglob(".modal-bench*"), *project.pytester.path.rglob("gate.json")]
    assert left == [], "something was left behind"


@pytest.mark.parametrize("workers", [[], ["-n", "1"]])
def test_a_report_that_cannot_be_written_in_the_end_costs_no_other(
    project: Project, service: Service, workers: list[str]
) -> None:
    project.catalogue(service.url, "/ok")
    project.pytester.makepyfile(
        """
        from pathlib import Path
        def test_mine(endpoint, endpoint_result):
            Path("first.md").mkdir()
        """
    )
    reports = [f"--modal-bench-report={name}" for name in ("first.md", "second.json", "third.comment.md")]

    result = project.run("--modal-bench", *reports, *workers)

    root = project.pytester.path
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(
        [
            f"report not written: {root}/first.md: Is a directory",
            "report: second.json",
            "report: third.comment.md",
        ]
    )
    assert "Traceback" not in result.stdout.str() + result.stderr.str()
    assert project.report("second.json")["summary"]["successful"] == 1
    assert (root / "third.comment.md").exists()
    assert (root / "gate.json").exists()


@pytest.mark.parametrize("kind", ["pipe", "directory", "/dev/full"])
def test_a_job_summary_that_is_no_file_is_told_and_nobody_waits_for_it(
    project: Project, service: Service, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    project.catalogue(service.url, "/ok")
    place = project.pytester.path / "summary"
    if kind == "pipe":
        os.mkfifo(place)
    elif kind == "directory":
        place.mkdir()
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", kind if kind.startswith("/") else str(place))

    result = project.run("--modal-bench", timeout=30)

    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["job summary not written: *"])
    assert "Traceback" not in result.stdout.str() + result.stderr.str()
