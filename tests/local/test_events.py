from __future__ import annotations

import json
from typing import TYPE_CHECKING

from pytest_modal_bench.local.events import ContainerEvent, EndedCall, LogEntry, log_to

if TYPE_CHECKING:
    from pathlib import Path

EVENT = ContainerEvent(1.5, "ryla-flux", "ta-01", "started", 10.0)


def test_events_are_appended_as_lines_of_json_at_once(tmp_path: Path) -> None:
    file = tmp_path / "events"
    file.write_text("before\n")
    passed_on: list[LogEntry] = []
    with log_to(file, passed_on.append) as log:
        log(EVENT)
        _, line = file.read_text().splitlines()
    assert json.loads(line) == {
        "at": 1.5,
        "app": "ryla-flux",
        "container": "ta-01",
        "what": "started",
        "moment": 10.0,
    }
    assert passed_on == [EVENT]


def test_without_a_file_they_are_only_passed_on() -> None:
    passed_on: list[LogEntry] = []
    with log_to(None, passed_on.append) as log:
        log(EVENT)
    assert passed_on == [EVENT]


def test_a_call_that_is_over_is_logged_with_its_times_and_cost(tmp_path: Path) -> None:
    file = tmp_path / "events"
    call = EndedCall(
        2.5,
        "ryla-flux",
        "ta-01",
        "/flux",
        "fc-01",
        200,
        received=7.0,
        began=9.0,
        ended=11.1,
        number=1,
        startup_sec=1.9,
        gpu_seconds=2.1,
        cost_usd=0.001138,
    )
    with log_to(file, lambda _: None) as log:
        log(call)
    assert json.loads(file.read_text()) == {
        "at": 2.5,
        "app": "ryla-flux",
        "container": "ta-01",
        "what": "answered",
        "path": "/flux",
        "call": "fc-01",
        "status": 200,
        "received": 7.0,
        "began": 9.0,
        "ended": 11.1,
        "number": 1,
        "startup_sec": 1.9,
        "gpu_seconds": 2.1,
        "cost_usd": 0.001138,
    }
