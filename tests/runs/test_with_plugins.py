from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

import pytest
from measure_server import Received, Server, answer, answering

if TYPE_CHECKING:
    from project import Project, Service


def seeds(service: Service) -> list[int]:
    return [body["seed"] for body in service.bodies]


def starts(project: Project, path: str) -> list[str]:
    """Starts of an endpoint's samples."""
    (result,) = [each for each in project.report()["results"] if each["path"] == path]
    return [sample["start"] for sample in result["samples"]]


@pytest.mark.parametrize(
    "without",
    [("xdist",), ("timeout",), ("benchmark",), ("cacheprovider",), ("xdist", "timeout", "benchmark")],
    ids=",".join,
)
def test_it_needs_no_other_plugin(project: Project, service: Service, without: tuple[str, ...]) -> None:
    project.catalogue(service.url, "/ok1", "/fail", "/ok2")
    result = project.run("--modal-bench", "--strict-markers", "-s", *(f"-pno:{plugin}" for plugin in without))

    result.assert_outcomes(passed=2, failed=1)
    assert starts(project, "/ok1") == ["cold", "warm", "warm", "warm"]
    assert starts(project, "/ok2") == ["first", "warm", "warm", "warm"]
    for each in project.report()["results"]:
        assert (each["warm_time_sec"] is not None) == (each["path"] != "/fail")
    table = (project.pytester.path / "modal-bench-report.md").read_text()
    assert "| `/ok1`" in table


def test_without_pytest_benchmark_workers_measure_all_the_same(project: Project, service: Service) -> None:
    project.catalogue(service.url, "/ok1", "/ok2", apps=2)
    project.run("--modal-bench", "-n", "auto", "-pno:benchmark", "-pno:timeout").assert_outcomes(passed=2)

    assert starts(project, "/ok1") == starts(project, "/ok2") == ["cold", "warm", "warm", "warm"]


def test_collecting_calls_nothing_and_writes_no_report(project: Project, service: Service) -> None:
    project.catalogue(service.url, "/ok1", "/ok2")
    result = project.run("--modal-bench", "--co", "-q")

    result.stdout.fnmatch_lines(
        ["endpoints.toml::test_endpoint[[]ok1[]]", "endpoints.toml::test_endpoint[[]ok2[]]"]
    )
    assert service.calls == []
    assert not list(project.pytester.path.glob("modal-bench-report.*"))


def test_the_first_failure_ends_it_if_asked_to(project: Project, service: Service) -> None:
    project.catalogue(service.url, "/ok1", "/fail", "/ok2")
    project.run("--modal-bench", "-x").assert_outcomes(passed=1, failed=1)

    assert project.statuses() == {"/ok1": "success", "/fail": "failed", "/ok2": "not_run"}
    assert not project.report()["finished"]


def test_failures_are_run_again_alone_or_with_the_rest_in_its_order(
    project: Project, service: Service
) -> None:
    project.catalogue(service.url, "/ok1", "/ok2", "/fail", "/ok3")
    project.run("--modal-bench").assert_outcomes(passed=3, failed=1)

    service.calls.clear()
    project.run("--modal-bench", "--ff").assert_outcomes(passed=3, failed=1)
    assert list(dict.fromkeys(service.calls)) == ["/ok1", "/ok2", "/fail", "/ok3"], (
        "the same one is cold as before"
    )

    service.calls.clear()
    project.run("--modal-bench", "--lf").assert_outcomes(failed=1)
    assert service.calls == ["/fail"]
    assert project.statuses() == {"/fail": "failed"}


def test_junit_sees_every_endpoint(project: Project, service: Service) -> None:
    project.catalogue(service.url, "/ok1", "/fail", "/ok2", more='[resources]\nvideo = "clip.mp4"\n')
    result = project.run("--modal-bench", "--junitxml=junit.xml")

    result.assert_outcomes(passed=2, failed=1)
    suite = ET.parse(project.pytester.path / "junit.xml").getroot()[0]  # noqa: S314 - pytest wrote it
    cases = {case.get("name"): [child.tag for child in case if child.tag != "properties"] for case in suite}
    assert cases == {"test_endpoint[ok1]": [], "test_endpoint[fail]": ["failure"], "test_endpoint[ok2]": []}
    (failure,) = suite.iter("failure")
    assert "HTTP 500: boom" in str(failure.get("message"))


