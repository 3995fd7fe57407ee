"""Whether the numbers of two results are those of one thing: what both must share, as far as it is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_modal_bench.model import EndpointResult

SAME = {"gpu_type": "GPU", "region": "region", "payload_sha256": "payload"}
"""Fields that two results must share, and their names."""


def other_simulation(before: str | None, now: str | None) -> str | None:
    """Say what keeps two runs apart of which that was simulated; None: nothing does."""
    if before == now:
        return None
    if before is None or now is None:
        return f"another kind of workspace: {'real' if before is None else 'simulated'}"
    return f"another simulation: {before}"


def difference(earlier: EndpointResult, result: EndpointResult) -> str | None:
    """Say what keeps two results of an endpoint apart, the first thing only; None: nothing that is known."""
    for field, name in SAME.items():
        before, now = getattr(earlier, field), getattr(result, field)
        if before is not None and now is not None and before != now:
            shown = f": {before}, now {now}" if field != "payload_sha256" else ""
            return f"another {name}{shown}"
    return None


def other_cost(earlier: EndpointResult, result: EndpointResult) -> bool:
    """Whether the cost of one was measured, and that of the other estimated."""
    return len({earlier.cost_basis, result.cost_basis} - {None}) > 1
