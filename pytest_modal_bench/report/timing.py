"""What samples say: how many succeeded, their median, its interval, their range and their phases."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from pytest_modal_bench.model import Phases

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_modal_bench.model import Sample


@dataclass(frozen=True, slots=True)
class Timing:
    """Times in seconds, over the samples that succeeded; None: there is not enough to say."""

    ok: int
    n: int
    median: float | None
    interval: tuple[float, float] | None
    """In which the true median lies with 95 % confidence."""
    low: float | None
    high: float | None
    phases: Phases
    """Median of each phase over the samples that had it."""

    @classmethod
    def of(cls, samples: Sequence[Sample]) -> Timing:
        """Sum up `samples`; a failed one counts in `n` and nowhere else, since its time is no latency."""
        succeeded = [sample for sample in samples if sample.ok]
        times = sorted(sample.elapsed_sec for sample in succeeded)
        phases = {
            name: _median(
                [value for sample in succeeded if (value := getattr(sample.phases, name)) is not None]
            )
            for name in Phases.__struct_fields__
        }
        return cls(
            ok=len(succeeded),
            n=len(samples),
            median=_median(times),
            interval=median_interval(times),
            low=times[0] if times else None,
            high=times[-1] if times else None,
            phases=Phases(**phases),
        )


def median_interval(values: Sequence[float], confidence: float = 0.95) -> tuple[float, float] | None:
    """Return the narrowest symmetric pair of order statistics that holds the true median with `confidence`.

    It is exact and assumes nothing of the distribution: the pair (k, n + 1 - k) misses the median with
    probability 2 P(Bin(n, 1/2) < k). None if even the extremes miss it too often, as for 95 % and n < 6.
    Source: David and Nagaraja, Order Statistics, 3rd edition (2003), section 7.1.
    """
    n = len(values)
    k = missed = 0
    while k < n // 2 and 2 * (missed + math.comb(n, k)) / 2**n <= 1 - confidence:
        missed += math.comb(n, k)
        k += 1
    ordered = sorted(values)
    return (ordered[k - 1], ordered[n - k]) if k else None


def _median(values: Sequence[float]) -> float | None:
    return median(values) if values else None
