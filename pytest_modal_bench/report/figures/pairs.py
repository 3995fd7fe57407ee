"""Cold against warm on the same endpoints: the only comparison that a report makes."""

from __future__ import annotations

from statistics import mean
from typing import TYPE_CHECKING, NamedTuple

from pytest_modal_bench.model.series import series
from pytest_modal_bench.report.figures.noise import clearly_less

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_modal_bench.model import EndpointResult


class Pair(NamedTuple):
    """An endpoint that succeeded and has both times, in seconds."""

    result: EndpointResult
    cold: float
    warm: float

    @property
    def saved(self) -> float:
        """Seconds that a warm container saves; negative where it is slower."""
        return self.cold - self.warm


def proven(pairs: Sequence[Pair]) -> bool:
    """Whether every cold start among `pairs` is."""
    return all(pair.result.cold_verified for pair in pairs)


def paired(results: Sequence[EndpointResult]) -> list[Pair]:
    """Return the pairs among `results`, in their order."""
    return [
        Pair(result, result.cold_time_sec, result.warm_time_sec)
        for result in results
        if result.status == "success"
        and result.cold_time_sec is not None
        and result.warm_time_sec is not None
    ]


def clear_pairs(results: Sequence[EndpointResult]) -> list[Pair]:
    """Return those of `paired(results)` whose cold start takes longer by more than noise explains."""
    return [
        pair
        for pair in paired(results)
        if clearly_less(series(pair.result, "warm").times, series(pair.result, "cold").times)
    ]


def averages(pairs: Sequence[Pair]) -> tuple[float, float]:
    """Return mean cold and mean warm seconds of at least one pair."""
    return mean(pair.cold for pair in pairs), mean(pair.warm for pair in pairs)
