"""The page as text; what a browser makes of it is in `tests/browser/test_trend.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from report_runs import reference_run, result, run
from trend_folders import write_history

from pytest_modal_bench.report.extras import MissingExtra
from pytest_modal_bench.report.trend import html
from pytest_modal_bench.report.trend.points import trends
from pytest_modal_bench.report.trend.reading import read

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_modal_bench.model import Run

pytest.importorskip("jinja2")


def page(folder: Path, of: Run, runs: int) -> str:
    write_history(folder, of, runs)
    found = read(folder, 1000)
    assert found is not None
    return html.render(found, trends(found))


def test_the_same_folder_gives_the_same_page(tmp_path: Path) -> None:
    assert page(tmp_path, reference_run(), 3) == page(tmp_path, reference_run(), 3)


def test_a_page_has_charts_of_as_many_endpoints_as_it_can_hold_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(html, "_MOST_DOTS", 5 * 4)
    text = page(tmp_path, run([result(f"E{number}", warm_time_sec=2.0) for number in range(9)]), 4)

    assert text.count('<figure class="line-chart') == 5
    assert "There are charts of 5 endpoints; -k TEXT shows those of others." in text
    assert text.count('<th scope="row">E') == 9, "the table has all of them"


def test_two_hundred_runs_of_21_endpoints_stay_small(tmp_path: Path) -> None:
    assert len(page(tmp_path, reference_run(), 200).encode()) < 2 * 2**20


def test_without_the_extra_it_says_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pytest_modal_bench.report.html.shell.find_spec", lambda _: None)
    with pytest.raises(MissingExtra, match="needs the extra `html`: pip install"):
        page(tmp_path, run([result(warm_time_sec=2.0)]), 1)
