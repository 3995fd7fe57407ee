from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_modal_bench.gate.student import quantile, upper_tail

# Here and not in a test: pytester forgets what a test imports, and numpy can't be imported twice.
scipy_t = pytest.importorskip("scipy.stats").t
scipy_normal = pytest.importorskip("scipy.stats").norm

degrees = st.floats(0.5, 1e5)
tails = st.floats(1e-8, 0.5)


@given(tails, degrees)
def test_the_quantile_is_scipys(tail: float, free: float) -> None:
    assert quantile(tail, free) == pytest.approx(float(scipy_t.isf(tail, free)), rel=1e-7, abs=1e-7)


@given(st.floats(-50, 50), degrees)
def test_the_tail_is_scipys(t: float, free: float) -> None:
    assert upper_tail(t, free) == pytest.approx(float(scipy_t.sf(t, free)), rel=1e-7, abs=1e-12)


@given(st.floats(1e-6, 0.999), st.floats(1, 1e5))
def test_each_undoes_the_other(tail: float, free: float) -> None:
    assert upper_tail(quantile(tail, free), free) == pytest.approx(tail, rel=1e-6)


@given(st.floats(1e-8, 0.5))
def test_with_infinitely_many_degrees_of_freedom_it_is_the_normal_distribution(tail: float) -> None:
    expected = float(scipy_normal.isf(tail))
    assert quantile(tail, math.inf) == pytest.approx(expected, rel=1e-6, abs=1e-9)
    assert quantile(tail, 2e6) == pytest.approx(float(scipy_t.isf(tail, 2e6)), rel=1e-4, abs=1e-6)


def test_a_textbook_value() -> None:
    # Abramowitz and Stegun, table 26.10: the upper 1 % point for 4 degrees of freedom.
    assert quantile(0.01, 4) == pytest.approx(3.747, abs=5e-4)
