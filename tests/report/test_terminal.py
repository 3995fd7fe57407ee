from __future__ import annotations

import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_runs import HOSTILE, reference_run, result, run, sample, streamed

from pytest_modal_bench.model import Check, EndpointResult
from pytest_modal_bench.report.escape import width
from pytest_modal_bench.report.terminal import failures, lines, remarks, shortened, table, why_nothing


def test_counts_come_first() -> None:
    done = run([result(), result("B", status="failed", error="Timeout"), result("C", status="skipped")])

    assert list(lines(done)) == ["3 endpoints: 1 successful, 1 failed, 1 skipped"]


def test_the_gates_word_and_what_it_rests_on() -> None:
    warned = Check(metric="warm", against="budget", verdict="WARN", message="warm 4.5 s > 4 s")
    told = Check(metric="cost", against="budget", verdict="FAIL", message="its test says it")
    judged = run(
        [result(verdict="WARN", checks=[warned]), result("B", verdict="FAIL", checks=[told])],
        verdict="FAIL",
        notes=["no baseline: held against absolute budgets only"],
    )

    assert list(lines(judged))[1:] == ["gate: FAIL (1 WARN, 1 FAIL)"]
    assert list(remarks(judged)) == [
        "WARN /flux: warm 4.5 s > 4 s",
        "no baseline: held against absolute budgets only",
    ]


def test_what_could_not_be_measured_is_said() -> None:
    woken = run(
        [result(cold_inconclusive="the pool had 1 container before its first call", samples=[sample()])]
    )

    assert "/flux: cold inconclusive: the pool had 1 container before its first call" in remarks(woken)


def test_why_nothing_was_measured_is_each_reason_once() -> None:
    nothing = run(
        [
            result(status="skipped", skipped_reason="Missing: LoRA file"),
            result("B", status="skipped", skipped_reason="Missing: LoRA file"),
            result("C", status="not_run"),
        ]
    )

    assert why_nothing(nothing) == "Missing: LoRA file (2); not run (1)"
    assert why_nothing(run()) == ""


def measured(name: str, warm: float, cold: float | None = None, **fields: Any) -> EndpointResult:
    samples = [sample("warm", warm) for _ in range(3)]
    if cold is not None:
        samples.insert(0, sample("cold", cold, proof="no container before"))
    given = {
        "warm_time_sec": warm,
        "cold_time_sec": cold,
        "cold_verified": cold is not None,
        "samples": samples,
    }
    return result(name, **(given | fields))


def shown(results: list[EndpointResult], columns: int = 80) -> list[str]:
    return [row.text for row in table(run(results), columns)]


def test_what_failed_comes_first_and_then_the_slowest() -> None:
    results = [
        measured("Quick", 0.1, 0.2),
        result("Left Out", status="skipped"),
        measured("Slow When Cold", 2.0, 44.4),
        result("Broken", status="failed"),
        measured("Slow", 29.7),
        result("Never Begun", status="not_run"),
        result("Kept From It", status="not_run", skipped_reason="the spending limit is reached"),
        measured("Slower Than It May Be", 4.5, verdict="FAIL"),
        measured("A Bit Slow", 0.5, verdict="WARN"),
    ]

    head, *rows = shown(results)
    assert head.split("  ")[0] == "Verdict"
    assert [row[9:30].rstrip() for row in rows] == [
        "Slower Than It May Be",
        "Broken",
        "A Bit Slow",
        "Slow When Cold",
        "Slow",
        "Quick",
        "Left Out",
        "Kept From It",
    ]


