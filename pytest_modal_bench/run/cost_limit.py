"""The limit on what a run may cost: its ledger, and what is foreseen before the first call."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from pytest_modal_bench.cost.forecast import Planned, forecast
from pytest_modal_bench.model.encoding import LARGEST_BYTES, load
from pytest_modal_bench.protocol.plan import RETAKES, is_cold_due
from pytest_modal_bench.run import spread
from pytest_modal_bench.safety.files import read_bytes
from pytest_modal_bench.safety.text import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_modal_bench.model import Endpoint, EndpointResult
    from pytest_modal_bench.run.settings import Settings
    from pytest_modal_bench.run.spending import Spending


def foreseen(selected: Sequence[Endpoint], settings: Settings, spending: Spending) -> str:
    """Say in one line what the calls to the `selected` endpoints may cost."""
    begun: set[str] = set()
    colds = settings.cold_rounds if settings.cold == "force" else 1
    repeats = (1 + RETAKES) * (1 if settings.baseline is None else 2)  # worse than before is measured twice
    planned = [
        Planned(
            endpoint.id,
            colds if is_cold_due(endpoint, begun) or settings.against is not None else 1,
            spread.warm_calls(settings),
            spending.longest_usd(endpoint),
            repeats,
        )
        for endpoint in selected
    ]
    expected, most, calls = forecast(planned, _earlier(settings))
    by_last = "unknown" if expected is None else f"about ${expected:.4f}, by the last report"
    at_most = "unknown" if most is None else f"${most:.2f}"
    up_to = "up to " if settings.auto else ""
    return (
        f"expected cost of {up_to}{counted(calls, 'call')}: {by_last}; at most, each until its deadline and "
        f"made {repeats} times: {at_most}; "
        f"limit: ${settings.max_cost:g}"
    )


def _earlier(settings: Settings) -> dict[str, EndpointResult]:
    """Results of the last run, if its report is where this one's will be."""
    for path in settings.reports:
        if path.suffix == ".json":
            with suppress(OSError, ValueError):
                return {result.id: result for result in load(read_bytes(path, LARGEST_BYTES)).results}
    return {}
