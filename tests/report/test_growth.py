"""How a report's size and the work that it takes grow with the number of endpoints."""

from __future__ import annotations

import sys
import time
import tracemalloc
from typing import TYPE_CHECKING, Any

import pytest
from report_runs import result, run, sample

from pytest_modal_bench.model import Check, Media, Phases, Provider
from pytest_modal_bench.model.packed import packed
from pytest_modal_bench.report import benchmark_json, comment, comparison, gate_json, json, markdown, terminal
from pytest_modal_bench.report.cells import CELL_LIMIT
from pytest_modal_bench.report.html import page

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pytest_modal_bench.model import EndpointResult, Run

FORMATS: dict[str, Callable[[Run], object]] = {
    "markdown": markdown.render,
    "json": json.render,
    "comment": comment.render,
    "html": page.render,
    "benchmark": benchmark_json.render,
    "gate": gate_json.render,
    "comparison": lambda both: comparison.render(both, both),
    "terminal": lambda done: [*terminal.lines(done), terminal.why_nothing(done)],
}

COLUMNS = 13
"""Of the widest table, that of Timing Detail."""


def measured(number: int) -> EndpointResult:
    """Return a result with four samples and all that is known of a usual endpoint; every tenth failed."""
    phases = Phases(connect_sec=0.02, tls_sec=0.03, send_sec=0.001, wait_sec=1.9, download_sec=0.15)
    media = Media(kind="image", format="PNG", width=64, height=64, checked=True, size_bytes=4096, sha256="aa")
    known: dict[str, Any] = {
        "phases": phases,
        "media": media,
        "container": f"ta-{number}",
        "cost_usd": 0.001,
        "cost_basis": "estimated",
        "cost_source": "the client's seconds times the price of an L40S, as of 2026-02-02",
    }
    provider = Provider(queue_sec=1.0, boot_sec=9.0, execution_sec=3.0)
    cold = sample("cold", 20.0, proof=f"no container before, ta-{number} after", provider=provider, **known)
    check = Check(metric="warm", against="budget", verdict="PASS", message="warm 1.0s within 2.0s", value=1.0)
    fields: dict[str, Any] = {
        "status": "success",
        "verdict": "PASS",
        "cold_time_sec": 20.0,
        "warm_time_sec": 1.0,
    }
    if number % 10 == 0:
        why = {"cause": "killed", "meaning": "It was killed.", "remedy": "Give it more memory."}
        fields = {"status": "failed", "verdict": "FAIL", "error": f"HTTP 500: request {number}"} | why
    return result(
        f"Endpoint {number}",
        f"Category {number % 10}",
        pool=f"pool-{number % 50}",
        media=media,
        checks=[check],
        samples=[cold, *[sample("warm", 1.0, **known)] * 3],
        notes=["declared image/png, is image/webp"],
        **fields,
    )


def failing(number: int) -> EndpointResult:
    """Return a result of a 2,000-character error that no other has."""
    error = f"HTTP 500 from endpoint {number}: ".ljust(2000, "x")
    samples = [sample("warm", ok=False, error=error)]
    why = {"cause": "application", "meaning": "It failed.", "remedy": "See its logs."}
    return result(
        f"Endpoint {number}",
        status="failed",
        verdict="FAIL",
        error=error,
        reasons=[error],
        samples=samples,
        **why,
    )


def work(render: Callable[[Run], object], given_run: Run) -> int:
    """Return how many functions are called to render `given_run`."""
    calls = 0

    def count(_frame: object, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        render(given_run)
    finally:
        sys.setprofile(before)
    return calls


def test_a_long_error_of_each_of_many_endpoints_makes_no_wide_table() -> None:
    errors = [failing(number) for number in range(581)]
    report = markdown.render(run(errors))
    rows = [row for row in report.splitlines() if row.startswith("|")]

    assert len(report.encode()) < 3_000_000
    assert max(map(len, rows)) < COLUMNS * (CELL_LIMIT + len("<code></code>") + len(" | "))
    assert all(report.count(f": {each.error}") == 1 for each in errors), "all of it, once"


def test_a_report_of_twice_as_many_endpoints_is_twice_as_long() -> None:
    half, whole = (len(markdown.render(run([failing(each) for each in range(n)]))) for n in (500, 1000))
    assert whole <= 2.2 * half


@pytest.mark.parametrize("name", FORMATS)
def test_twice_as_many_endpoints_take_twice_the_work(name: str) -> None:
    half, whole = (run([measured(number) for number in range(n)]) for n in (100, 200))
    FORMATS[name](whole)  # so that what is remembered between reports is in both counts

    assert work(FORMATS[name], whole) <= 2.2 * work(FORMATS[name], half)


def peak(pieces: Callable[[Run], Iterable[object]], given_run: Run) -> int:
    """Return the most bytes that are in memory beside `given_run` while its report is made in pieces."""
    tracemalloc.start()
    try:
        for _ in pieces(given_run):
            pass
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


LARGEST_PEAK: dict[str, tuple[Callable[[Run], Iterable[object]], int]] = {
    "markdown": (markdown.pieces, 4000),
    "json": (json.pieces, 100),
    "gate": (gate_json.pieces, 100),
    "html": (page.pieces, 2500),
}
"""Bytes of memory that an endpoint may add to the making of a report that is written in pieces."""


@pytest.mark.parametrize("name", LARGEST_PEAK)
def test_a_report_in_pieces_takes_little_memory_for_an_endpoint(name: str) -> None:
    pieces, largest = LARGEST_PEAK[name]
    few, many = (run([packed(measured(number)) for number in range(count)]) for count in (200, 600))
    peak(pieces, many)  # so that what is remembered between reports is in neither

    assert (peak(pieces, many) - peak(pieces, few)) / 400 < largest


def test_ten_thousand_endpoints_are_no_trouble_for_any_format() -> None:
    many = run([measured(number) for number in range(10_000)])
    took = {}
    for name, render in FORMATS.items():
        begun = time.process_time()
        render(many)
        took[name] = time.process_time() - begun

    assert max(took.values()) < 30, took
