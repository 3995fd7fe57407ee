from __future__ import annotations

import json
from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from project import Project, Service

PATHS = ("/ok1", "/ok2", "/fail", "/ok3", "/ok4", "/ok5")

TIMES = {"timestamp", "started_at", "seed", "command", "phases", "held_sec"}
"""What differs from run to run, beside the fields that end in `_time_sec` and `elapsed_sec`."""

OF_THE_MACHINE = {"client_busy"}
"""What may be known of one run and not of the other."""

SPREADS = ("-n auto", "-n 2 --dist each", "-n 0")

FATAL = """
    import os

    def test_endpoint(endpoint, measure_endpoint):
        if endpoint.path == "/ok2":
            {how}
        measure_endpoint()
"""


def timeless(value: Any) -> Any:
    """`value` with every time in it reduced to whether it is known, and without what the machine was like."""
    if isinstance(value, list):
        return [timeless(each) for each in value]
    if isinstance(value, dict):
        return {
            name: each is not None
            if name in TIMES or name.endswith(("_time_sec", "elapsed_sec"))
            else timeless(each)
            for name, each in value.items()
            if name not in OF_THE_MACHINE
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


def test_a_run_gives_what_it_gives_in_one_process(project: Project, service: Service) -> None:
    project.catalogue(service.url, *PATHS, apps=3)
    project.run("--modal-bench", "--benchmark-json=alone.json").assert_outcomes(passed=5, failed=1)
    alone = project.report()
    for options in SPREADS:
        result = project.run("--modal-bench", "--benchmark-json=spread.json", *options.split())

        assert result.parseoutcomes() == {"passed": 5, "failed": 1}, options
        spread = project.report()
        assert starts(spread) == starts(alone), options
        assert timeless(spread) == timeless(alone), options
        assert benchmarks(project, "spread.json") == benchmarks(project, "alone.json"), options


def test_auto_is_one_worker_a_pool_and_a_pool_stays_on_its_worker_in_order(
    project: Project, service: Service
) -> None:
    project.catalogue(service.url, *PATHS[:2], *PATHS[3:], apps=3)
    project.pytester.makeconftest(
        """
        def pytest_runtest_logreport(report):
            if report.when == "call" and hasattr(report, "node"):  # xdist sets it, in the controller
                with open("order.txt", "a") as file:
                    print(report.node.gateway.id, report.nodeid.partition("[")[2][:-1], file=file)
        """
    )
    result = project.run("--modal-bench", "-n", "auto", "--dist", "loadscope")

    result.assert_outcomes(passed=5)
    result.stdout.fnmatch_lines(["created: 3/3 workers"])
    lines = (project.pytester.path / "order.txt").read_text().split()
    ran: dict[str, list[str]] = {}
    for worker, endpoint in zip(lines[::2], lines[1::2], strict=True):
        ran.setdefault(worker, []).append(endpoint)
    assert sorted(ran.values()) == [["ok1", "ok4"], ["ok2", "ok5"], ["ok3"]]


def test_the_calls_of_a_pool_never_overlap(project: Project, service: Service) -> None:
    project.catalogue(service.url, *PATHS, apps=2)
    project.run("--modal-bench", "-n", "4", "--dist", "worksteal").assert_outcomes(passed=5, failed=1)

    by_pool: dict[str, list[tuple[float, float]]] = {}
    for result in project.report()["results"]:
        for sample in result["samples"]:
            began = _seconds(sample["started_at"])
            by_pool.setdefault(result["pool"], []).append((began, began + sample["elapsed_sec"]))
    assert len(by_pool) == 2
    for calls in by_pool.values():
        calls.sort()
        # Starts are written in whole milliseconds.
        assert all(ended <= began + 0.002 for (_, ended), (began, _) in pairwise(calls))


def _seconds(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()


@pytest.mark.parametrize("how", ["os._exit(3)", "os.kill(os.getpid(), 9)"])
def test_a_crashed_worker_is_a_failed_endpoint_and_the_rest_of_its_pool_is_measured(
    project: Project, service: Service, how: str
) -> None:
    project.catalogue(service.url, "/ok1", "/ok2", "/ok3")
    project.pytester.makepyfile(FATAL.format(how=how))
    result = project.run("--modal-bench", "-n", "1")

    result.assert_outcomes(passed=2, failed=1)
    report = project.report()
    assert report["finished"]
    assert [each["status"] for each in report["results"]] == ["success", "failed", "success"]
    assert "crashed while running" in report["results"][1]["error"]
    assert starts(report)["/ok1"] == ["cold", "warm", "warm", "warm"]
    assert starts(report)["/ok3"] == ["first", "warm", "warm", "warm"], "the pool was called before the crash"


def test_a_worker_that_is_not_replaced_leaves_its_endpoints_not_run(
    project: Project, service: Service
) -> None:
    project.catalogue(service.url, "/ok1", "/ok2", "/ok3")
    project.pytester.makepyfile(FATAL.format(how="os._exit(3)"))
    result = project.run("--modal-bench", "-n", "1", "--max-worker-restart=0")

    assert result.ret != 0
    assert project.statuses() == {"/ok1": "success", "/ok2": "failed", "/ok3": "not_run"}
    assert not project.report()["finished"]


def test_the_first_failure_ends_it_if_asked_to(project: Project, service: Service) -> None:
    project.catalogue(service.url, "/ok1", "/fail", "/ok2", "/ok3")
    result = project.run("--modal-bench", "-n", "1", "-x")

    assert result.ret != 0
    result.stdout.fnmatch_lines(["*stopping after 1 failures*"])
    statuses = project.statuses()
    assert (statuses["/ok1"], statuses["/fail"]) == ("success", "failed")
    assert statuses["/ok3"] == "not_run"
    assert not project.report()["finished"]
