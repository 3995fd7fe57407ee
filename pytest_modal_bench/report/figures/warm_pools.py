"""Pools whose containers have a known price, window and start: of these it can be said what a warm one costs."""

from __future__ import annotations

from statistics import fmean
from typing import TYPE_CHECKING, NamedTuple

from pytest_modal_bench.cost.warm_pool import Pool
from pytest_modal_bench.report.figures.pairs import clear_pairs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_modal_bench.model import EndpointResult, Run

_DEFAULT_WINDOW_SEC = 60.0
"""Modal's own `scaledown_window` where none is set."""
_LONGER_WINDOW_SEC = 300.0


class WarmPool(NamedTuple):
    """A pool, and the two windows to compare, in seconds."""

    app: str
    """What the catalogue calls its app."""
    pool: Pool
    window_sec: float
    """The present one, as the catalogue claims."""
    other_sec: float
    """Modal's default or, where that is the present one, five times as long."""
    proven: bool
    """Whether its cold start is."""


def warm_pools(run: Run) -> list[WarmPool]:
    """Return what is known of each pool; nothing of one that lacks a price, a window or a clear cold start.

    Seconds of a simulated run have no price.
    """
    pools: dict[str, list[EndpointResult]] = {}
    for result in run.results:
        pools.setdefault(result.pool, []).append(result)
    known = map(_of_pool, pools.values()) if run.simulated is None else []
    return [pool for pool in known if pool is not None]


def _of_pool(results: Sequence[EndpointResult]) -> WarmPool | None:
    price = _agreed([result.container_usd_per_sec for result in results])
    window_sec = _agreed([result.scaledown_window_sec for result in results])
    pairs = clear_pairs(results)
    if not price or window_sec is None or not pairs:
        return None
    # Each endpoint of the pool is taken to get as many calls as any other.
    call_sec = fmean(result.warm_time_sec for result in results if result.warm_time_sec is not None)
    is_default = window_sec == _DEFAULT_WINDOW_SEC
    return WarmPool(
        app=results[0].app,
        pool=Pool(price, call_sec, fmean(pair.saved for pair in pairs)),
        window_sec=window_sec,
        other_sec=_LONGER_WINDOW_SEC if is_default else _DEFAULT_WINDOW_SEC,
        proven=all(pair.result.cold_verified for pair in pairs),
    )


def _agreed(values: Sequence[float | None]) -> float | None:
    """Return the one value that all say that say something; None: there is none, or they differ."""
    known = {value for value in values if value is not None}
    return known.pop() if len(known) == 1 else None
