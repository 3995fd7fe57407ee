from __future__ import annotations

from typing import Any

import pytest
from report_runs import result, run, sample

from pytest_modal_bench.report.comparison import newly_failing, render


def compared(before: dict[str, Any], now: dict[str, Any], **runs: Any) -> str:
    old = run([result("A", **before)], simulated=runs.get("old"))
    new = run([result("A", **now)], simulated=runs.get("new"))
    return render(old, new)


def test_medians_are_those_of_pairs() -> None:
    shown = compared({"warm_time_sec": 2.0}, {"warm_time_sec": 3.0})

    assert "1 endpoint in both; new over old: warm 1.5x (median of 1 pair)" in shown
    assert "2.0 -> 3.0 (1.5x)" in shown


def test_a_simulated_run_is_not_compared_with_a_real_one() -> None:
    shown = compared({"warm_time_sec": 1.0}, {"warm_time_sec": 3.0}, new="model times, at 0.01")

    assert "1 endpoint in both; none with numbers to compare" in shown
    assert "- `a`: not comparable: another kind of workspace: real" in shown
    assert shown.count(", simulated") == 1


def test_equal_simulations_are() -> None:
    both = {"old": "times", "new": "times"}

    assert "warm 3x" in compared({"warm_time_sec": 1.0}, {"warm_time_sec": 3.0}, **both)


@pytest.mark.parametrize(("basis", "ratio"), [("measured", True), ("estimated", False)])
def test_a_measured_cost_is_not_held_against_an_estimate(basis: str, ratio: bool) -> None:
    before = {"cost_usd": 0.01, "cost_basis": "measured", "warm_time_sec": 1.0}
    shown = compared(before, before | {"cost_usd": 0.02, "cost_basis": basis})

    assert ("cost 2x (median of 1 pair)" in shown) is ratio
    assert "warm 1x (median of 1 pair)" in shown


def test_what_is_in_one_of_them_alone_is_named() -> None:
    shown = render(run([result("A"), result("B")]), run([result("A"), result("C")]))

    assert "- only in old: `b`" in shown
    assert "- only in new: `c`" in shown


def test_a_long_name_is_cut_in_the_table_and_stands_below_it_in_full() -> None:
    long = "models/" + "x" * 300
    both = run([result("A", id=long, warm_time_sec=1.0), result("B", warm_time_sec=1.0)])
    shown = render(both, both)

    assert max(map(len, shown.splitlines()[4:8])) < 200
    assert shown.endswith(f"\n\nNames that are cut in a table, in full:\n\n- `{long}`\n")
    assert "in full" not in render(run([result("B")]), run([result("B")]))


def test_what_fails_since_is_told_and_what_failed_before_is_not() -> None:
    old = run([result("A"), result("B", status="failed"), result("C")])
    new = run([result("A", status="failed"), result("B", status="failed"), result("C", verdict="FAIL")])

    assert [each.id for each in newly_failing(old, new)] == ["a", "c"]


def test_streams_are_compared_where_there_are_some() -> None:
    before = {"ttft_sec": 0.2, "itl_p95_sec": 0.03, "tokens_per_sec": 40.0}
    shown = compared(before, {"ttft_sec": 0.4, "itl_p95_sec": 0.03, "tokens_per_sec": 20.0})

    assert (
        "ttft 2x (median of 1 pair), itl p95 1x (median of 1 pair), tokens/s 0.5x (median of 1 pair)" in shown
    )
    assert "| TTFT (s)" in shown
    assert "0.20 -> 0.40 (2x)" in shown
    assert "40.0 -> 20.0 (0.5x)" in shown
    assert "TTFT" not in compared({"warm_time_sec": 1.0}, {"warm_time_sec": 1.0})


def test_a_report_from_before_streams_were_known_can_be_compared() -> None:
    shown = compared({"warm_time_sec": 1.0}, {"warm_time_sec": 1.0, "ttft_sec": 0.4})

    assert "- -> 0.40" in shown
    assert "warm 1x (median of 1 pair)" in shown


def test_a_median_of_streams_over_some_of_the_calls_is_marked() -> None:
    some = {"ttft_sec": 0.2, "tokens_per_sec": 40.0, "samples": [sample(), sample(ok=False)]}
    shown = compared(some, some)

    assert r"0.20\* -> 0.20\* (1x)" in shown
    assert r"40.0\* -> 40.0\* (1x)" in shown
