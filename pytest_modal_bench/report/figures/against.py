"""An endpoint's figures beside those of its base, and their ratio with its interval."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from pytest_modal_bench.gate.metrics import METRICS
from pytest_modal_bench.report.figures.series_cells import figure, shown_metrics
from pytest_modal_bench.report.figures.units import UNKNOWN, doubted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_modal_bench.gate.metrics import Name
    from pytest_modal_bench.model import Check, EndpointResult


class Beside(NamedTuple):
    """What is known of one metric on both sides."""

    both: str
    """`0.37 / 0.28`, the candidate first: medians of all calls."""
    ratio: str
    """`1.34x (1.30 to 1.39)`: of pairs of calls, with its interval where that is known, or of medians, or nothing."""


def metrics_of_both(results: Sequence[EndpointResult]) -> list[Name]:
    """Return the metrics of which both sides of any of `results` know something."""
    sides = [(result, result.base) for result in results]
    return [
        name
        for name in shown_metrics(results)
        if any(
            base is not None
            and METRICS[name].median(result) is not None
            and METRICS[name].median(base) is not None
            for result, base in sides
        )
    ]


def beside(result: EndpointResult, name: Name) -> Beside | None:
    """Return what is known of a metric on both sides; None where neither knows anything."""
    base = result.base
    if base is None:
        return None
    ours, theirs = figure(result, name), figure(base, name)
    if {ours, theirs} == {UNKNOWN}:
        return None
    shown = ratio(result, name)
    return Beside(f"{ours} / {theirs}", "" if shown == UNKNOWN else shown)


def ratio(result: EndpointResult, name: Name) -> str:
    """Return the ratio of a metric to the base's, with its interval where that is known."""
    check = next((each for each in result.checks if each.against == "base" and each.metric == name), None)
    value = _of_medians(result, name) if check is None else check.ratio
    if value is None or not math.isfinite(value):
        return UNKNOWN
    proven = name != "cold" or is_proven(result)
    shown = doubted(f"{value:.3g}x", proven=proven)
    if check is None or not _has_interval(check):
        return shown
    low, high = (doubted(f"{end:.3g}", proven=proven) for end in (check.low, check.high))
    return f"{shown} ({low} to {high})"


def is_proven(result: EndpointResult) -> bool:
    """Whether the cold starts of both sides are."""
    return bool(result.cold_verified and (result.base is None or result.base.cold_verified))


def _has_interval(check: Check) -> bool:
    return all(end is not None and math.isfinite(end) for end in (check.low, check.high))


def _of_medians(result: EndpointResult, name: Name) -> float | None:
    base = None if result.base is None else METRICS[name].median(result.base)
    value = METRICS[name].median(result)
    return value / base if value is not None and base else None
