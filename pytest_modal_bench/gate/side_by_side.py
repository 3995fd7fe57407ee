"""Holds a candidate against its base, which was called in turn with it: no history is needed.

What both share (client, network, platform, hour) cancels in the ratios of pairs. How much these scatter is moderated
by what all endpoints of the run show (`moderation`), as few pairs say little of it: so a run is judged at its end.
Worse is what lies above the floor at `FALSE_ALARM` for all comparisons of the run together.

Where no container is known, two hosts were compared, and how much such pairs differ the run can't show. What may be
their difference (`HOSTS`) is a warning then, and what is beyond it fails.

Error rates: `benchmarks/side_by_side.py`.
"""

from __future__ import annotations

import math
from statistics import fmean
from typing import TYPE_CHECKING, NamedTuple

from msgspec import structs

from pytest_modal_bench.gate.comparison import BLIND, FLOORS
from pytest_modal_bench.gate.metrics import METRICS, Name, is_metric
from pytest_modal_bench.gate.moderation import NOTHING, Spread, prior
from pytest_modal_bench.gate.noise import FALSE_ALARM, POWER
from pytest_modal_bench.gate.pairing import ratios
from pytest_modal_bench.gate.student import quantile, upper_tail
from pytest_modal_bench.gate.survivors import beyond, survivors
from pytest_modal_bench.model import Check
from pytest_modal_bench.model.series import series
from pytest_modal_bench.safety.text import counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pytest_modal_bench.gate.metrics import Metric
    from pytest_modal_bench.gate.pairing import Ratios
    from pytest_modal_bench.model import Endpoint, EndpointResult

_ENOUGH = 5
"""Containers a side that find most of what is 30 % slower."""
FEWEST = 3
"""Pairs of containers, or of calls, from which on it is known how much they scatter."""
HOSTS = math.sqrt(2) * 0.046
"""By how much two hosts may differ: the standard deviation of the logarithm of their ratio, if each differs from others
by 4.6 %, as runs do (`benchmarks/gate_errors.py`)."""
_INTERVAL = 0.95
_LEAST_SQUARES = 1e-18
"""Variances of logarithms below this are rounding."""


class Scatter(NamedTuple):
    """How much the ratios of one endpoint's metric scatter. All processes of a run tell each other theirs."""

    endpoint: str
    metric: Name
    by_container: bool
    variance: float
    degrees: float


class Basis(NamedTuple):
    """What all comparisons of a run share."""

    against: str
    """What the base is called."""
    names: tuple[Name, ...]
    """What is compared."""
    comparisons: int
    """How many are made in the run, at the most."""
    priors: Mapping[tuple[Name, bool], Spread]
    """What is to be expected of scatter, by metric and by whether it is that of containers."""


def compared(endpoints: Iterable[Endpoint], *, forced: bool) -> tuple[tuple[Name, ...], int]:
    """Return which metrics are compared in a run of `endpoints`, and how many comparisons that makes at the most.

    Cold starts are compared where they are forced: what is observed is one a pool, and one proves nothing.
    """
    names: tuple[Name, ...] = tuple(name for name in FLOORS if forced or name != "cold")
    return names, sum(
        not METRICS[name].of_stream or endpoint.stream is not None for endpoint in endpoints for name in names
    )


def scatter(result: EndpointResult, names: Iterable[Name]) -> list[Scatter]:
    """Return how much the ratios of a result to its base scatter, metric by metric."""
    found = ((name, ratios(name, result)) for name in names)
    return [
        Scatter(result.id, name, known.by_container, *_spread(known.values))
        for name, known in found
        if known is not None and len(known.values) > 1
    ]


def priors(scatters: Iterable[Scatter]) -> dict[tuple[Name, bool], Spread]:
    """Return what is to be expected of scatter, from that of all endpoints; one that was told twice counts once."""
    spreads: dict[tuple[Name, bool], dict[str, Spread]] = {}
    for each in scatters:
        found = spreads.setdefault((each.metric, each.by_container), {})
        found[each.endpoint] = Spread(each.variance, each.degrees)
    return {key: prior([*found.values()]) for key, found in spreads.items()}


def checks(result: EndpointResult, basis: Basis) -> list[Check]:
    """Compare `result` with its base, metric by metric; none where one of them has no data."""
    base = result.base
    if base is None:
        return []
    if base.status != "success":
        why = base.error or base.skipped_reason or base.status.replace("_", " ")
        return [_not_compared(f"not compared with {basis.against}, which failed: {why}")]
    found = [(name, ratios(name, result)) for name in basis.names]
    known = [_check(name, result, pairs, basis) for name, pairs in found if pairs is not None]
    return known or [_not_compared(f"not compared with {basis.against}: no pair of calls that both answered")]


def waiting(found: Sequence[Check]) -> list[Check]:
    """Return what is known until all endpoints of the run have been measured."""
    return [
        structs.replace(check, verdict="INCONCLUSIVE", message=f"{check.message}: the run was not finished")
        if check.verdict == "FAIL"
        else check
        for check in found
    ]


class Estimate(NamedTuple):
    """A ratio's logarithm, turned so that up is worse, and how well it is known."""

    mean: float
    error: float
    degrees: float

    def lowest(self, tail: float, *, beside: float = 0.0) -> float:
        """Return what the truth lies below with the probability `tail`; `beside`: one more standard error."""
        return self.mean - quantile(tail, self.degrees) * math.hypot(self.error, beside)

    def highest(self, tail: float) -> float:
        """Return what the truth lies above with the probability `tail`."""
        return self.mean + quantile(tail, self.degrees) * self.error

    def noticed(self, floor: float, tail: float, *, beside: float = 0.0) -> float:
        """Return the smallest truth whose `lowest` is above `floor` with `POWER`; `beside`: one more standard error."""
        missed = quantile(1 - POWER, self.degrees) * math.hypot(self.error, beside)
        return floor + quantile(tail, self.degrees) * self.error + missed


