"""How long one endpoint's test may take by its settings: what a backstop must not cut short."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_modal_bench.protocol.plan import RETAKES
from pytest_modal_bench.run import spread

if TYPE_CHECKING:
    from pytest_modal_bench.model import Endpoint
    from pytest_modal_bench.run.settings import Settings

_ZERO_SEC = 60.0
"""How long a pool may take to reach zero."""
_BESIDE_SEC = 60.0
"""Beside a call's deadline: its answer is decoded, the control plane asked and a record waited for."""
_PREFLIGHT_SEC = 10.0
_PREFLIGHTS = 3
"""Before the calls, after them, and to see whether an app lives whose call has timed out."""


def planned_sec(endpoint: Endpoint, settings: Settings) -> float:
    """Seconds that the planned calls may take if each takes until its deadline and none is repeated."""
    calls = _colds(endpoint, settings) + 1 + spread.warm_calls(settings)
    return settings.deadline_sec(endpoint.timeout) * calls * _sides(settings)


def longest_sec(endpoint: Endpoint, settings: Settings) -> float:
    """Seconds that the endpoint's test may take at most.

    Every call takes until its deadline and is made as often as it may be, every forced cold start waits for the pool to
    reach zero, where there is a baseline all is measured twice, and what is called in turn takes as long. Waiting for
    other processes' calls is not in it.
    """
    call_sec = settings.deadline_sec(endpoint.timeout) + _BESIDE_SEC
    tries = 1 + RETAKES
    cold_sec = call_sec
    if settings.cold == "force":
        cold_sec = _colds(endpoint, settings) * tries * (settings.patience_sec(_ZERO_SEC) + call_sec)
    measured_sec = cold_sec + call_sec + spread.warm_calls(settings) * tries * call_sec
    twice = 1 if settings.baseline is None else 2
    return _sides(settings) * (twice * measured_sec + _PREFLIGHTS * _PREFLIGHT_SEC)


def _sides(settings: Settings) -> int:
    return 1 if settings.against is None else 2


def _colds(endpoint: Endpoint, settings: Settings) -> int:
    """How many cold starts it may get; the first of its pool, which it may turn out to be, gets them all."""
    if settings.cold == "off" or (endpoint.cold is False and settings.against is None):
        return 0
    return settings.cold_rounds if settings.cold == "force" else 1
