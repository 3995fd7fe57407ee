from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_modal_bench.report.figures.units import cost, count, dollars, rate, savings, seconds


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (44.4, "44.4"),
        (1.0, "1.0"),
        (0.996, "1.0"),
        (0.5, "0.50"),
        (0.0213, "0.021"),
        (0.000012, "0.000012"),
        (0.0, "0.0"),
        (600, "600.0"),
        (None, "-"),
        (math.nan, "-"),
        (math.inf, "-"),
        (1.26e300, "1.3e+300"),
        (-2e9, "-2.0e+09"),
        (1.26e-300, "1.3e-300"),
    ],
)
def test_seconds(value: float | None, shown: str) -> None:
    assert seconds(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.1234, "0.1234"),
        (12.0, "12.0000"),
        (0.00004, "0.000040"),
        (0.0, "0.0000"),
        (None, "-"),
        (math.nan, "-"),
        (1.26e300, "1.3e+300"),
        (1.26e-300, "1.3e-300"),
    ],
)
def test_dollars(value: float | None, shown: str) -> None:
    assert dollars(value) == shown


@pytest.mark.parametrize(
    ("value", "basis", "shown"),
    [
        (0.1234, "measured", "0.1234"),
        (0.1234, "estimated", "~0.1234"),
        (0.00004, "estimated", "~0.000040"),
        (0.1234, None, "0.1234"),
        (None, "estimated", "-"),
        (math.nan, "estimated", "-"),
        (None, None, "-"),
    ],
)
def test_an_estimate_is_marked_and_the_unknown_is_none(
    value: float | None, basis: str | None, shown: str
) -> None:
    assert cost(value, basis) == shown


@given(st.floats(min_value=0, max_value=1e308, exclude_min=True))
def test_what_was_measured_never_reads_zero_and_takes_little_room(value: float) -> None:
    assert float(seconds(value)) == pytest.approx(value, rel=0.051)
    assert float(dollars(value)) == pytest.approx(value, rel=0.051, abs=0.00005)
    assert float(dollars(value)) > 0
    assert max(len(seconds(value)), len(dollars(value))) <= 14


@given(st.floats(min_value=1e-9, max_value=1e9, exclude_max=True))
def test_what_can_be_measured_is_printed_without_an_exponent(value: float) -> None:
    assert "e" not in seconds(value) + dollars(value)


@pytest.mark.parametrize(
    ("cold", "warm", "shown"),
    [
        (44.4, 2.1, "95%"),
        (10.0, 12.5, "-25%"),
        (10.0, 10.0001, "0%"),
        (None, 2.1, "-"),
        (44.4, None, "-"),
        (0.0, 1.0, "-"),
        (5e-324, 1e308, "-"),
        (1e-200, 1.0, "-1.0e+202%"),
    ],
)
def test_savings(cold: float | None, warm: float | None, shown: str) -> None:
    assert savings(cold, warm) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (41, "41"),
        (41.0, "41"),
        (40.5, "40.5"),
        (0, "0"),
        (2**40, "1.1e+12"),
        (float("inf"), "-"),
        (None, "-"),
    ],
)
def test_counts_are_whole_or_have_a_half(value: float | None, shown: str) -> None:
    assert count(value) == shown


def test_a_rate_has_the_digits_that_seconds_have() -> None:
    assert (rate(40.04), rate(0.123), rate(None)) == ("40.0", "0.12", "-")
