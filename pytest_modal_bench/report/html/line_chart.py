"""One figure over many runs as plain data, which `charts.html.j2` draws: dots, levels, and what happened at a run."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from pytest_modal_bench.report.html.scales import Scale, Tick, percent, plottable

if TYPE_CHECKING:
    from collections.abc import Sequence


class Value(NamedTuple):
    """What one run says."""

    amount: float | None
    """None: not known, and the line has a gap there."""
    text: str
    """As the chart's table has it."""
    hollow: bool = False
    """Whether something about it is not proven."""


class Level(NamedTuple):
    """A value that holds for some runs."""

    first: int
    last: int
    amount: float


class Marker(NamedTuple):
    """Something that happened at one of the runs."""

    run: int
    """Which run, from 0 on."""
    label: str
    """In a few characters, above the chart; nothing: it has none, and its text is not below the chart either."""
    text: str
    """In a sentence."""
    kind: str
    """CSS class: `commit`, `deploy`, `history`, `change`, `failed` or `skipped`."""


class Point(NamedTuple):
    """Where a dot is, and what a pointer and a screen reader get."""

    x: str
    y: str
    title: str
    hollow: bool


class Piece(NamedTuple):
    """A straight line."""

    x1: str
    y1: str
    x2: str
    y2: str


class PlacedMarker(NamedTuple):
    """A marker with its place."""

    at: str
    run: str
    """The run's label."""
    label: str
    text: str
    kind: str


@dataclass(frozen=True, slots=True)
class LineChart:
    """A figure over runs: x is the run, in equal steps; y is its value, from zero or logarithmic."""

    title: str
    unit: str
    """What the values are, such as `seconds`."""
    kind: str
    """CSS class of its colour: `cold`, `warm`, `ttft`, `cost`."""
    summary: str
    """What it shows, in a sentence, for those who cannot see it."""
    points: tuple[Point, ...]
    pieces: tuple[Piece, ...]
    levels: tuple[Piece, ...]
    markers: tuple[PlacedMarker, ...]
    ends: tuple[str, ...]
    """The first run and the last, or the only one."""
    ticks: tuple[Tick, ...]
    """Places from the top."""
    rows: tuple[tuple[str, str], ...]
    """Every run and its value, for the table."""
    logarithmic: bool


def line_chart(  # noqa: PLR0913 - a chart has as many parts
    title: str,
    runs: Sequence[str],
    values: Sequence[Value],
    *,
    kind: str,
    unit: str,
    summary: str,
    ends: Sequence[str],
    levels: Sequence[Level] = (),
    markers: Sequence[Marker] = (),
) -> LineChart:
    """Return the chart of `values`, one for each of `runs`, oldest first."""
    scale = Scale.of(value.amount for value in values)

    def x(run: int) -> str:
        return percent(50.0 if len(runs) < 2 else 100 * run / (len(runs) - 1))  # noqa: PLR2004

    def y(amount: float) -> str:
        return percent(100 - scale.at(amount))

    places = [
        (x(run), y(value.amount)) if value.amount is not None and plottable(value.amount) else None
        for run, value in enumerate(values)
    ]
    return LineChart(
        title,
        unit,
        kind,
        summary,
        tuple(
            Point(*place, f"{runs[run]}: {values[run].text}", values[run].hollow)
            for run, place in enumerate(places)
            if place is not None
        ),
        tuple(
            Piece(*before, *after)
            for before, after in pairwise(places)
            if before is not None and after is not None
        ),
        tuple(Piece(x(each.first), y(each.amount), x(each.last), y(each.amount)) for each in levels),
        tuple(
            PlacedMarker(x(each.run), runs[each.run], each.label, each.text, each.kind) for each in markers
        ),
        tuple(ends),
        tuple(Tick(percent(100 - float(tick.at.rstrip("%"))), tick.label) for tick in scale.ticks()),
        tuple((run, value.text) for run, value in zip(runs, values, strict=True)),
        scale.logarithmic,
    )
