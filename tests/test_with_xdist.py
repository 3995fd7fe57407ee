from __future__ import annotations

import json
import os
import signal
import threading
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from waiting import until

if TYPE_CHECKING:
    from conftest import Project, Service

PATHS = ("/ok1", "/ok2", "/fail", "/ok3", "/ok4", "/ok5")

TIMES = {"timestamp", "started_at", "seed", "command", "phases", "held_sec"}
"""What differs from run to run, beside the fields that end in `_time_sec` and `elapsed_sec`."""

FATAL = """
    import os

    def test_endpoint(endpoint, measure_endpoint):
        measure_endpoint()
        if endpoint.path == "/ok2":
            os._exit(3)
"""


def timeless(value: Any) -> Any:
    """`value` with every time in it reduced to whether it is known."""
    if isinstance(value, list):
        return [timeless(each) for each in value]
    if isinstance(value, dict):
        return {
            name: each is not None if name in TIMES or name.endswith(("_time_sec", "elapsed_sec")) else timeless(each)
            for name, each in value.items()
        }
    return value


def starts(report: dict[str, Any]) -> dict[str, list[str]]:
    """Starts of each path's samples."""
    return {result["path"]: [sample["start"] for sample in result["samples"]] for result in report["results"]}


def benchmarks(project: Project, name: str) -> list[dict[str, Any]]:
    """What pytest-benchmark's file says of each record, its times left out."""
    written = json.loads((project.pytester.path / name).read_text())
    return [
        {key: timeless(value) for key, value in record.items() if key != "stats"}
        for record in written["benchmarks"]
    ]


@pytest.fixture
def alone(project: Project, service: Service) -> dict[str, Any]:
    """The JSON report of a run in one process."""
    project.catalogue(service.url, *PATHS, apps=3)
    result = project.run("--modal-bench", "--benchmark-json=alone.json")
    result.assert_outcomes(passed=5, failed=1)
    return project.report()


@pytest.mark.parametrize(
    "options",
    [
        ("-n", "auto"),
        ("-n", "2", "--dist", "load"),
        ("-n", "3", "--dist", "loadscope"),
        ("-n", "1", "--dist", "worksteal"),
        ("-n", "2", "--dist", "each"),
        ("-n", "0"),
    ],
    ids=" ".join,
)
def test_a_run_gives_what_it_gives_in_one_process(
    project: Project, alone: dict[str, Any], options: tuple[str, ...]
) -> None:
    result = project.run("--modal-bench", "--benchmark-json=spread.json", *options)

    result.assert_outcomes(passed=5, failed=1)
    report = project.report()
    assert timeless(report) == timeless(alone)
    assert starts(report) == starts(alone)
    assert benchmarks(project, "spread.json") == benchmarks(project, "alone.json")


def test_auto_is_one_worker_a_pool_and_a_pool_stays_on_its_worker_in_order(
    project: Project, service: Service
) -> None:
    project.catalogue(service.url, *PATHS[:2], *PATHS[3:], apps=3)
    project.pytester.makeconftest(
        """
        def pytest_runtest_logreport(report):
            if report.when == "call":
                with open("order.txt", "a") as file:
                    print(report.worker_id, report.nodeid.partition("[")[2][:-1], file=file)

        def pytest_configure_node(node):
            open("order.txt", "a").close()
        """
    )
    result = project.run("--modal-bench", "-n", "auto")

    result.assert_outcomes(passed=5)
    result.stdout.fnmatch_lines(["created: 3/3 workers"])
    lines = (project.pytester.path / "order.txt").read_text().split()
    ran: dict[str, list[str]] = {}
    for worker, endpoint in zip(lines[::2], lines[1::2], strict=True):
        ran.setdefault(worker, []).append(endpoint)
    assert sorted(ran.values()) == [["ok1", "ok4"], ["ok2", "ok5"], ["ok3"]]


def test_the_calls_of_a_pool_never_overlap(project: Project, service: Service) -> None:
    project.catalogue(service.url, *PATHS, apps=2)
    project.run("--modal-bench", "-n", "4").assert_outcomes(passed=5, failed=1)

    by_pool: dict[str, list[tuple[float, float]]] = {}
    for result in project.report()["results"]:
        for sample in result["samples"]:
            began = _seconds(sample["started_at"])
            by_pool.setdefault(result["pool"], []).append((began, began + sample["elapsed_sec"]))
    assert len(by_pool) == 2
    for calls in by_pool.values():
        calls.sort()
        # Starts are written in whole milliseconds.
        assert all(ended <= began + 0.002 for (_, ended), (began, _) in zip(calls, calls[1:], strict=False))


def _seconds(moment: str) -> float:
    from datetime import datetime

    return datetime.fromisoformat(moment).timestamp()
