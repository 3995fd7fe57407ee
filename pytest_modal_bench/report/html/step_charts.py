"""Charts of a load as plain data, which `charts.html.j2` draws: curves over steps or over time, and a burst's calls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from pytest_modal_bench.report.html.scales import Scale, Tick, percent, plottable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytest_modal_bench.report.html.charts import Span


_POINTS = 100
"""Of one line: a page prints no text of more than 2,000 characters."""


class Value(NamedTuple):
    """A point of a curve."""

    x: float
    y: float | None
    """None: not known, and the curve has a gap there."""
    title: str = ""
    """What a pointer and a screen reader get; nothing: it is no dot."""


class Dot(NamedTuple):
    """Where a dot is."""

    x: str
    y: str
    title: str


@dataclass(frozen=True, slots=True)
class Curve:
    """Values of one kind."""

    kind: str
    """CSS class of its colour."""
    label: str
    pieces: tuple[str, ...]
    """Lines without a gap, each the points of an SVG polyline in a square of 100 by 100."""
    points: tuple[Dot, ...]


@dataclass(frozen=True, slots=True)
class XYChart:
    """Curves over one axis, both from zero unless the values are too far apart for that."""

    title: str
    unit: str
    summary: str
    """What it shows, in a sentence, for those who cannot see it."""
    x_name: str
    curves: tuple[Curve, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    """Places from the top."""
    logarithmic: bool
    """Whether the upright axis is."""
    limit: str | None = None
    """Where the budget lies."""
    wide: bool = False
    borders: tuple[Tick, ...] = ()
    """Where steps begin, along the lower axis."""


def xy_chart(  # noqa: PLR0913 - a chart has as many parts
    title: str,
    curves: Sequence[tuple[str, str, Sequence[Value]]],
    *,
    unit: str,
    x_name: str,
    summary: str,
    limit: float | None = None,
    borders: Sequence[float] = (),
    stairs: bool = False,
) -> XYChart:
    """Return the chart of `curves`: each a CSS class, a label, and its values. `stairs`: each holds to the next."""
    values = [value for _, _, its in curves for value in its]
    across = Scale.of((value.x for value in values), logarithmic=False)
    up = Scale.of([*(value.y for value in values), limit], logarithmic=False if stairs else None)
    return XYChart(
        title,
        unit,
        summary,
        x_name,
        tuple(_curve(kind, label, its, (across, up), stairs=stairs) for kind, label, its in curves),
        tuple(across.ticks()),
        tuple(Tick(_from_top(tick.at), tick.label) for tick in up.ticks()),
        up.logarithmic,
        None if limit is None or not plottable(limit) else percent(100 - up.at(limit)),
        stairs,
        tuple(Tick(percent(across.at(border)), "") for border in borders),
    )


def _curve(
    kind: str, label: str, values: Sequence[Value], scales: tuple[Scale, Scale], *, stairs: bool
) -> Curve:
    across, up = scales
    pieces: list[list[tuple[float, float]]] = [[]]
    dots = []
    for value in values:
        if value.y is None or not plottable(value.y):
            pieces.append([])
            continue
        x, y = across.at(value.x), 100 - up.at(value.y)
        if stairs and pieces[-1]:
            pieces[-1].append((x, pieces[-1][-1][1]))
        pieces[-1].append((x, y))
        if value.title:
            dots.append(Dot(percent(x), percent(y), value.title))
    lines = tuple(line for piece in pieces for line in _polylines(piece))
    return Curve(kind, label, lines, tuple(dots))


def _polylines(points: Sequence[tuple[float, float]]) -> Iterator[str]:
    """Yield `points` without those in the middle of a level stretch, in lines that each begin where one ends."""
    kept = [
        point
        for number, point in enumerate(points)
        if number in (0, len(points) - 1) or not points[number - 1][1] == point[1] == points[number + 1][1]
    ]
    for begin in range(0, len(kept) - 1, _POINTS - 1):
        yield " ".join(f"{x:.2f},{y:.2f}" for x, y in kept[begin : begin + _POINTS])


def _from_top(at: str) -> str:
    return percent(100 - float(at.rstrip("%")))


class Part(NamedTuple):
    """A stretch of a call."""

    kind: str
    """CSS class of its colour."""
    span: Span


class WaterfallRow(NamedTuple):
    """One call."""

    label: str
    title: str
    y: int
    text_y: int
    first: bool
    """Whether it was its container's first."""
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Waterfall:
    """Calls one below the other."""

    title: str
    summary: str
    height: int
    thick: int
    ticks: tuple[Tick, ...]
    rows: tuple[WaterfallRow, ...]
    key: tuple[tuple[str, str], ...]
    """CSS class and name of each kind of stretch that is there."""
    left_out: str
    """What is not shown; nothing if all is."""
