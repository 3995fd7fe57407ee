"""Which inputs a function accepts: so many a second, and so many that wait for a container."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_modal_bench.local.workspace.settings import Limits

BURST_SEC = 5.0
"""Inputs that come at once are accepted as if they came over so many unscaled seconds; plausible, not known."""


class Admission:
    """Counts one function's inputs against the limits: a token bucket, and the length of its queue."""

    def __init__(self, limits: Limits, function_id: str, time_scale: float) -> None:
        self._limits = limits
        self._function_id = function_id
        self._per_sec = limits.inputs_per_sec / time_scale
        self._capacity = max(limits.inputs_per_sec * BURST_SEC, 1.0)
        self._tokens = self._capacity
        self._at = time.monotonic()

    def refusal(self, waiting: int) -> str | None:
        """Why one more input is not accepted while so many wait; None: it is accepted, and counted.

        The second wording is known from the edge's answers (see `pytest_modal_bench.call.causes`), the first from
        calls through Modal's SDK; whether the edge has the same is not known.
        """
        now = time.monotonic()
        self._tokens = min(self._capacity, self._tokens + (now - self._at) * self._per_sec)
        self._at = now
        if self._tokens < 1:
            return f"Input rate limit ({self._limits.inputs_per_sec:g}/s) exceeded for function {self._function_id}"
        if waiting >= self._limits.pending_inputs:
            return f"Function {self._function_id} reached pending input queue limit ({self._limits.pending_inputs})"
        self._tokens -= 1
        return None
