from __future__ import annotations

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


def test_by_default_both_lie_in_the_root_directory(
    project: Project, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.catalogue(service.url, "/ok", name="below/endpoints.toml")
    monkeypatch.chdir(project.pytester.path / "below")

    project.run("--modal-bench").assert_outcomes(passed=1)

    assert {path.name for path in project.pytester.path.glob("modal-bench-report*")} == {
        "modal-bench-report.md",
        "modal-bench-report.json",
    }


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
        "--modal-bench-report: report.docx: a report's name ends in .md, .json, .comment.md or .benchmark.json"
    )


@pytest.mark.parametrize("workers", [[], ["-n", "1"]])
def test_a_report_that_cannot_be_written_fails_the_session(
    project: Project, service: Service, workers: list[str]
) -> None:
    project.catalogue(service.url, "/ok")
    (project.pytester.path / "in-the-way").write_text("a file")

    result = project.run("--modal-bench", "--modal-bench-report=in-the-way/report.md", *workers)

    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["report not written: *in-the-way*: *"])
    assert "Traceback" not in result.stdout.str() + result.stderr.str()
    assert "report: " not in result.stdout.str()
    assert (project.pytester.path / "in-the-way").read_text() == "a file"
