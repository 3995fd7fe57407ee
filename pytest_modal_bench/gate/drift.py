"""Drift: a figure that has become worse over many runs, by so little each time that no comparison of one run sees it.

The runs of an endpoint, this one included, are split where the earlier ones and the later ones differ most clearly in
rank (Mann and Whitney, On a Test of Whether One of Two Random Variables Is Stochastically Larger than the Other, Annals
of Mathematical Statistics 18, 1947, 50-60). Ranks hold whatever the distribution of the noise, as long as runs of one
level are alike and independent of each other. Chance is `FALSE_ALARM` for all splits and all comparisons of the run
together (Bonferroni). So it takes more runs the more is compared: 12 for one comparison, 20 for those of 21 endpoints,
24 for those of 200.

`change_points` finds levels that come and go, at 1 % a series, for those who look at a trend. Its random orders would
have to be some million to state 1 % for hundreds of series.
"""

from __future__ import annotations

import math
from functools import lru_cache
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from pytest_modal_bench.gate.change_points import FEWEST_BESIDE, FEWEST_RUNS
from pytest_modal_bench.gate.comparison import FLOORS, HISTORY_SHOWN, known_value
from pytest_modal_bench.gate.metrics import METRICS
from pytest_modal_bench.gate.noise import FALSE_ALARM
from pytest_modal_bench.model import Check
from pytest_modal_bench.safety.text import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytest_modal_bench.gate.baselines import Matched, Origin
    from pytest_modal_bench.gate.metrics import Name
    from pytest_modal_bench.model import EndpointResult

MOST_RUNS = 200
"""Runs that are looked at: the last."""

_COMMIT_LIMIT = 10


class Rise(NamedTuple):
    """A change to the worse."""

    at: int
    """Position of the first run of the new level."""
    before: float
    """Median of the runs before."""
    after: float
    p: float
    """Probability of so clear a split anywhere by chance, at most."""


def checks(
    result: EndpointResult,
    earlier: Matched,
    found: Sequence[Check],
    comparisons: int,
) -> Iterator[Check]:
    """Yield a warning for each metric that has become worse over the runs up to `result`.

    `found`: what comparing this run alone came to; what is flagged there needs no other warning. `comparisons`: how
    many are made in the run, of all metrics together.
    """
    flagged = {check.metric for check in found if check.verdict in ("FAIL", "WARN")}
    for name in FLOORS:
        now = known_value(name, result)
        if now is None or name in flagged:
            continue
        known = [
            (value, past, origin)
            for past, origin in zip(earlier.runs, earlier.origins, strict=True)
            if (value := known_value(name, past)) is not None
        ][-MOST_RUNS + 1 :]
        values = [*(value for value, _, _ in known), now]
        rise = risen(values, name, comparisons)
        if rise is not None:
            proven = name != "cold" or all(
                each.cold_verified is not False for each in (result, *(past for _, past, _ in known))
            )
            yield _check(name, rise, values, known[rise.at][2], proven=proven)


def risen(values: Sequence[float], name: Name, comparisons: int) -> Rise | None:
    """Return the change to the worse that a metric's values show, one a run, the oldest first; None: there is none."""
    if len(values) < FEWEST_RUNS:
        return None
    sign = -1 if METRICS[name].less_is_worse else 1
    places = range(FEWEST_BESIDE, len(values) - FEWEST_BESIDE + 1)
    at, higher = _clearest([sign * value for value in values], places)
    before, after, now = median(values[:at]), median(values[at:]), median(values[-FEWEST_BESIDE:])
    least = math.log(FLOORS[name])
    # What has become better again is none, either.
    if min(sign * math.log(level / before) for level in (after, now)) < least:
        return None
    p = _chance(higher, at, len(values) - at) * len(places)
    return Rise(at, before, after, p) if p * max(comparisons, 1) <= FALSE_ALARM else None


def _clearest(values: Sequence[float], places: range) -> tuple[int, int]:
    """Return the place before which values are lowest, and in how many pairs one before is higher than one after."""
    ranks = _ranks(values)
    best, found = -math.inf, (places[0], 0)
    summed = sum(ranks[: places[0]])
    for at in places:
        after = len(values) - at
        # The ranks of the values before, less the least that they can be.
        higher = summed - at * (at + 1) / 2
        clear = (at * after / 2 - higher) / math.sqrt(at * after)
        if clear > best:
            best, found = clear, (at, math.ceil(higher))
        summed += ranks[at] if at < len(values) else 0.0
    return found


def _ranks(values: Sequence[float]) -> list[float]:
    """Return the ranks of `values` from 1 on; equal ones share the mean of theirs."""
    order = sorted(range(len(values)), key=values.__getitem__)
    ranks = [0.0] * len(values)
    start = 0
    while start < len(order):
        end = start
        while end < len(order) and values[order[end]] == values[order[start]]:
            end += 1
        for position in order[start:end]:
            ranks[position] = (start + 1 + end) / 2
        start = end
    return ranks


@lru_cache(maxsize=1024)
def _chance(higher: int, before: int, after: int) -> float:
    """Return how many of all orders have at most so many pairs in which one of those before is higher, as a share.

    Their numbers are the coefficients of a Gaussian polynomial (Andrews, The Theory of Partitions, 1976, section 3.2).
    """
    counts = [1] + [0] * higher
    for factor in range(1, before + 1):
        for power in range(higher, after + factor - 1, -1):
            counts[power] -= counts[power - after - factor]
        for power in range(factor, higher + 1):
            counts[power] += counts[power - factor]
    return sum(counts) / math.comb(before + after, before)


def _check(name: Name, rise: Rise, values: Sequence[float], origin: Origin, *, proven: bool) -> Check:
    metric = METRICS[name]
    ratio = rise.after / rise.before
    commit = f" (commit {origin.commit[:_COMMIT_LIMIT]})" if origin.commit else ""
    return Check(
        metric=name,
        against="history",
        verdict="WARN",
        message=f"{metric.label} {ratio:.2f}x since {origin.timestamp[:10]}{commit}: a "
        f"{'fall' if metric.less_is_worse else 'rise'} that this run alone does not show, over "
        f"{counted(len(values), 'run')}{'' if proven else ', unverified'}",
        value=values[-1],
        limit=1 / FLOORS[name] if metric.less_is_worse else FLOORS[name],
        ratio=ratio,
        p=rise.p,
        runs=len(values) - 1,
        history=tuple(values[:-1][-HISTORY_SHOWN:]),
    )
