from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from project import Project, Service

SURPLUS_SEC = 0.005
"""What pytest-benchmark's time of a call has beyond ours of the same call: what surrounds it, and not its parts.
On a busy machine a process may have to wait between the two clocks; the least of several shows what is always there.
"""

spread = pytest.mark.parametrize("spread", [(), ("-n", "2")], ids=["alone", "spread"])


def records(file: Path) -> dict[str, dict[str, Any]]:
    """pytest-benchmark's records by name, without the test's: `ok1:cold`."""
    written = json.loads(file.read_text())
    return {
        record["name"].removeprefix("test_endpoint[").replace("]", ""): record
        for record in written["benchmarks"]
    }


def saved(project: Project) -> Path:
    """The one file that `--benchmark-autosave` wrote."""
    (file,) = project.pytester.path.glob(".benchmarks/*/*.json")
    return file


@spread
def test_records_are_in_tables_and_files_and_failures_are_in_neither(
    project: Project, service: Service, spread: tuple[str, ...]
) -> None:
    project.catalogue(service.url, "/ok1", "/fail", "/ok2", apps=2)
    saving = ("--benchmark-json=b.json", "--benchmark-autosave", "--benchmark-verbose")
    result = project.run("--modal-bench", *saving, *spread)

    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(
        [
            "*benchmark 'Category 0': 3 tests*",
            "Name (time in ms)*",
            "test_endpoint[[]ok?[]]:warm *",
        ]
    )
    result.stdout.no_fnmatch_line("test_endpoint[[]fail[]]:*")

    written = records(project.pytester.path / "b.json")
    assert list(written) == ["ok1:cold", "ok1:warm", "ok2:warm"]
    samples = {each["id"]: each["samples"] for each in project.report()["results"]}
    surplus: list[float] = []
    for name, record in written.items():
        endpoint, start = name.split(":")
        ours = [each["elapsed_sec"] for each in samples[endpoint] if each["start"] == start]
        around = [theirs - own for theirs, own in zip(record["stats"]["data"], ours, strict=True)]
        assert min(around) >= 0
        surplus += around
        assert record["stats"]["rounds"] == len(ours)
        assert record["stats"]["iterations"] == 1
        assert record["group"] == "Category 0"
        assert record["params"] == {"endpoint": endpoint}
        info = record["extra_info"]
        assert (info["endpoint"], info["path"], info["start"]) == (endpoint, f"/{endpoint}", start)
        assert [each for each in info["samples"] if each["start"] == start] == [
            each for each in samples[endpoint] if each["start"] == start
        ]
    assert min(surplus) < SURPLUS_SEC
    kept = records(saved(project))
    assert {name: each["stats"]["median"] for name, each in kept.items()} == {
        name: each["stats"]["median"] for name, each in written.items()
    }

    compared = subprocess.run(
        [
            sys.executable,
            "-W",
            "error",
            "-m",
            "pytest_benchmark",
            "compare",
            "b.json",
            "--columns=median,rounds",
        ],
        cwd=project.pytester.path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "test_endpoint[ok1]:cold" in compared.stdout + compared.stderr


def test_tables_that_nobody_asked_for_hold_only_benchmarks_of_ones_own(
    project: Project, service: Service
) -> None:
    project.catalogue(service.url, "/ok1")
    project.pytester.makepyfile(
        test_own="""
        def test_endpoint(endpoint_result):
            pass

        def test_own(endpoint, benchmark):
            benchmark(len, endpoint.path)
        """
    )
    result = project.run("--modal-bench", "--benchmark-json=b.json")

    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["*benchmark: 1 tests*", "test_own[[]ok1[]] *"])
    result.stdout.no_fnmatch_line("*:warm*")
    assert list(records(project.pytester.path / "b.json")) == ["test_own[ok1", "ok1:cold", "ok1:warm"]

    project.pytester.path.joinpath("test_own.py").unlink()
    result = project.run("--modal-bench", "--benchmark-json=b.json")
    result.stdout.no_fnmatch_line("*benchmark*tests*")
    assert list(records(project.pytester.path / "b.json")) == ["ok1:cold", "ok1:warm"]


@spread
def test_a_run_is_compared_with_one_that_was_saved(
    project: Project, service: Service, spread: tuple[str, ...]
) -> None:
    project.catalogue(service.url, "/ok1", "/ok2", apps=2)
    project.run("--modal-bench", "--benchmark-autosave", *spread).assert_outcomes(passed=2)

    compare = ("--modal-bench", "--benchmark-compare", *spread)
    same = project.run(*compare, "--benchmark-compare-fail=median:100000%")
    assert same.ret == 0
    same.stdout.fnmatch_lines(["*test_endpoint[[]ok1[]]:warm (0001_*"])

    file = saved(project)
    before = json.loads(file.read_text())
    for record in before["benchmarks"]:
        for name in ("min", "max", "mean", "median"):
            record["stats"][name] /= 1000
    file.write_text(json.dumps(before))
    (project.pytester.path / "modal-bench-report.json").unlink()
    slower = project.run(*compare, "--benchmark-compare-fail=median:50%")
    assert slower.ret != 0
    assert "Performance has regressed" in slower.stdout.str() + slower.stderr.str()
    assert project.statuses() == {"/ok1": "success", "/ok2": "success"}
    assert project.report()["finished"]


@spread
def test_only_benchmarks_are_wanted_and_that_is_what_endpoints_are(
    project: Project, service: Service, spread: tuple[str, ...]
) -> None:
    project.catalogue(service.url, "/ok1", "/ok2")
    result = project.run(
        "--modal-bench",
        "--benchmark-only",
        "--benchmark-group-by=param:endpoint",
        "--benchmark-columns=median,rounds",
        "--benchmark-cprofile=cumtime",
        *spread,
    )

    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["*benchmark 'endpoint=ok1': 2 tests*", "Name (time in ms)*Median*Rounds*"])
    result.stdout.no_fnmatch_line("Name (*OPS*")
    assert sorted(service.calls) == ["/ok1"] * 4 + ["/ok2"] * 4, "profiling makes no call of its own"


@spread
def test_without_records_times_are_still_measured(
    project: Project, service: Service, spread: tuple[str, ...]
) -> None:
    project.catalogue(service.url, "/ok1", "/ok2")
    result = project.run("--modal-bench", "--benchmark-disable", *spread)

    result.assert_outcomes(passed=2)
    result.stdout.no_fnmatch_line("Name (time in*")
    for each in project.report()["results"]:
        assert len(each["samples"]) == 4
        assert each["warm_time_sec"] > 0.01


@spread
def test_benchmarks_are_not_wanted(project: Project, service: Service, spread: tuple[str, ...]) -> None:
    project.catalogue(service.url, "/ok1", "/ok2")
    result = project.run("--modal-bench", "--benchmark-skip", *spread)

    result.assert_outcomes(skipped=2)
    assert result.ret == 1
    result.stdout.fnmatch_lines(["nothing was measured: *"])
    assert service.calls == []
