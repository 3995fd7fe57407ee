"""Whether the numbers of two results are those of one thing: what both must share, as far as it is known."""

from __future__ import annotations

from typing import Protocol


class Comparable(Protocol):
    """What has to be known of two results: an `EndpointResult`, or what is kept of one."""

    @property
    def gpu_type(self) -> str | None: ...  # noqa: D102 - as in `EndpointResult`
    @property
    def region(self) -> str | None: ...  # noqa: D102
    @property
    def payload_sha256(self) -> str | None: ...  # noqa: D102
    @property
    def cost_basis(self) -> str | None: ...  # noqa: D102


SAME = {"gpu_type": "GPU", "region": "region", "payload_sha256": "payload"}
"""Fields that two results must share, and their names."""


def other_simulation(before: str | None, now: str | None) -> str | None:
    """Say what keeps two runs apart of which that was simulated; None: nothing does."""
    if before == now:
        return None
    if before is None or now is None:
        return f"another kind of workspace: {'real' if before is None else 'simulated'}"
    return f"another simulation: {before}"


def difference(earlier: Comparable, result: Comparable) -> str | None:
    """Say what keeps two results of an endpoint apart, the first thing only; None: nothing that is known."""
    for field, name in SAME.items():
        before, now = getattr(earlier, field), getattr(result, field)
        if before is not None and now is not None and before != now:
            shown = f": {before}, now {now}" if field != "payload_sha256" else ""
            return f"another {name}{shown}"
    return None


def other_cost(earlier: Comparable, result: Comparable) -> bool:
    """Whether the cost of one was measured, and that of the other estimated."""
    return len({earlier.cost_basis, result.cost_basis} - {None}) > 1
