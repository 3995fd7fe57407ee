"""Times of a stream, from when its outputs arrived.

Names and definitions are those of vLLM's and GuideLLM's benchmarks.
"""

from __future__ import annotations

import statistics
from itertools import pairwise
from typing import TYPE_CHECKING

from pytest_modal_bench.model import Streamed

if TYPE_CHECKING:
    from collections.abc import Sequence

_LONG = 0.95


def figures(
    arrived_sec: Sequence[float], *, output_tokens: int | None = None, complete: bool = True
) -> Streamed:
    """Return the times of outputs that arrived at `arrived_sec`, seconds since the call's clock started.

    Not `complete`: those between the first and the last are not all known.
    """
    if not arrived_sec:
        return Streamed(output_tokens=output_tokens)
    gaps = sorted(later - earlier for earlier, later in pairwise(arrived_sec)) if complete else []
    span_sec = arrived_sec[-1] - arrived_sec[0]
    more = 0 if output_tokens is None else output_tokens - 1
    return Streamed(
        ttft_sec=arrived_sec[0],
        itl_sec=statistics.median(gaps) if gaps else None,
        itl_p95_sec=_quantile(gaps, _LONG) if gaps else None,
        itl_max_sec=gaps[-1] if gaps else None,
        chunks=len(arrived_sec),
        output_tokens=output_tokens,
        tokens_per_sec=more / span_sec if more > 0 and span_sec > 0 else None,
    )


def _quantile(ordered: Sequence[float], share: float) -> float:
    """Return the quantile between the two nearest values, in proportion, as NumPy's `percentile` does by default."""
    place = (len(ordered) - 1) * share
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)
