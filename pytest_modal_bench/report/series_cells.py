"""A median in a table: with a mark where nothing proves it, not all calls stand in it, or it lies beyond a deadline."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_modal_bench.model.series import series
from pytest_modal_bench.report.units import UNKNOWN, doubted, seconds

if TYPE_CHECKING:
    from pytest_modal_bench.model import EndpointResult, Start

STAR = "\\*"
"""Marks a median over the calls that were answered, where others were not."""


def times(result: EndpointResult, start: Start) -> str:
    """Return the median of an endpoint's cold or warm calls as a cell."""
    calls = series(result, start)
    if calls.censored_at is not None:
        return f"&gt; {seconds(calls.censored_at)}"
    shown = seconds(result.cold_time_sec if start == "cold" else result.warm_time_sec)
    if calls.partial and shown != UNKNOWN:
        shown = f"{shown}{STAR}"
    return doubted(shown, proven=result.cold_verified) if start == "cold" else shown