def estimate(values: Sequence[float], expected: Spread) -> Estimate:
    """Return what at least two logarithms of ratios say; `expected`: how much they scatter in other endpoints."""
    spread = _spread(values).moderated(expected)
    return Estimate(fmean(values), math.sqrt(spread.variance / len(values)), spread.degrees)


def _check(name: Name, result: EndpointResult, pairs: Ratios, basis: Basis) -> Check:
    metric, calls = METRICS[name], series(result, METRICS[name].start)
    ratio = metric.ratio(fmean(pairs.values))
    at_least = "at least " if metric.is_duration_of_call and calls.censored_at is not None else ""
    base = result.base
    unproven = name == "cold" and False in (result.cold_verified, base and base.cold_verified)
    check = Check(
        metric=name,
        against="base",
        verdict="PASS",
        message=f"{metric.label} {at_least}{ratio:.2f}x of {basis.against}",
        value=metric.median(result),
        limit=metric.ratio(math.log(FLOORS[name])),
        ratio=ratio,
        n=pairs.pairs,
        containers=len(pairs.values) if pairs.by_container else None,
    )
    mark = f"{_basis(pairs, metric)}{survivors(calls)}{', unverified' if unproven else ''}"
    if len(pairs.values) < FEWEST:
        return structs.replace(
            check, verdict="INCONCLUSIVE", message=f"{check.message}{mark}; {_lacks(pairs, metric)}"
        )
    known = estimate(pairs.values, basis.priors.get((name, pairs.by_container), NOTHING))
    tested = _tested(check, known, metric, mark, FALSE_ALARM / max(basis.comparisons, 1))
    reason = beyond(calls) if name != "cost" and tested.verdict == "PASS" else None
    return (
        tested
        if reason is None
        else structs.replace(tested, verdict="INCONCLUSIVE", message=f"{tested.message}; {reason}")
    )


def _tested(check: Check, known: Estimate, metric: Metric, mark: str, tail: float) -> Check:
    """Return `check` with the ratio's interval, and with what it comes to at the probability `tail`."""
    assert is_metric(check.metric)  # noqa: S101 - no other has a ratio
    floor = math.log(FLOORS[check.metric])
    half = (1 - _INTERVAL) / 2
    low, high = sorted((metric.ratio(known.lowest(half)), metric.ratio(known.highest(half))))
    beside = 0.0 if metric.start == "cold" or check.containers is not None else HOSTS
    noticed = known.noticed(floor, tail, beside=beside)
    seen = f"would have noticed {metric.ratio(noticed) - 1:+.0%}"
    check = structs.replace(
        check,
        message=f"{check.message} ({low:.2f} to {high:.2f}){mark}",
        low=low,
        high=high,
        p=_tail(known),
        noticed=metric.ratio(noticed),
    )
    if known.lowest(tail) > floor:
        message = f"{check.message} (limit {check.limit:.3g}x, {seen})"
        if known.lowest(tail, beside=beside) > floor:
            return structs.replace(check, verdict="FAIL", message=message)
        return structs.replace(
            check,
            verdict="WARN",
            message=f"{message}; two hosts may differ as much: --modal-bench-cold=force --modal-bench-cold-rounds="
            f"{_ENOUGH} tells",
        )
    if noticed > math.log(BLIND):
        return structs.replace(
            check,
            verdict="INCONCLUSIVE",
            message=f"{check.message}; {seen} or more only: {_more(check, metric)} would see more",
        )
    return structs.replace(check, message=f"{check.message}, {seen}")


def _tail(known: Estimate) -> float:
    """How likely the ratio is to be as bad by chance, or worse, if both sides are alike."""
    if not known.error:
        return 0.0 if known.mean > 0 else 1.0
    return upper_tail(known.mean / known.error, known.degrees)


def _basis(pairs: Ratios, metric: Metric) -> str:
    """Say what a ratio rests on."""
    said = f", {counted(pairs.pairs, 'pair')} of {'cold starts' if metric.start == 'cold' else 'calls'}"
    if metric.start == "cold":
        return said
    if not pairs.by_container:
        return f"{said}: the hosts' own difference is in it"
    return f"{said} in {counted(len(pairs.values), 'container')} a side"


def _lacks(pairs: Ratios, metric: Metric) -> str:
    """Say what a comparison needs and has not."""
    if metric.start == "cold":
        return f"needs {FEWEST} (--modal-bench-cold-rounds={FEWEST})"
    if pairs.by_container:
        return (
            f"needs {FEWEST} containers a side, as one may be slow by itself: --modal-bench-cold=force "
            f"--modal-bench-cold-rounds={FEWEST}"
        )
    return f"needs {FEWEST} (--modal-bench-rounds={FEWEST})"


def _more(check: Check, metric: Metric) -> str:
    """Say what makes a comparison see more."""
    by_container = metric.start == "cold" or check.containers is not None
    return f"more of them (--modal-bench-{'cold-' if by_container else ''}rounds)"


def _not_compared(message: str) -> Check:
    return Check(metric="success", against="base", verdict="INCONCLUSIVE", message=message)


def _spread(values: Sequence[float]) -> Spread:
    middle, degrees = fmean(values), len(values) - 1
    found = sum((value - middle) ** 2 for value in values) / degrees
    return Spread(found if found > _LEAST_SQUARES else 0.0, degrees)
