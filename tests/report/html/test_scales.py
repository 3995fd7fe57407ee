from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_modal_bench.report.html.scales import Scale, percent, plottable

VALUES = st.lists(st.floats(min_value=0, max_value=1e12) | st.none(), max_size=20)


def labels(*values: float, **kind: bool) -> list[str]:
    return [tick.label for tick in Scale.of(values, **kind).ticks()]


def test_an_axis_begins_at_zero_and_its_ticks_are_round() -> None:
    assert labels(44.4, 12.0) == ["0", "10", "20", "30", "40", "50"]
    assert labels(0.66, 0.15) == ["0", "0.2", "0.4", "0.6", "0.8"]
    assert labels(0.00009, logarithmic=False)[-1] == "0.0001"


def test_values_that_are_far_apart_are_on_a_logarithmic_axis() -> None:
    scale = Scale.of([44.4, 0.05])
    assert scale.logarithmic
    assert [tick.label for tick in scale.ticks()] == ["0.1", "1", "10"]
    assert not Scale.of([44.4, 2.1]).logarithmic
    assert not Scale.of([44.4, 0.05], logarithmic=False).logarithmic
    assert not Scale.of([44.4, 0.05, 0.0]).logarithmic, "zero has no place on a logarithmic axis"


def test_places_are_per_cent_of_the_axis() -> None:
    scale = Scale.of([50.0])
    assert [scale.at(value) for value in (0, 25, 50, 99, -1)] == [0, 50, 100, 100, 0]
    assert [percent(value) for value in (0, 12.3456, 100)] == ["0%", "12.35%", "100%"]


def test_what_is_no_time_stands_in_no_chart() -> None:
    assert not any(map(plottable, (None, math.nan, math.inf, -1.0, 1e300)))
    assert plottable(0.0)


@given(VALUES)
@pytest.mark.parametrize("logarithmic", [None, True, False])
def test_every_value_and_every_tick_of_any_axis_is_on_it(
    logarithmic: bool | None, values: list[float | None]
) -> None:
    scale = Scale.of(values, logarithmic=logarithmic)
    ticks = [float(tick.at.rstrip("%")) for tick in scale.ticks()]
    assert ticks == sorted(ticks)
    assert len(ticks) <= 12
    assert all(0 <= at <= 100 for at in ticks)
    known = sorted(value for value in values if value is not None and plottable(value))
    places = [scale.at(value) for value in known]
    assert places == sorted(places)
    assert all(0 <= at <= 100 for at in places)
