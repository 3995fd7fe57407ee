"""What samples say: how many succeeded, their median, its interval, their range and their phases."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from pytest_modal_bench.gate.statistics import median_interval, outliers, wilson_interval
from pytest_modal_bench.model import Phases
from pytest_modal_bench.model.series import sum_up

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
    censored_at: float | None
    """Where half the samples or more timed out, their deadline: the median is beyond it, and `median` is None."""
    success: tuple[float, float] | None
    """In which the share of successes lies with 95 % confidence."""
    outliers: tuple[float, ...]
    """Flagged, and counted all the same."""
    low: float | None
    high: float | None
    phases: Phases
    """Median of each phase over the samples that had it."""

    @classmethod
    def of(cls, samples: Sequence[Sample]) -> Timing:
        """Sum up `samples`; a failed one has no time, but for one that timed out: that is beyond its deadline."""
        succeeded = [sample for sample in samples if sample.ok]
        known = sum_up(samples)
        times = known.times
        phases = {
            name: _median(
                [value for sample in succeeded if (value := getattr(sample.phases, name)) is not None]
            )
            for name in Phases.__struct_fields__
        }
        censored = any(sample.cause == "timeout" for sample in samples)
        return cls(
            ok=len(succeeded),
            n=len(samples),
            median=known.median,
            censored_at=known.censored_at,
            success=wilson_interval(len(succeeded), len(samples)),
            outliers=tuple(times[index] for index in outliers(times)),
            interval=None if censored else median_interval(times),
            low=times[0] if times else None,
            high=times[-1] if times else None,
            phases=Phases(**phases),
        )


def _median(values: Sequence[float]) -> float | None:
    return median(values) if values else None
