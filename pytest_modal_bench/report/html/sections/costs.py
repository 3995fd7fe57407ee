"""What calls cost, and what a day costs where that is known."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pytest_modal_bench.model import Summary
from pytest_modal_bench.model.packed import unpacked
from pytest_modal_bench.report.figures.units import UNKNOWN, cost, doubted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_modal_bench.model import Run
    from pytest_modal_bench.report.html.sections.names import Named

_HOURS_A_DAY = 24
_SECONDS_A_DAY = 86_400


class Price(NamedTuple):
    """What one endpoint costs, in US dollars."""

    endpoint: Named
    warm: str
    cold: str
    idle_tail: str
    this_run: str
    known: str
    """Of how many calls the cost is known."""
    calls_per_day: str
    """A day of the traffic that the run was given, all warm."""
    container_per_day: str
    """A container that lives all day."""
    basis: str


class Costs(NamedTuple):
    """The prices of a run, and which of the columns hold anything."""

    rows: tuple[Price, ...]
    traffic: str | None
    """Calls an hour; None: not given."""
    by_container: bool
    """Whether any container's price is known."""
    basis: str | None
    """What all of them rest on; None: they differ."""


def costs(run: Run, endpoints: Sequence[Named]) -> Costs:
    """Return a row for every endpoint that was called; none if nothing is known of what anything costs."""
    rows = [_price(each, run.traffic_per_hour) for each in endpoints if each.result.samples]
    figures = ("warm", "cold", "idle_tail", "this_run", "container_per_day")
    known = any(getattr(row, figure) != UNKNOWN for row in rows for figure in figures)
    traffic = run.traffic_per_hour
    return Costs(
        tuple(rows) if known else (),
        None if traffic is None else f"{traffic:g}",
        any(row.container_per_day != UNKNOWN for row in rows),
        rows[0].basis if len({row.basis for row in rows}) == 1 else None,
    )


def _price(each: Named, traffic: float | None) -> Price:
    result = unpacked(each.result)
    summary = Summary.of([result])
    per_day = None if traffic is None or result.cost_usd is None else result.cost_usd * traffic * _HOURS_A_DAY
    alive = result.container_usd_per_sec
    return Price(
        each,
        cost(result.cost_usd, result.cost_basis),
        doubted(cost(result.cold_cost_usd, result.cold_cost_basis), proven=result.cold_verified is not False),
        cost(result.idle_tail_usd, "estimated"),
        cost(summary.total_cost_usd, "estimated" if summary.estimated else "measured"),
        f"{summary.calls_with_cost} of {summary.calls}",
        cost(per_day, "estimated"),
        cost(None if alive is None else alive * _SECONDS_A_DAY, "estimated"),
        "; ".join(dict.fromkeys(sample.cost_source for sample in result.samples if sample.cost_source)),
    )
