from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from report_runs import ANY_TEXT, HOSTILE, reference_run, result, run

from pytest_modal_bench.model import Check, Quarantine
from pytest_modal_bench.report.gate_json import render


def read(*results: Any, **fields: Any) -> Any:
    return json.loads(render(run(results, **fields)))


def test_it_says_what_a_script_asks() -> None:
    slow = Check(
        metric="warm", against="budget", verdict="FAIL", message="warm 3.0s above 2.0s", value=3.0, limit=2.0
    )
    fine = Check(metric="cold", against="budget", verdict="PASS", message="cold 9.0s within 20s")
    text = render(
        run(
            [result("Flux", verdict="FAIL", checks=[slow, fine]), result("Wan2", "Video", verdict="PASS")],
            verdict="FAIL",
            strict=True,
            environment="staging",
        )
    )
    assert text.endswith("}\n")
    assert text.startswith('{\n  "schema": 1,\n  "verdict": "FAIL",\n')
    said = json.loads(text)
    assert said["endpoints"][0]["checks"][0]["limit"] == 2.0
    del said["endpoints"][0]["checks"]
    assert said == {
        "schema": 1,
        "verdict": "FAIL",
        "strict": True,
        "finished": True,
        "timestamp": "2026-02-02T12:22:58Z",
        "workspace": "ryla",
        "environment": "staging",
        "against": None,
        "counts": {"PASS": 1, "WARN": 0, "FAIL": 1, "INCONCLUSIVE": 0, "SKIP": 0, "ERROR": 0},
        "endpoints": [
            {
                "id": "flux",
                "path": "/flux",
                "case": None,
                "category": "Flux",
                "app": "app",
                "verdict": "FAIL",
                "quarantined": False,
                "reasons": ["warm 3.0s above 2.0s"],
                "load": None,
            },
            {
                "id": "wan2",
                "path": "/wan2",
                "case": None,
                "category": "Video",
                "app": "app",
                "verdict": "PASS",
                "quarantined": False,
                "reasons": [],
                "checks": [],
                "load": None,
            },
        ],
    }


def test_errors_and_skips_are_reasons_each_once() -> None:
    same = Check(metric="success", against="budget", verdict="FAIL", message="HTTP 500")
    failed = result("A", status="failed", verdict="FAIL", checks=[same], error="HTTP 500")
    skipped = result("B", status="skipped", verdict="SKIP", skipped_reason="Missing: LoRA file")
    endpoints = read(failed, skipped)["endpoints"]
    assert [endpoint["reasons"] for endpoint in endpoints] == [["HTTP 500"], ["Missing: LoRA file"]]


def test_a_gate_that_was_not_asked_says_nothing() -> None:
    said = json.loads(render(reference_run()))
    assert said["verdict"] is None
    assert {endpoint["verdict"] for endpoint in said["endpoints"]} == {None}
    assert sum(said["counts"].values()) == 0


def test_quarantine_holds_on_its_last_day_and_not_after_it() -> None:
    def quarantined(until: str) -> Any:
        excused = result(verdict="FAIL", quarantine=Quarantine(reason="flaky", until=until))
        return read(excused)["endpoints"][0]["quarantined"]

    assert quarantined("2026-02-02") is True
    assert quarantined("2026-02-01") is False


@given(ANY_TEXT)
def test_hostile_text_stays_text_of_one_line(raw: str) -> None:
    check = Check(metric="warm", against="budget", verdict="FAIL", message=raw)
    bad = result(raw, id=raw, path=raw, app=raw, verdict="FAIL", status="failed", error=raw, checks=[check])
    said = read(bad, workspace=raw, environment=raw)
    assert all("\n" not in reason for reason in said["endpoints"][0]["reasons"])


def test_ten_megabytes_make_a_small_file() -> None:
    assert len(render(run([result(status="failed", verdict="FAIL", error=HOSTILE[-1])]))) < 4_000


def test_a_case_and_what_was_checked_of_its_stream_are_there() -> None:
    slow = Check(
        metric="tokens_per_sec", against="budget", verdict="FAIL", message="tokens/s 9 < 40", value=9.0
    )
    (said,) = read(result("Chat", case="long", verdict="FAIL", checks=[slow]))["endpoints"]

    assert said["case"] == "long"
    assert [(each["metric"], each["value"]) for each in said["checks"]] == [("tokens_per_sec", 9.0)]
