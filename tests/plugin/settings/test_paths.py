from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from resolved_settings import NOWHERE, error, settings

if TYPE_CHECKING:
    from project import Project


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("x.xml", "x.xml: a report's name ends in .md, .json, .html, .comment.md or .benchmark.json"),
        ("report", "report: a report's name ends in .md, .json, .html, .comment.md or .benchmark.json"),
        ("folder.md", "folder.md: is a directory, name a file in it"),
    ],
)
def test_a_bad_name_of_a_report_names_its_source(
    one: Project, monkeypatch: pytest.MonkeyPatch, text: str, problem: str
) -> None:
    one.pytester.mkdir("folder.md")
    assert error(one, f"--modal-bench-report={text}") == f"--modal-bench-report: {problem}"

    monkeypatch.setenv("MODAL_BENCH_REPORT", text)
    assert error(one) == f"MODAL_BENCH_REPORT: {problem}"

    monkeypatch.delenv("MODAL_BENCH_REPORT")
    one.pytester.makeini(f"[pytest]\nmodal_bench_report = {text}\n")
    assert error(one).startswith("tox.ini: modal_bench_report: ")


def test_reports_lie_in_the_root_directory_unless_named(
    one: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = one.pytester.path
    below = one.pytester.mkdir("below")
    one.catalogue(NOWHERE, "/ok", name="below/endpoints.toml")
    monkeypatch.chdir(below)
    usual = tuple(root / f"modal-bench-report.{suffix}" for suffix in ("md", "json", "html"))
    assert settings(one).reports == usual

    one.pytester.makeini("[pytest]\nmodal_bench_report = out/a.md out/b.json\n")
    assert settings(one).reports == (root / "out" / "a.md", root / "out" / "b.json")

    monkeypatch.setenv("MODAL_BENCH_REPORT", "c.md d.json")
    assert settings(one).reports == (below / "c.md", below / "d.json")

    option = "--modal-bench-report"
    absolute = root / "f.json"
    assert settings(
        one, f"{option}=with space.md", f"{option}={absolute}", f"{option}=with space.md"
    ).reports == (
        below / "with space.md",
        absolute,
    )
