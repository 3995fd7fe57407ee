from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import prettier
import pytest
from msgspec import structs
from report_runs import HOSTILE, result, run, tables
from trend_folders import write_history

from pytest_modal_bench.model import HistoryStart
from pytest_modal_bench.report.trend.markdown import render
from pytest_modal_bench.report.trend.points import trends
from pytest_modal_bench.report.trend.reading import read

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_modal_bench.model import EndpointResult

FLUX = result("Flux", warm_time_sec=2.0, cold_time_sec=40.0, cold_verified=True)
WAN = result("Wan", "Video", warm_time_sec=9.0, cost_usd=0.01, cost_basis="estimated")


def text(path: Path, *results: EndpointResult, **how: Any) -> str:
    write_history(path, run(results or (FLUX, WAN), simulated=how.pop("simulated", None)), **how)
    folder = read(path, 100)
    assert folder is not None
    return render(folder, trends(folder))


def lines(text_: str, title: str) -> list[str]:
    return [line for line in text_.partition(f"## {title}\n")[2].partition("\n## ")[0].splitlines() if line]


def test_what_changed_comes_first_with_its_run_commit_both_levels_and_p(tmp_path: Path) -> None:
    shown = text(tmp_path, slower_from=7, slower="flux")

    assert shown.splitlines()[2:5] == [
        "**Workspace:** ryla  ",
        "**Runs:** 12, 2026-10-20 13:05 to 2026-10-31 13:05 UTC  ",
        "**Commits:** 2",
    ]
    changed = lines(shown, "What Changed")
    assert changed[0] == "**2026-10-27 13:05 (commit abc1230000)**"
    assert re.fullmatch(
        r"- Flux: warm \+\d+% \(2\.0 → 2\.\d s, p = 0\.00\d+\)", changed[2 if "cold" in changed[1] else 1]
    )
    assert changed[3].startswith(
        "3 change points" if "cost" in changed[3] else "2 change points in 4 series."
    )


def test_each_figure_has_a_line_with_its_blocks_ends_and_levels(tmp_path: Path) -> None:
    flux, wan = tables(text(tmp_path, slower_from=7, slower="flux"))

    assert flux[0] == ["Endpoint", "Metric", "Runs", "Trend", "First → last", "Change", "Levels"]
    assert [row[:3] for row in flux[1:]] == [["Flux", "cold", "12 of 12"], ["Flux", "warm", "12 of 12"]]
    assert re.fullmatch(r"[▁▂▃]{7}[▆▇█]{5}", flux[2][3])
    assert re.fullmatch(r"\+\d\d% since 2026-10-27 \(commit abc1230000\)", flux[2][6])
    assert [row[1] for row in wan[1:]] == ["warm", "cost"]
    assert wan[2][4].startswith("~0.0")
    assert wan[1][6] == "-"


def test_few_runs_have_no_change_points_and_it_says_so(tmp_path: Path) -> None:
    shown = text(tmp_path, runs=5, slower_from=3, slower="flux")
    assert lines(shown, "What Changed") == [
        "No change points: it takes 10 runs to find one, and there are at most 5."
    ]


def test_one_run_is_shown_without_a_comparison(tmp_path: Path) -> None:
    (_, row, _), _ = tables(text(tmp_path, runs=1))
    assert row[3] == "▅"
    assert row[5:] == ["-", "-"]


def test_failures_are_named_with_their_runs_and_those_that_last_stand_above(tmp_path: Path) -> None:
    def failing(each: EndpointResult, number: int) -> EndpointResult:
        fails = number in (2, 3) if each.id == "flux" else number >= 11
        return (
            structs.replace(each, status="failed", error=f"HTTP 50{number}", cause="killed")
            if fails
            else each
        )

    shown = text(tmp_path, changed=failing)
    assert lines(shown, "Failing Now") == ["- Wan, since 2026-10-31 13:05: failed: HTTP 5011"]
    assert lines(shown, "Failures") == [
        "- Wan, 2026-10-31 13:05: failed: HTTP 5011",
        "- Flux, 2026-10-22 13:05 to 2026-10-23 13:05 (2 runs): failed: HTTP 503",
    ]
    assert tables(shown)[0][1][3][1:5] == shown.partition("cold   | 10 of 12 | ")[2][1:5]
    assert tables(shown)[0][1][3][2:4] == "··"


def test_an_endpoint_without_a_figure_has_a_line_that_says_so(tmp_path: Path) -> None:
    (table,) = tables(text(tmp_path, result(status="failed", error="boom"), runs=3))
    assert table[1:] == [["Flux", "-", "0 of 3", "-", "-", "-", "-"]]
    assert "No run has a figure to show." in text(tmp_path, result(status="failed", error="boom"), runs=3)


@pytest.mark.parametrize("proven", [True, False])
def test_what_comes_from_unproven_cold_starts_has_a_question_mark(tmp_path: Path, proven: bool) -> None:
    flux = structs.replace(FLUX, cold_verified=proven, warm_time_sec=None)
    shown = text(tmp_path, flux, slower_from=6, slower="flux")
    (row,) = tables(shown)[0][1:]
    change = lines(shown, "What Changed")[1]
    figures = re.findall(r"\+\d+%\S*|\d\d\.\d\S*", " ".join([*row[4:], change]))
    assert len(figures) == 7
    assert [figure for figure in figures if ("?" in figure) is proven] == []
    assert ("`?`: nothing proves" in shown) is not proven


def test_hostile_texts_do_nothing_and_prettier_leaves_it_as_it_is(tmp_path: Path) -> None:
    results = [
        result(raw[:500], raw[:500], id=f"{number}{raw[:500]}", path=raw[:500], warm_time_sec=2.0)
        for number, raw in enumerate(HOSTILE)
    ]

    def failing(each: EndpointResult, number: int) -> EndpointResult:
        return (
            structs.replace(each, status="failed", error=each.endpoint, deployed=each.id)
            if number == 3
            else each
        )

    shown = text(tmp_path / "history", *results, runs=4, changed=failing, simulated=HOSTILE[10])
    assert "<script" not in shown
    assert "\x1b" not in shown
    if prettier.INSTALLED:
        (tmp_path / "trend.md").write_text(shown, "utf-8")
        plain = text(tmp_path / "plain", slower_from=7, slower="flux")
        (tmp_path / "plain.md").write_text(plain, "utf-8")
        prettier.leaves_alone(tmp_path, "trend.md", "plain.md")


def test_an_intended_change_stands_where_it_begins_with_its_reason(tmp_path: Path) -> None:
    begins = HistoryStart(since="2026-10-27", reason="new *one*")

    def accepted(each: EndpointResult, number: int) -> EndpointResult:
        return structs.replace(each, history=begins) if each.id == "flux" and number >= 7 else each

    shown = text(tmp_path, slower_from=7, slower="flux", changed=accepted)
    flux, wan = tables(shown)
    assert all("; new history since 2026-10-27: new *" in row[6] for row in flux[1:])
    assert shown.count("; new history since 2026-10-27: new \\*one\\*") == 2, (
        "cut in the table, whole below it"
    )
    assert wan[1][6] == "-"
    changed = [each for each in lines(shown, "What Changed") if each.startswith("- Flux")]
    assert all(each.endswith("; a new history begins here: new \\*one\\*") for each in changed)
    assert len(changed) == 2
