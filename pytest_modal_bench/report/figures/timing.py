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

    samples: Sequence[Sample]
    times: tuple[float, ...]
    """In ascending order."""
    median: float | None
    interval: tuple[float, float] | None
    """In which the true median lies with 95 % confidence."""
    censored_at: float | None
    """Where half the samples or more timed out, their deadline: the median is beyond it, and `median` is None."""

    @classmethod
    def of(cls, samples: Sequence[Sample]) -> Timing:
        """Sum up `samples`; a failed one has no time, but for one that timed out: that is beyond its deadline."""
        known = sum_up(samples)
        censored = any(sample.cause == "timeout" for sample in samples)
        return cls(
            samples=samples,
            times=known.times,
            median=known.median,
            interval=None if censored else median_interval(known.times),
            censored_at=known.censored_at,
        )

    @property
    def ok(self) -> int:
        """How many succeeded."""
        return sum(sample.ok for sample in self.samples)

    @property
    def n(self) -> int:
        """How many there are."""
        return len(self.samples)

    @property
    def low(self) -> float | None:
        """The least."""
        return self.times[0] if self.times else None

    @property
    def high(self) -> float | None:
        """The most."""
        return self.times[-1] if self.times else None

    @property
    def success(self) -> tuple[float, float] | None:
        """In which the share of successes lies with 95 % confidence."""
        return wilson_interval(self.ok, self.n)

    @property
    def outliers(self) -> tuple[float, ...]:
        """Flagged, and counted all the same."""
        return tuple(self.times[index] for index in outliers(self.times))

    @property
    def phases(self) -> Phases:
        """Median of each phase over the samples that had it."""
        known = [sample.phases for sample in self.samples if sample.ok]
        values = {
            name: [value for phases in known if (value := getattr(phases, name)) is not None]
            for name in Phases.__struct_fields__
        }
        return Phases(**{name: _median(each) for name, each in values.items()})


def _median(values: Sequence[float]) -> float | None:
    return median(values) if values else None