@pytest.mark.usefixtures("all_plugins")
def test_random_order_changes_nothing_and_equal_seeds_send_no_equal_requests(
    project: Project, service: Service
) -> None:
    pytest.importorskip("pytest_randomly")
    project.catalogue(service.url, "/ok1", "/ok2", "/ok3", "/ok4", apps=2)
    for seed in ("1", "1", "2"):
        service.calls.clear()
        project.run("--modal-bench", f"--randomly-seed={seed}").assert_outcomes(passed=4)
        assert list(dict.fromkeys(service.calls)) == ["/ok1", "/ok3", "/ok2", "/ok4"]
    assert len(set(seeds(service))) == len(seeds(service)) == 3 * 4 * 4


@pytest.mark.usefixtures("all_plugins")
@pytest.mark.parametrize("spread", [(), ("-n", "1")], ids=["alone", "spread"])
def test_a_rerun_replaces_what_failed_and_is_never_cold(project: Project, spread: tuple[str, ...]) -> None:
    pytest.importorskip("pytest_rerunfailures")
    calls: list[str] = []

    def respond(received: Received) -> bytes:
        calls.append(received.path)
        if received.path == "/flaky" and calls.count("/flaky") == 1:
            return answer(b"not yet", status="500 Internal Server Error")
        return answer(b"fine")

    with Server(answering(respond)) as server:
        project.catalogue(server.url, "/flaky", "/steady")
        result = project.run("--modal-bench", "--reruns", "1", "--benchmark-json=b.json", *spread)

    assert result.parseoutcomes() == {"passed": 2, "rerun": 1}
    assert result.ret == 0
    assert project.statuses() == {"/flaky": "success", "/steady": "success"}
    assert starts(project, "/flaky") == ["first", "warm", "warm", "warm"]
    written = (project.pytester.path / "b.json").read_text()
    assert written.count('"name": "test_endpoint[flaky]:warm"') == 1
    assert ":cold" not in written


LIMITS = {
    "option": ("--timeout=0.6", "", ""),
    "ini": ("", "timeout = 0.6", ""),
    "marker": ("", "", "@pytest.mark.timeout(0.6)"),
}


@pytest.mark.parametrize("limit", LIMITS)
def test_a_limit_that_the_user_set_is_respected(project: Project, service: Service, limit: str) -> None:
    option, ini, marker = LIMITS[limit]
    project.catalogue(service.url, "/hang", "/ok1")
    project.pytester.makeini(f"[pytest]\naddopts = -W error {option}\n{ini}\n")
    project.pytester.makepyfile(
        f"""
        import pytest

        {marker}
        def test_endpoint(endpoint, measure_endpoint):
            measure_endpoint()
        """
    )
    result = project.run("--modal-bench")

    result.assert_outcomes(passed=1, failed=1)
    (hung, _) = project.report()["results"]
    assert "Timeout (>0.6s)" in hung["error"]


def test_where_the_user_set_none_there_is_one_beyond_the_deadlines_of_the_calls(
    project: Project, service: Service
) -> None:
    project.catalogue(service.url, "/ok1")
    project.pytester.makeconftest(
        """
        def pytest_collection_finish(session):
            for item in session.items:
                print("limits", [marker.args for marker in item.iter_markers("timeout")])
        """
    )
    planned = {(): 4 * 10, ("--modal-bench-rounds=50", "--modal-bench-timeout=2"): 51 * 2}
    for options, deadlines_sec in planned.items():
        result = project.run("--modal-bench", "-s", *options)
        (limit,) = re.findall(r"limits \[\(([\d.]+),\)\]", result.stdout.str())
        assert float(limit) > deadlines_sec
    result = project.run("--modal-bench", "-s", "--timeout=30")
    result.stdout.fnmatch_lines(["*limits [[][]]*"])
