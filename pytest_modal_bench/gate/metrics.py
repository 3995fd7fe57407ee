"""Figures that results are held against: where each stands in a result and in a sample, and which way is worse."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeGuard

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_modal_bench.model import CostBasis, EndpointResult, Sample, Start

Name = Literal["cold", "warm", "cost", "ttft", "itl", "tokens_per_sec"]
"""As `Check.metric` has it."""


class Metric(NamedTuple):
    """One figure of an endpoint: the median of what its calls of one start say."""

    label: str
    """What it is called beside its value."""
    noun: str
    """What it is called in a sentence."""
    unit: str
    """What stands behind its value; nothing where the label says it."""
    start: Start
    field: str
    """Where its median stands in a result."""
    of_call: Callable[[Sample, CostBasis | None], float | None]
    """What one call says of it, whose result knows costs in that way; None: nothing."""
    of_stream: bool = False
    less_is_worse: bool = False

    @property
    def is_duration_of_call(self) -> bool:
        """Whether a call that timed out says that it is its deadline, at the least."""
        return self.of_call is _elapsed_sec

    def worse(self, value: float) -> float:
        """Return the logarithm of a value above 0, turned so that up is worse."""
        return -math.log(value) if self.less_is_worse else math.log(value)

    def ratio(self, change: float) -> float:
        """Return the ratio of values that a change of `worse` is."""
        return math.exp(-change if self.less_is_worse else change)

    def median(self, result: EndpointResult) -> float | None:
        """Return what `result` says of it; None: not known."""
        value: float | None = getattr(result, self.field)
        return value


def _elapsed_sec(sample: Sample, _: CostBasis | None) -> float | None:
    """Seconds of a call; one that timed out took its deadline at least, and stands for so much."""
    return sample.elapsed_sec if sample.ok or sample.cause == "timeout" else None


def _cost_usd(sample: Sample, basis: CostBasis | None) -> float | None:
    """US dollars of a call, if they are known in the same way as those of the result."""
    return sample.cost_usd if sample.ok and sample.cost_basis == basis else None


def _of_stream(label: str, noun: str, unit: str, field: str, *, less_is_worse: bool = False) -> Metric:
    """A figure of warm calls whose field has the same name in a result and in what is known of a stream."""

    def of_call(sample: Sample, _: CostBasis | None) -> float | None:
        known = sample.ok and sample.stream is not None
        value: float | None = getattr(sample.stream, field) if known else None
        return value

    return Metric(label, noun, unit, "warm", field, of_call, of_stream=True, less_is_worse=less_is_worse)


METRICS: dict[Name, Metric] = {
    "cold": Metric("cold", "cold start", " s", "cold", "cold_time_sec", _elapsed_sec),
    "warm": Metric("warm", "warm call", " s", "warm", "warm_time_sec", _elapsed_sec),
    "cost": Metric("cost", "cost", " USD", "warm", "cost_usd", _cost_usd),
    "ttft": _of_stream("ttft", "time to first token", " s", "ttft_sec"),
    "itl": _of_stream("itl p95", "time between outputs", " s", "itl_p95_sec"),
    "tokens_per_sec": _of_stream("tokens/s", "tokens a second", "", "tokens_per_sec", less_is_worse=True),
}
"""By the name that checks have."""


def is_metric(name: str) -> TypeGuard[Name]:
    """Whether a check's metric is one of these: neither the share of successes, nor a figure under load."""
    return name in METRICS
