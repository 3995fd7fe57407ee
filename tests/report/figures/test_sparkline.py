from __future__ import annotations

import math

import pytest

from pytest_modal_bench.report.figures.sparkline import sparkline


def test_a_block_a_run_as_high_as_its_figure() -> None:
    assert sparkline([1.0, 1.4, 2.0, 2.8, 4.0]) == "▁▂▅▆█"


def test_noise_looks_flat() -> None:
    assert sparkline([2.0, 2.02, 1.98, 2.01]) == "▅▅▄▅"


@pytest.mark.parametrize("unknown", [None, 0.0, -1.0, math.nan, math.inf])
def test_a_run_without_the_figure_is_a_gap(unknown: float | None) -> None:
    assert sparkline([1.0, unknown, 4.0]) == "▁·█"
    assert sparkline([unknown]) == ""


def test_figures_of_any_size_have_their_block() -> None:
    assert sparkline([1e-300, 1e300]) == "▁█"
    assert sparkline([3.0]) == "▅"
    assert sparkline([]) == ""
