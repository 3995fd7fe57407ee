from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from report_runs import ANY_TEXT, HOSTILE, result, run, sample, tables

from pytest_modal_bench.model import Check
from pytest_modal_bench.report import comment, markdown, terminal
from pytest_modal_bench.report.figures.against import beside
from pytest_modal_bench.report.figures.moves import moved, sentence
from pytest_modal_bench.report.html import page
from pytest_modal_bench.report.sections.against import against, title

if TYPE_CHECKING:
    from pytest_modal_bench.model import EndpointResult, Run


def check(
    metric: Any, ratio: float, low: float | None = None, high: float | None = None, **given: Any
) -> Check:
    known: dict[str, Any] = {
        "verdict": "PASS",
        "message": f"{metric} {ratio}x of staging",
        "p": 0.01,
        "limit": 1.1,
    }
    return Check(metric=metric, against="base", ratio=ratio, low=low, high=high, **known | given)


def side(warm: float, cold: float | None = None, **given: Any) -> EndpointResult:
    known: dict[str, Any] = {
        "warm_time_sec": warm,
        "cold_time_sec": cold,
        "cost_usd": warm / 1000,
        "samples": [sample("warm", warm, pair=1)],
        "cold_verified": None if cold is None else True,
    }
    return result(**known | given)


def staged(**given: Any) -> Run:
    slower = side(
        3.7,
        12.0,
        base=side(2.8, 11.0),
        checks=[check("warm", 1.341, 1.302, 1.389, value=3.7, verdict="FAIL"), check("cost", 1.3)],
    )
    failed = side(1.0, id="other", name="Other", base=result(status="failed", error="HTTP 500: boom"))
    return run([slower, failed, side(1.0, id="alone", name="Alone")], against="staging", **given)


def test_each_figure_stands_beside_that_of_the_base_with_their_ratio_and_its_interval() -> None:
    ((head, *rows),) = tables(against(staged()))

    assert head == ["Endpoint", "Cold (s)", "Warm (s)", "Cost ($)"]
    assert rows[0] == [
        "flux",
        "12.0 / 11.0 = 1.09x",
        "3.7 / 2.8 = 1.34x (1.3 to 1.39)",
        "0.0037 / 0.0028 = 1.3x",
    ]
    assert rows[1] == ["other", "-", "1.0 / -", "0.0010 / -"]
    assert len(rows) == 2, "one that was called alone has nothing beside it"


def test_a_base_that_failed_is_said_with_its_message() -> None:
    assert "- `other`: staging failed: HTTP 500: boom" in against(staged())


def test_a_cold_start_of_either_side_that_nothing_proves_marks_their_ratio() -> None:
    unproven = side(
        1.0, 10.0, base=side(1.0, 5.0, cold_verified=False), checks=[check("cold", 2.0, 1.5, 2.5)]
    )
    found = beside(unproven, "cold")

    assert found is not None
    assert found == ("10.0 / 5.0?", "2x? (1.5? to 2.5?)")


def test_without_a_base_there_is_no_section() -> None:
    assert against(run([side(1.0)])) == ""
    assert "Against" not in markdown.render(run([side(1.0)]))


def test_every_report_has_both_sides() -> None:
    given_run = staged()
    report, said, html = markdown.render(given_run), comment.render(given_run), page.render(given_run)
    (row, *_) = [row.text for row in terminal.table(given_run, 120) if "Flux" in row.text]

    assert "<summary>Against staging</summary>" in report
    assert "**Against:** staging" in report
    assert "**Changed Most:** `/flux` warm 1.34x (slower): 3.7 s, base 2.8 s" in report
    assert "**Changed against `staging`**" in said
    assert "🔺 `flux` warm 1.34x (slower): 3.7 s, base 2.8 s" in said
    assert "| Against `staging` |" in said
    assert "Warm 1.34x (1.3 to 1.39)" in said
    assert '<h2 id="against-title">Against staging</h2>' in html
    assert "3.7 / 2.8<br>1.34x (1.3 to 1.39)" in html
    assert "1.34x (1.3 to 1.39)" in row


@pytest.mark.parametrize(
    ("low", "high", "direction"),
    [(1.2, 1.5, "slower"), (1.05, 1.5, None), (0.9, 1.5, None), (0.5, 0.7, "faster"), (0.5, 0.95, None)],
)
def test_what_moved_lies_beyond_the_tolerance_with_its_whole_interval(
    low: float, high: float, direction: str | None
) -> None:
    assert moved(check("warm", (low + high) / 2, low, high)) == direction


def test_a_move_says_what_the_base_took() -> None:
    from pytest_modal_bench.report.figures.moves import Move

    (first, *_) = staged().results
    assert sentence(Move(first, first.checks[0], "slower")) == "warm 1.34x (slower): 3.7 s, base 2.8 s"


@pytest.mark.parametrize("text", HOSTILE[:-1])
def test_whatever_the_base_is_called_or_says_the_table_stands(text: str) -> None:
    broken = side(1.0, base=result(status="failed", error=text), id=text or "-")
    given_run = run([broken, side(2.0, base=side(1.0))], against=text)

    assert len(tables(against(given_run))[0]) == 3
    section = page.render(given_run).partition('id="against"')[2].partition("</section>")[0]
    assert "<script>" not in section
    assert "<script>" not in title(given_run)
    comment.render(given_run)


@given(ANY_TEXT)
def test_its_name_is_one_line(text: str) -> None:
    assert "\n" not in title(run(against=text))


@pytest.mark.parametrize("ratio", [float("inf"), 1e300, 0.0])
def test_a_ratio_that_cannot_be_is_bounded(ratio: float) -> None:
    found = beside(side(1.0, base=side(1.0), checks=[check("warm", ratio, ratio, ratio)]), "warm")

    assert found is not None
    assert len(found.ratio) < 40
