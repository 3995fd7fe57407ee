"""What the calls of a step cost, and what its containers cost while they did nothing."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from pytest_modal_bench.load.over_time import end_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pytest_modal_bench.model import CostBasis, LoadCall

Span = tuple[float, float]


class Spent(NamedTuple):
    """US dollars, and how many calls' cost is in them."""

    usd: float | None
    calls: int
    usd_per_1000: float | None
    """For 1,000 answered calls; what failed ones cost is in it."""


def spent(calls: Sequence[LoadCall], basis: CostBasis | None) -> Spent:
    """Return what `calls` cost.

    Estimates are seconds times a price. Where a container works on several calls at a time, each of them would be
    charged for the same seconds; so they are multiplied by the seconds in which containers worked over the sum of the
    calls' own, as far as both are known.
    """
    known = [call for call in calls if call.cost_usd is not None]
    if not known:
        return Spent(None, 0, None)
    usd = math.fsum(call.cost_usd for call in known if call.cost_usd is not None)
    if basis != "measured":
        usd *= _shared(known)
    answered = sum(call.ok for call in known)
    return Spent(usd, len(known), 1000 * usd / answered if answered else None)


def idle(calls: Iterable[LoadCall], usd_per_sec: float | None, window_sec: float | None) -> float | None:
    """Return what the containers of `calls` cost while they do nothing; None: containers, price or window is not known.

    That is the time between their calls, of which a container lives through `window_sec` at most, and one whole window
    after the last.
    """
    containers = _by_container(calls)
    if not containers or usd_per_sec is None or window_sec is None:
        return None
    idle_sec = 0.0
    for merged in map(_merged, containers.values()):
        gaps = [later[0] - earlier[1] for earlier, later in pairwise(merged)]
        idle_sec += sum(min(gap, window_sec) for gap in gaps) + window_sec
    return idle_sec * usd_per_sec


def _shared(calls: Sequence[LoadCall]) -> float:
    """Return the containers' working seconds over the sum of the calls'; 1 where they are not known of each call."""
    if any(_execution(call) is None or call.container is None for call in calls):
        return 1.0
    of_calls = math.fsum(_execution(call) or 0.0 for call in calls)
    of_containers = math.fsum(
        end - begin for spans in _by_container(calls).values() for begin, end in _merged(spans)
    )
    return of_containers / of_calls if of_calls else 1.0


def _by_container(calls: Iterable[LoadCall]) -> dict[str, list[Span]]:
    """Return when each container worked on a call: a call's last seconds or, where these are not known, all of it."""
    found: dict[str, list[Span]] = {}
    for call in calls:
        if call.container is not None:
            execution_sec = _execution(call)
            worked_sec = call.elapsed_sec if execution_sec is None else execution_sec
            found.setdefault(call.container, []).append((end_of(call) - worked_sec, end_of(call)))
    return found


def _execution(call: LoadCall) -> float | None:
    """Seconds that a call was worked on; None: not known, or longer than the call, by a clock of another kind."""
    known = call.execution_sec
    return known if known is not None and known <= call.elapsed_sec else None


def _merged(spans: Iterable[Span]) -> list[Span]:
    """Return the time that is in any of `spans`, in pieces that do not touch."""
    merged: list[Span] = []
    for begin, end in sorted(spans):
        if merged and begin <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((begin, end))
    return merged
