"""What a run may cost, before its first call: by what the last one cost, and at the very most."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pytest_modal_bench.model import EndpointResult


class Planned(NamedTuple):
    """What is going to be called."""

    id: str
    cold: int
    """Calls meant as cold, or else the first one."""
    warm: int
    longest_usd: float | None
    """Cost of a call that takes until its deadline; None: unknown."""
    repeats: int = 1
    """How often each call may have to be made at most, until one counts."""


class Forecast(NamedTuple):
    """US dollars."""

    expected_usd: float | None
    """By the costs of an earlier run; None: it lacks one of the endpoints."""
    most_usd: float | None
    """If every call took until its deadline, and had to be repeated; None: there is a price that is not known."""
    calls: int


def forecast(planned: Iterable[Planned], earlier: Mapping[str, EndpointResult]) -> Forecast:
    """Add up what `planned` calls cost, where `earlier` results by endpoint id say what such calls did."""
    expected: float | None = 0.0
    most: float | None = 0.0
    calls = 0
    for each in planned:
        calls += each.cold + each.warm
        known = earlier.get(each.id)
        warm_usd = known.cost_usd if known is not None else None
        cold_usd = known.cold_cost_usd if known is not None and known.cold_cost_usd is not None else warm_usd
        if expected is not None and warm_usd is not None and cold_usd is not None:
            expected += each.cold * cold_usd + each.warm * warm_usd
        else:
            expected = None
        if most is not None and each.longest_usd is not None:
            most += (each.cold + each.warm) * each.repeats * each.longest_usd
        else:
            most = None
    return Forecast(expected, most, calls)
