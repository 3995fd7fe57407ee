"""Charts as plain data, which `charts.html.j2` draws as SVG: lanes of dots, and stacked bars; `line_chart` has lines.

Why no chart library. A chart here must show every sample as a dot with a text of its own and an interval beside it,
follow the page's light and dark theme by CSS, run under a content security policy that allows no script but the
page's own, be readable by screen readers and without scripts, and add little to a page that may go out by mail.

- plotly.js (4.1, minified: 4.8 MB, its basic bundle 1.2 MB) and Vega with Vega-Lite and its embedding (minified:
  0.8 MB) draw in the browser: their script would be in every page, and without scripts there would be no chart.
  plotly adds style sheets as it runs, which the policy forbids; Vega compiles expressions with `eval` unless it is
  given an interpreter.
- matplotlib (3.11: a wheel of 9.9 MB, numpy and six more packages) writes SVG with fixed colours, with texts as
  outlines unless told otherwise, and with nothing that names a single dot.
- leather (30 kB) has no intervals, no titles on dots, and fixed colours. pygal (LGPL) writes inline styles and a
  reference to a script on its own server into each chart unless told otherwise.

What is left is little: a scale, ticks, and a template. Places are in per cent of the width, so that a chart fills its
box at any width and its texts keep their size; the geometry is in attributes, since inline styles are forbidden.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from pytest_modal_bench.report.html.scales import Scale, percent

if TYPE_CHECKING:
    from collections.abc import Mapping


class Dot(NamedTuple):
    """One value of a lane."""

    at: str
    title: str
    """What a pointer and a screen reader get."""
    hollow: bool = False
    """Whether something about it is not proven."""


class Span(NamedTuple):
    """From where to where something reaches on an axis, in per cent."""

    start: str
    length: str
    end: str

    @classmethod
    def of(cls, scale: Scale, low: float, high: float) -> Span:
        """Return what lies between two values on `scale`."""
        start, end = scale.at(low), scale.at(high)
        return cls(percent(start), percent(max(end - start, 0)), percent(end))


@dataclass(frozen=True, slots=True)
class Lane:
    """A line of dots, with what stands before it and behind it."""

    label: str
    kind: str
    """CSS class of its colour: `cold`, `warm`, `first`."""
    dots: tuple[Dot, ...]
    value: str
    """Its figure in words, such as `44.4 s`."""
    detail: str = ""
    """More about it, such as how many calls it is the median of."""
    middle: str | None = None
    """Where its median lies."""
    interval: Span | None = None
    """In which the true median lies with 95 % confidence."""
    spread: Span | None = None
    """From the least to the most."""


class Segment(NamedTuple):
    """One part of a stacked bar."""

    kind: str
    """CSS class of its colour, and the name of the part."""
    span: Span
    value: str
    """Its figure in words."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A stacked bar."""

    label: str
    segments: tuple[Segment, ...]
    value: str
    """Its whole length in words."""
    detail: str = ""


def bar(
    label: str, parts: Mapping[str, tuple[float, str]], scale: Scale, value: str, detail: str = ""
) -> Bar:
    """Return the bar of `parts`: by kind, each part's length and how it is written."""
    segments, end = [], 0.0
    for kind, (length, written) in parts.items():
        segments.append(Segment(kind, Span.of(scale, end, end + length), written))
        end += length
    return Bar(label, tuple(segments), value, detail)
