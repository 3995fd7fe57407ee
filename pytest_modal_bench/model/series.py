"""The calls of one start as one series: how many were answered, and their median as far as timeouts let it be known.

A call that timed out has a right-censored time: it lies somewhere above its deadline. A call that failed otherwise has
none, but it is counted, so that a median over the others can be marked as one.
"""

from __future__ import annotations

import math
from fractions import Fraction
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_modal_bench.model.result import EndpointResult
    from pytest_modal_bench.model.sample import Sample, Start


class Series(NamedTuple):
    """What a series of calls says in seconds; None: not known."""

    n: int
    """Calls, dropped ones left out."""
    times: tuple[float, ...]
    """Of those that were answered, in ascending order."""
    median: float | None
    censored_at: float | None
    """Where half of the calls or more timed out: the deadline that the median lies beyond, and `median` is None."""

    @property
    def answered(self) -> int:
        """How many calls were answered."""
        return len(self.times)

    @property
    def partial(self) -> bool:
        """Whether some calls were answered, and others were not."""
        return 0 < self.answered < self.n


def sum_up(samples: Iterable[Sample]) -> Series:
    """Return what `samples` say as one series."""
    known = [sample for sample in samples if sample.dropped is None]
    times = sorted(sample.elapsed_sec for sample in known if sample.ok)
    censored = [sample.elapsed_sec for sample in known if not sample.ok and sample.cause == "timeout"]
    middle = _median([*times, *(math.inf for _ in censored)])
    beyond = middle == math.inf
    return Series(len(known), tuple(times), None if beyond else middle, min(censored) if beyond else None)


def calls(samples: Iterable[Sample], start: Start) -> list[Sample]:
    """Return the calls that count for `start`: answered as such or, where they failed, meant as such."""
    return [
        sample
        for sample in samples
        if sample.dropped is None and (sample.start if sample.ok else sample.meant) == start
    ]


def series(result: EndpointResult, start: Start) -> Series:
    """Return the endpoint's calls of one start as a series."""
    return sum_up(calls(result.samples, start))


def reaches(good: int, n: int, share: float) -> bool:
    """Whether `good` of `n` is at least `share`, compared exactly: 7 of 25 are 0.28, whatever a float makes of it."""
    return good >= Fraction(repr(float(share))) * n


def _median(values: list[float]) -> float | None:
    return median(values) if values else None