def test_figures_are_in_seconds_and_dollars_with_what_makes_them_doubtful_below() -> None:
    failed = sample("warm", 600.0, ok=False, cause="timeout")
    results = [
        measured(
            "Stream", 2.14, 44.4, ttft_sec=0.25, cost_usd=0.0012, cost_basis="estimated", cold_verified=False
        ),
        measured("Partly", 3.0, samples=[sample("warm", 3.0), sample("warm", 3.0), failed]),
        measured("Late", 3.0, warm_time_sec=None, samples=[failed, failed]),
    ]
    cold, _, *warm = results[0].samples
    results[0].samples = [cold, sample("warm", 2.14, stream=streamed(0.25)), *warm]

    assert shown(results, 120) == [
        "Verdict  Endpoint  Category  Cold (s)  Warm (s)  TTFT (s)  Cost ($)   Calls",
        "PASS     Stream    Flux         44.4?       2.1      0.25   ~0.0012       4",
        "PASS     Partly    Flux             -      3.0*         -         -  2 of 3",
        "PASS     Late      Flux             -    >600.0         -         -  0 of 2",
        "? cold start that nothing proves, * other calls failed, > half of the calls or more timed out, ~ estimated",
    ]


@pytest.mark.parametrize(
    ("columns", "heads"),
    [
        (200, ["Verdict", "Endpoint", "Category", "Cold (s)", "Warm (s)", "Calls"]),
        (66, ["Verdict", "Endpoint", "Cold (s)", "Warm (s)", "Calls"]),
        (50, ["Verdict", "Endpoint", "Cold (s)", "Warm (s)"]),
        (30, ["Verdict", "Endpoint", "Warm (s)"]),
    ],
)
def test_the_table_fits_into_the_width_there_is(columns: int, heads: list[str]) -> None:
    rows = table(reference_run(), columns)

    assert [head.strip() for head in rows[0].text.split("  ") if head.strip()] == heads
    assert max(width(row.text) for row in rows) <= columns
    assert len(rows) == 22


@given(st.text() | st.sampled_from(HOSTILE[:-1]), st.integers(28, 200))
def test_no_name_breaks_the_table(name: str, columns: int) -> None:
    for row in table(run([result(name, category=name, id="it"), measured("B", 1.0)]), columns):
        assert not any(unicodedata.category(char) in ("Cc", "Cs") for char in row.text)
        assert width(row.text) <= columns


@given(st.text(), st.integers(1, 40))
def test_a_name_is_cut_in_its_middle(name: str, columns: int) -> None:
    cut = shortened(name, columns)
    assert width(cut) <= columns
    assert cut == name or "…" in cut


def test_a_shortened_name_keeps_both_ends() -> None:
    assert shortened("Qwen Image 2512 (large)", 15) == "Qwen Im…(large)"


def test_of_thousands_the_failing_and_the_slowest_are_shown() -> None:
    results = [measured(f"E{number}", number / 100) for number in range(3000)]
    results[5:8] = [result(f"Bad{number}", status="failed", error="Timeout") for number in range(3)]

    rows = shown(results)
    assert [row.split()[1] for row in rows[1:5]] == ["Bad0", "Bad1", "Bad2", "E2999"]
    assert rows[-1] == "… and 2967 more, in the report"
    assert len(rows) == 1 + 3 + 30 + 1


def test_what_failed_is_grouped_by_cause_with_what_to_try() -> None:
    gone: dict[str, Any] = {"status": "failed", "cause": "app_stopped", "remedy": "deploy it: modal deploy"}
    slow = Check(metric="warm", against="budget", verdict="FAIL", message="warm 4.5 s > 4 s")
    results = [
        result("Wrong", status="failed", error="HTTP 500: boom"),
        *(result(f"Gone{number}", error="HTTP 404: it is stopped", **gone) for number in range(7)),
        measured("Slow", 4.5, verdict="FAIL", checks=[slow], reasons=["warm 4.5 s > 4 s"]),
    ]

    assert list(failures(run(results))) == [
        "- Gone0, Gone1, Gone2, Gone3, Gone4 and 2 more: HTTP 404: it is stopped",
        "  to try: deploy it: modal deploy",
        "- Wrong: HTTP 500: boom",
        "- Slow: warm 4.5 s > 4 s",
    ]
