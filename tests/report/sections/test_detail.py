# ruff: noqa: E501 - tables are wider
from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_runs import HOSTILE, result, sample

from pytest_modal_bench.model import Phases
from pytest_modal_bench.report.escape import text, width
from pytest_modal_bench.report.sections.detail import costs, timing


def test_timing_has_a_row_for_each_start_in_the_order_of_a_container() -> None:
    phases = Phases(connect_sec=0.02, tls_sec=0.03, send_sec=0.001, wait_sec=1.5, download_sec=0.2)
    warm = [sample("warm", float(seconds), phases=phases) for seconds in range(1, 7)]
    samples = [*warm, sample("first", 29.7), sample("cold", 44.4), sample("cold", 600.0, ok=False)]
    _, _, header, delimiter, *rows = timing([result(samples=samples), result("Never called")]).splitlines()
    assert (
        header.replace(" ", "")
        == "|Endpoint|Start|OK|OK95%|Median|95%Interval|Min-Max|Outliers|Connect|TLS|Send|Wait|Download|"
    )
    assert set(delimiter) == {"|", "-", " "}
    assert [" ".join(row.split()) for row in rows] == [
        "| `flux` | cold | 1 of 2 | 9% - 91% | 44.4? | - | 44.4? - 44.4? | - | - | - | - | - | - |",
        "| `flux` | first | 1 of 1 | 21% - 100% | 29.7 | - | 29.7 - 29.7 | - | - | - | - | - | - |",
        "| `flux` | warm | 6 of 6 | 61% - 100% | 3.5 | 1.0 - 6.0 | 1.0 - 6.0 | - | 0.020 | 0.030 | 0.0010 | 1.5 | 0.20 |",
    ]


def test_failures_alone_leave_a_row_without_times() -> None:
    row = timing([result(status="failed", samples=[sample("cold", 9.0, ok=False)])]).splitlines()[-1]
    assert " ".join(row.split()) == (
        "| `flux` | cold | 0 of 1 | 0% - 79% | - | - | - | - | - | - | - | - | - |"
    )


def test_no_call_no_timing() -> None:
    assert timing([result()]) == ""


def test_an_outlier_is_shown_and_counted() -> None:
    samples = [sample(elapsed_sec=seconds) for seconds in (1.0, 1.1, 1.2, 1.3, 9.0)]
    row = timing([result(samples=samples)]).splitlines()[-1].split(" | ")

    assert [row[2].strip(), row[4].strip(), row[6].strip(), row[7].strip()] == [
        "5 of 5",
        "1.2",
        "1.0 - 9.0",
        "9.0",
    ]


def test_a_median_beyond_the_deadline_says_only_that() -> None:
    samples = [sample(elapsed_sec=2.0), sample(elapsed_sec=600.0, ok=False, cause="timeout")] * 2
    row = timing([result(samples=samples)]).splitlines()[-1].split(" | ")

    assert [row[2].strip(), row[4].strip()] == ["2 of 4", "&gt; 600.0"]


def test_dropped_calls_stand_in_no_row() -> None:
    assert timing([result(samples=[sample(dropped="in another container")])]) == ""


def test_costs_say_how_many_calls_they_know_and_what_they_rest_on() -> None:
    header = "the endpoint's own header"
    samples = [
        sample(cost_usd=0.01, cost_basis="measured", cost_source=header),
        sample(cost_usd=0.02, cost_basis="measured", cost_source=header),
        sample(),
    ]
    known = result(
        samples=samples, cost_usd=0.015, cost_basis="measured", cold_cost_usd=0.5, cold_cost_basis="measured"
    )
    unknown = result("Wan2.6", samples=[sample()])

    assert costs([known, unknown, result("Never called")]).splitlines()[2:] == [
        "| Endpoint | Warm ($) | Cold ($) | Idle Tail ($) | All Calls ($) | Calls with Known Cost | Basis                     |",
        "| -------- | -------- | -------- | ------------- | ------------- | --------------------- | ------------------------- |",
        "| `flux`   | 0.0150   | 0.5000   | -             | 0.0300        | 2 of 3                | the endpoint's own header |",
        "| `wan2.6` | -        | -        | -             | -             | 0 of 1                | -                         |",
    ]


