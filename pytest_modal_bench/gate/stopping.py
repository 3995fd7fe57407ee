"""When an endpoint has had enough warm calls: their medians are known well enough to decide what they are held against.

It is looked at after so many calls, and each look may stop it; so each has a part of the error that all may make
together (Bonferroni). More calls to one container say nothing of other runs: what is decided is this run's median.

Error rates, and the calls it saves: `benchmarks/early_stopping.py`.
"""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

from pytest_modal_bench.gate.metrics import METRICS
from pytest_modal_bench.gate.statistics import median_interval
from pytest_modal_bench.model.series import calls

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pytest_modal_bench.gate.metrics import Name
    from pytest_modal_bench.model import Endpoint, EndpointResult, Sample

    Limits = Mapping[Name, Sequence[float]]
    """By metric, in its unit: what a run's median is held against."""

LOOKS = (8, 10, 14, 20, 30)
"""After how many calls it is looked whether they are enough; after the last they are."""
ERROR = 0.05
"""How often at most an interval, of all that are looked at, may miss the median of what is measured."""
NARROW = 0.05
"""Half the width of an interval, as a share of its median, from which on it is narrow, with nothing to be decided."""

DECIDED: tuple[Name, ...] = ("warm", "ttft", "itl", "tokens_per_sec")
"""What may be waited for. A call's cost is its seconds' price, and is known as well as they are."""


def is_enough(endpoint: Endpoint, samples: Sequence[Sample], limits: Limits) -> bool:
    """Whether an endpoint's warm calls are enough, of all its `samples`.

    Where a call has failed, none are before the last look: the share that fails is to be known, too.
    """
    warm = calls(samples, "warm")
    if len(warm) >= LOOKS[-1]:
        return True
    if not all(sample.ok for sample in warm):
        return False
    names = [name for name in DECIDED if limits.get(name)] or ["ttft" if endpoint.stream else "warm"]
    return all(enough(_values(name, warm), limits.get(name, ()), error=ERROR / len(names)) for name in names)


def spared(results: Iterable[EndpointResult]) -> str | None:
    """Say how many warm calls were enough, and what those would have cost that were not made; None: none was spared."""
    made, most, usd, unknown = 0, 0, 0.0, False
    for result in results:
        n = len(calls(result.samples, "warm"))
        if result.status != "success" or not n:
            continue
        at_most = LOOKS[-1] * -(-n // LOOKS[-1])
        made, most = made + n, most + at_most
        usd += (at_most - n) * (result.cost_usd or 0.0)
        unknown |= result.cost_usd is None and n < at_most
    if made == most:
        return None
    worth = f": about ${usd:.4f} not spent{', and what is not known' if unknown else ''}" if usd else ""
    return f"{made} warm calls were enough, of up to {most}{worth}"


def _values(name: Name, warm: Sequence[Sample]) -> list[float]:
    known = (METRICS[name].of_call(sample, None) for sample in warm)
    return [value for value in known if value is not None]


def enough(values: Sequence[float], limits: Sequence[float], *, error: float = ERROR) -> bool:
    """Whether the median of a run's `values` is known well enough.

    `limits`: in their unit, what the median is held against; an interval that holds none of them is enough. With none
    there is nothing to decide, and the interval has to be narrow.
    """
    n = len(values)
    if n >= LOOKS[-1]:
        return True
    if n not in LOOKS:
        return False
    interval = median_interval(values, 1 - error / len(LOOKS))
    if interval is None:
        return False
    low, high = interval
    if limits:
        return not any(low <= limit <= high for limit in limits)
    return high - low <= 2 * NARROW * median(values)
