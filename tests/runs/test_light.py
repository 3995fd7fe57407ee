"""What a run imports, sends and writes: guards of its weight that need no clock."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from project import Project, Service

CONFTEST = """
    import json, pathlib, sys

    def pytest_runtest_logfinish():
        sizes = [path.stat().st_size for path in pathlib.Path().glob("modal-bench-report.*.journal")]
        pathlib.Path("journal.json").write_text(json.dumps(sizes))

    def pytest_unconfigure():
        pathlib.Path("imported.json").write_text(json.dumps(sorted(sys.modules)))
"""
EXTRAS = {"av", "fastapi", "gevent", "jsonschema", "locust", "modal", "rich", "tomlkit", "uvicorn"}
"""What only those need who ask for it."""
OURS = "pytest_modal_bench"
MEASURING = {"requests", "urllib3", "PIL", "jinja2", f"{OURS}.run.measurer", f"{OURS}.gate.comparison"}
MEASURING |= {f"{OURS}.call.client", f"{OURS}.protocol.measurement", f"{OURS}.answers.inspector"}
MEASURING |= {f"{OURS}.report.markdown", f"{OURS}.report.comment", f"{OURS}.report.html.page"}

LARGEST = {"modal-bench-report.json": 12_000, "modal-bench-report.md": 1000, "modal-bench-report.html": 5000}
"""Bytes that an endpoint of four calls may add to each report."""
LARGEST_IN_JOURNAL = 9000


def imported(project: Project) -> set[str]:
    return set(json.loads((project.pytester.path / "imported.json").read_text()))


def test_listing_tests_imports_nothing_that_measures_or_reports(project: Project, service: Service) -> None:
    project.pytester.makeconftest(CONFTEST)
    project.catalogue(service.url, "/ok")

    assert project.run("--modal-bench", "--collect-only", "-p", "no:benchmark", fresh=True).ret == 0

    assert imported(project) & (MEASURING | EXTRAS) == set()


def test_a_run_imports_no_extra_that_nobody_asked_for(project: Project, service: Service) -> None:
    project.pytester.makeconftest(CONFTEST)
    project.catalogue(service.url, "/ok")

    assert project.run("--modal-bench", fresh=True).ret == 0

    assert imported(project) & EXTRAS == set()
    assert imported(project) >= MEASURING - {"PIL", f"{OURS}.report.comment"}, "the names are right"


@pytest.mark.parametrize("spread", [(), ("-n", "2")], ids=["alone", "spread"])
def test_an_endpoint_gets_its_calls_and_an_app_one_question(
    project: Project, service: Service, spread: tuple[str, ...]
) -> None:
    project.catalogue(service.url, "/ok1", "/ok2", "/ok3")
    service.answers["/openapi.json"] = (404, b"")  # so that it is counted

    assert project.run("--modal-bench", "--modal-bench-rounds=3", *spread).ret == 0

    assert sorted(service.calls) == sorted(["/ok1", "/ok2", "/ok3"] * 4 + ["/openapi.json"])


def test_what_an_endpoint_adds_to_journal_and_reports_is_bounded(project: Project, service: Service) -> None:
    project.pytester.makeconftest(CONFTEST)
    written: dict[int, dict[str, int]] = {}
    for count in (5, 25):
        project.catalogue(service.url, *(f"/ok{number}" for number in range(count)))
        assert project.run("--modal-bench").ret == 0
        written[count] = {name: (project.pytester.path / name).stat().st_size for name in LARGEST}
        (written[count]["journal"],) = json.loads((project.pytester.path / "journal.json").read_text())

    each = {name: (written[25][name] - written[5][name]) / 20 for name in written[5]}
    assert all(
        0 < each[name] <= most for name, most in (LARGEST | {"journal": LARGEST_IN_JOURNAL}).items()
    ), each