def test_estimates_are_marked_and_make_the_sum_one() -> None:
    samples = [
        sample(cost_usd=0.01, cost_basis="measured", cost_source="the endpoint's own header"),
        sample(cost_usd=0.02, cost_basis="estimated", cost_source="the client's seconds"),
    ]
    shown = costs([result(samples=samples, cost_usd=0.01, cost_basis="measured", idle_tail_usd=0.2)])
    row = [cell.strip() for cell in shown.splitlines()[-1].strip("|").split(" | ")]

    assert shown.startswith("US dollars; `~` is an estimate")
    assert row == [
        *("`flux`", "0.0100", "-", "~0.2000", "~0.0300", "2 of 2"),
        "the endpoint's own header; the client's seconds",
    ]


def test_no_known_cost_no_table() -> None:
    assert costs([result(samples=[sample(cost_source="its machine is not known")], idle_tail_usd=0.2)]) == ""


@pytest.mark.parametrize("raw", HOSTILE)
def test_what_a_cost_rests_on_changes_no_table(raw: str) -> None:
    priced = sample(cost_usd=0.01, cost_basis="estimated", cost_source=raw)
    lines = [row for row in costs([result(id=raw, samples=[priced])]).splitlines() if row.startswith("|")]

    assert len(lines) == 3
    assert all(width(row) == width(following) for row, following in pairwise(lines))
    assert {row.count("|") for row in lines} == {8}


def test_a_basis_that_is_cut_stands_below_once_for_all_endpoints() -> None:
    source = "the client's seconds times the price of an L40S, read from `modal billing rates` on 2026-02-02"
    priced = sample(cost_usd=0.01, cost_basis="estimated", cost_source=source)
    shown = costs([result(name, samples=[priced]) for name in ("A", "B")]).splitlines()

    assert all(row.endswith("… |") for row in shown[4:6])
    assert shown[6:] == [
        "",
        "Texts that are cut in the table, in full:",
        "",
        f"- `a`, `b`: {text(source)}",
    ]


def test_more_outliers_than_a_cell_holds_stand_below_the_table() -> None:
    usual, outliers = [1.0] * 4000, [float(seconds) for seconds in range(500, 900)]
    shown = timing([result(samples=[sample(elapsed_sec=each) for each in (*usual, *outliers)])])
    row = shown.splitlines()[4].split(" | ")

    assert row[7].startswith("500.0, 501.0")
    assert row[7].rstrip().endswith("…")
    assert shown.splitlines()[-1] == f"- `flux`: {', '.join(map(str, outliers))}"


@given(st.lists(st.none() | st.floats(0, 10), min_size=1, max_size=6))
def test_no_cost_is_made_up(usd: list[float | None]) -> None:
    samples = [sample(cost_usd=each, cost_basis=None if each is None else "measured") for each in usd]
    shown = costs([result(samples=samples)])
    known = sum(each is not None for each in usd)

    assert (shown == "") == (known == 0)
    assert known == 0 or f" {known} of {len(usd)} " in shown


def test_warm_times_with_a_second_try_to_connect_in_them_are_counted() -> None:
    calls = [sample(reconnected=True), sample(), sample("warm", ok=False, reconnected=True)]
    once = result("A", samples=[*calls, sample("cold", reconnected=True)])
    never = result("B", samples=[sample(), sample("first", reconnected=True)])
    shown = timing([once, never])

    assert shown.splitlines()[-1] == (
        "- `/a`: 1 of 2 warm calls took a second try to connect, which is in their times"
    )
    assert "second try" not in timing([never])


def test_times_of_calls_made_while_the_machine_was_busy_are_counted() -> None:
    late, computed = "this process woke 0.03 s late", "this process computed for 0.40 of 0.61 s"
    warm = [sample(client_busy=late), sample(), sample(client_busy=computed)]
    failed = sample("warm", ok=False, client_busy=late)
    shown = timing([result("A", samples=[*warm, failed, sample("cold", client_busy=computed)])])

    assert shown.splitlines()[-2:] == [
        f"- `/a`: 1 of 1 cold call was made while this machine was busy ({computed}): its time may be too long",
        f"- `/a`: 2 of 3 warm calls were made while this machine was busy ({late}): their times may be too long",
    ]
    assert "busy" not in timing([result("B", samples=[sample()])])
