"""The charts of a load as plain data."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from load_runs import Pool, arrivals, burst, loaded, of, searched
from report_runs import result

from pytest_modal_bench.model import Check, Load, LoadCall
from pytest_modal_bench.report.html.sections.load_charts import charts, waterfall
from pytest_modal_bench.report.html.sections.names import named
from pytest_modal_bench.report.html.sections.under_load import loads
from pytest_modal_bench.report.html.step_charts import Value, XYChart, xy_chart


def points(piece: str) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, _, y in (each.partition(",") for each in piece.split())]


def drawn(values: list[Value], *, stairs: bool = False) -> XYChart:
    return xy_chart("t", [("p50", "p50", values)], unit="", x_name="", summary="", stairs=stairs)


def test_a_load_has_latency_throughput_containers_over_time_and_the_waterfall_of_its_burst() -> None:
    (row,) = loads(named([loaded(result("Flux"))])).rows

    assert [chart.title for chart in row.charts] == ["Latency", "Throughput", "Containers over time"]
    assert [chart.title for chart in row.waterfalls] == ["Calls of a burst of 20"]
    assert [table.label for table in row.tables] == ["steps", "queue, containers and cost"]
    assert loads(named([result("Flux")])).rows == ()


def test_latency_has_a_dot_a_step_and_the_budget_as_a_line() -> None:
    check = Check(metric="load_p95", against="budget", verdict="FAIL", message="", limit=5.0)
    latency = next(iter(charts(result(checks=[check]), searched())))

    assert {curve.label: len(curve.points) for curve in latency.curves} == {"p50": 5, "p95": 4}
    assert latency.limit == "75%"
    assert latency.x_name == "users"
    assert latency.curves[0].points[0].title == "1 user: p50 2.1 s"


def test_of_a_rate_it_is_shown_what_was_asked_for() -> None:
    pool = Pool(2)
    load = Load(spec="", steps=tuple(arrivals(pool, per_sec) for per_sec in (0.5, 2.0)))
    throughput = [*charts(result(), load)][1]

    assert [curve.label for curve in throughput.curves] == ["answered", "asked for"]


def test_one_step_alone_has_no_curve_over_steps() -> None:
    load = Load(spec="", steps=(arrivals(Pool(2), 0.5),))

    assert [chart.title for chart in charts(result(), load)] == ["Containers over time"]


def test_what_is_not_known_is_a_gap() -> None:
    (curve,) = drawn([Value(1, 1.0, "a"), Value(2, 2.0, "b"), Value(3, None, "c"), Value(4, 4.0, "d")]).curves

    assert len(curve.pieces) == 1
    assert [dot.title for dot in curve.points] == ["a", "b", "d"]


@given(st.lists(st.none() | st.integers(0, 5).map(float), min_size=2, max_size=40))
def test_stairs_hold_each_value_to_the_next_one(levels: list[float | None]) -> None:
    chart = drawn([Value(float(at), level) for at, level in enumerate(levels)], stairs=True)
    top = float(chart.y_ticks[0].label) if not chart.y_ticks else float(chart.y_ticks[-1].label)
    right = float(chart.x_ticks[-1].label)
    seen = {}
    for piece in map(points, chart.curves[0].pieces):
        for (x1, y1), (x2, y2) in pairwise(piece):
            assert x1 == x2 or y1 == y2
            for at in range(len(levels)):
                if x1 <= 100 * at / right + 0.005 and 100 * (at + 1) / right <= x2 + 0.01:
                    seen[at] = (100 - y1) / 100 * top

    assert seen == {
        at: pytest.approx(level, abs=0.01 * top)
        for at, (level, following) in enumerate(pairwise(levels))
        if level is not None and following is not None
    }


def test_a_waterfall_shows_where_each_calls_time_went() -> None:
    chart = waterfall(burst(Pool(4), 20))
    ends = [float(row.parts[-1].span.end.rstrip("%")) for row in chart.rows]

    assert ends == sorted(ends)
    assert sum(row.first for row in chart.rows) == 4
    assert {part.kind for row in chart.rows for part in row.parts} == {kind for kind, _ in chart.key}
    assert "its container's first, queue 9.0 s, execution 2.0 s" in chart.rows[0].title


def test_a_waterfall_of_many_calls_says_how_many_it_leaves_out() -> None:
    chart = waterfall(burst(Pool(4), 700))

    assert len(chart.rows) == 60
    assert chart.left_out == "640 more are not shown"


def test_a_call_that_failed_and_one_that_nobody_accounts_for_are_one_piece() -> None:
    known: dict[str, Any] = {"meant_sec": 0.0, "began_sec": 0.0, "elapsed_sec": 2.0}
    failed = LoadCall(**known, ok=False, cause="killed", container="ta-1")
    odd = LoadCall(**known, ok=True, queue_sec=5.0, execution_sec=9.0)
    rows = waterfall(of([failed, odd], "burst", 2)).rows

    assert [[part.kind for part in row.parts] for row in rows] == [["failed"], ["whole"]]
    assert rows[0].title.endswith("failed: killed")
