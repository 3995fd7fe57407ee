"""Pairs of calls of a candidate and its base as ratios; those that share a container say little new, and are averaged.

Source of the method: Bulej et al., Duet Benchmarking: Improving Measurement Accuracy in the Cloud, ICPE 2020.
"""

from __future__ import annotations

from statistics import fmean
from typing import TYPE_CHECKING, NamedTuple

from pytest_modal_bench.gate.comparability import other_cost
from pytest_modal_bench.gate.metrics import METRICS
from pytest_modal_bench.model.series import calls

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pytest_modal_bench.gate.metrics import Name
    from pytest_modal_bench.model import EndpointResult, Sample


class Ratios(NamedTuple):
    """What pairs of calls say of one metric: natural logarithms of candidate over base, turned so that up is worse."""

    values: tuple[float, ...]
    """One a pair of containers, the mean of its calls; or one a pair of calls, where containers are not known."""
    pairs: int
    """Pairs of calls."""
    by_container: bool


def ratios(name: Name, result: EndpointResult) -> Ratios | None:
    """Return what the pairs of a result and its base say of a metric; None: nothing.

    A candidate's call that timed out took its deadline at least, and stands for so much. A base's stands for nothing:
    the ratio would look worse than it is.
    """
    base, metric = result.base, METRICS[name]
    if base is None or (name == "cost" and other_cost(base, result)):
        return None
    partners = {sample.pair: sample for sample in calls(base.samples, metric.start) if sample.ok}
    found: list[tuple[float, Sample, Sample]] = []
    for sample in calls(result.samples, metric.start):
        partner = None if sample.pair is None else partners.get(sample.pair)
        if partner is not None:
            ours, theirs = metric.of_call(sample, result.cost_basis), metric.of_call(partner, base.cost_basis)
            if ours and theirs:
                found.append((metric.worse(ours) - metric.worse(theirs), sample, partner))
    if not found:
        return None
    logarithms = [value for value, _, _ in found]
    places = [(_place(sample), _place(partner)) for _, sample, partner in found]
    if any(None in both for both in places):
        return Ratios(tuple(logarithms), len(found), by_container=False)
    groups = _together([{*both} for both in places])
    means = [fmean(logarithms[index] for index in group) for group in groups]
    return Ratios(tuple(means), len(found), by_container=True)


def _place(sample: Sample) -> object:
    """Stand for the container that a call met; None: it is not known. A proven cold start met one of its own."""
    return sample.container or (id(sample) if sample.proof is not None else None)


def _together(places: Sequence[set[object]]) -> Iterable[list[int]]:
    """Return positions in groups: whatever shares a container with another of its group, on either side."""
    groups: list[tuple[set[object], list[int]]] = []
    for index, place in enumerate(places):
        met = [group for group in groups if group[0] & place]
        groups = [group for group in groups if not group[0] & place]
        merged = place.union(*(containers for containers, _ in met))
        groups.append((merged, [*(each for _, indices in met for each in indices), index]))
    return [indices for _, indices in groups]
