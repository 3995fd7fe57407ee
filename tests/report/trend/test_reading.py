from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from report_runs import result, run, sample
from trend_folders import write_history

from pytest_modal_bench.report.json import render
from pytest_modal_bench.report.trend.reading import Folder, read

if TYPE_CHECKING:
    from pathlib import Path


def write(path: Path, day: int, *names: str, **fields: Any) -> None:
    results = [result(name, warm_time_sec=2.0 + day) for name in names]
    path.write_text(render(run(results, timestamp=f"2026-01-{day:02}T00:00:00Z", **fields)))


def folder(path: Path, last: int = 100) -> Folder:
    found = read(path, last)
    assert found is not None
    return found


def days(found: Folder) -> list[str]:
    return [stop.timestamp[8:10] for stop in found.runs]


def test_runs_are_in_the_order_of_their_times_whatever_their_files_are_called(tmp_path: Path) -> None:
    write_history(tmp_path, run([result(warm_time_sec=2.0)]), 12)
    assert days(folder(tmp_path)) == [str(day) for day in range(20, 32)]


def test_files_that_are_no_reports_are_named_and_left_out(tmp_path: Path) -> None:
    write(tmp_path / "a.json", 1, "Flux")
    (tmp_path / "b.json").write_text('{"schema": 1, "timestamp"')
    (tmp_path / "c.json").write_text("[]")
    (tmp_path / "gate.json").write_text("{}")
    found = folder(tmp_path)

    assert len(found.runs) == 1
    assert [note.split(": ")[0] for note in found.notes] == [f"{tmp_path}/b.json", f"{tmp_path}/c.json"]
    assert all(note.isprintable() for note in found.notes)


def test_of_a_thousand_broken_files_fifty_are_named_and_the_others_counted(tmp_path: Path) -> None:
    write(tmp_path / "a.json", 1, "Flux")
    for number in range(1000):
        (tmp_path / f"x{number}.json").write_text("{")
    found = folder(tmp_path)
    assert len(found.notes) == 51
    assert found.notes[-1] == "950 more files that are no reports"


def test_a_folder_without_a_report_is_none(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("{")
    assert read(tmp_path, 10) is None


def test_the_last_runs_are_kept_and_the_older_ones_counted(tmp_path: Path) -> None:
    for day in (3, 1, 4, 2, 5):
        write(tmp_path / f"{9 - day}.json", day, "Flux")
    found = folder(tmp_path, 2)

    assert days(found) == ["04", "05"]
    assert found.notes == ["3 older runs; --last=N shows more than 2"]


def test_runs_of_another_environment_or_simulation_are_left_out_and_counted(tmp_path: Path) -> None:
    write(tmp_path / "a.json", 1, "Flux", environment="staging")
    write(tmp_path / "b.json", 2, "Flux", environment="staging")
    write(tmp_path / "c.json", 3, "Flux", simulated="times")
    write(tmp_path / "d.json", 4, "Flux")
    found = folder(tmp_path)

    assert days(found) == ["04"]
    assert sorted(found.notes) == [
        "1 run with simulated: times",
        "2 runs with another environment: staging",
    ]


def test_jobs_that_share_a_catalogue_are_one_run(tmp_path: Path) -> None:
    write(tmp_path / "a.json", 1, "Flux")
    write(tmp_path / "b.json", 1, "Sdxl")
    found = folder(tmp_path)

    assert [[*stop.points] for stop in found.runs] == [["flux", "sdxl"]]
    assert [endpoint.id for endpoint in found.endpoints] == ["flux", "sdxl"]


def test_endpoints_are_those_of_the_newest_run_in_its_order_then_those_that_are_gone(tmp_path: Path) -> None:
    write(tmp_path / "a.json", 1, "Old", "Flux")
    write(tmp_path / "b.json", 2, "Wan", "Flux")
    assert [endpoint.id for endpoint in folder(tmp_path).endpoints] == ["wan", "flux", "old"]


def test_the_reference_benchmarks_own_reports_are_known_by_their_paths(tmp_path: Path) -> None:
    said = {
        "endpoint": "Flux!",
        "path": "/flux",
        "category": "Flux",
        "status": "success",
        "warm_time_sec": 2.1,
    }
    reference = {"timestamp": "2025-12-31T12:22:58", "workspace": "ryla", "results": [said]}
    (tmp_path / "r.json").write_text(json.dumps(reference))
    alone = folder(tmp_path)
    assert [endpoint.endpoint for endpoint in alone.endpoints] == ["Flux!"]

    write(tmp_path / "a.json", 1, "Flux")
    found = folder(tmp_path)
    (flux,) = found.endpoints
    values = [point.values for stop in found.runs if (point := stop.of(flux))]
    assert values == [{"warm": 2.1}, {"warm": 3.0}]


def test_a_failure_a_skip_and_a_median_beyond_the_deadline_say_why_there_is_no_figure(tmp_path: Path) -> None:
    late = [sample("warm", 60.0, ok=False, cause="timeout") for _ in range(3)]
    results = [
        result("A", status="failed", error="HTTP 500: boom", cause="killed", warm_time_sec=9.0),
        result("B", status="skipped", skipped_reason="Missing: LoRA file"),
        result("C", samples=late),
        result("D", status="not_run"),
    ]
    (tmp_path / "a.json").write_text(render(run(results)))
    points = folder(tmp_path).runs[0].points

    assert [point.gap and point.gap.reason for point in points.values()] == [
        "failed: HTTP 500: boom",
        "skipped: Missing: LoRA file",
        "half of the warm calls or more took over 60.0 s",
        None,
    ]
    assert all(not point.values for point in points.values())
