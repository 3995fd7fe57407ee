"""The simulated GPU of one container: one job at a time; it loads models on first calls and caches the last answer."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from pytest_modal_bench.local.workspace.apps import Endpoint

GPU_TYPE = "L40S"
USD_PER_SEC = 0.000542
"""Modal's price of an L40S (pricing page, 2026)."""
CACHED_SEC = 0.05
"""Seconds that ComfyUI takes for a workflow that it has just run."""
JITTER = 0.04
"""Times vary by up to this share, so that two samples differ as real ones do."""


class Job(NamedTuple):
    """A finished job; `seconds` is its simulated GPU time, unscaled."""

    body: bytes
    seconds: float
    cost_factor: float = 1.0

    @property
    def cost_usd(self) -> float:
        """What those seconds cost on an L40S, times the endpoint's `cost_factor`."""
        return self.seconds * USD_PER_SEC * self.cost_factor


class Gpu:
    """Loads models and runs jobs: sleeps the simulated seconds times `time_scale`, and does the work in addition."""

    def __init__(
        self,
        endpoints: Mapping[str, Endpoint],
        *,
        time_scale: float,
        seed: int,
        killed_on_load: Collection[str] = (),
    ) -> None:
        self._endpoints = endpoints
        self._time_scale = time_scale
        self._random = random.Random(seed)  # noqa: S311 - noise, not a secret
        self._killed_on_load = killed_on_load
        self._loaded: set[str] = set()
        self._last: dict[str, tuple[str, bytes]] = {}
        self._lock = asyncio.Lock()

    async def run(self, path: str, request: str, work: Callable[[], bytes]) -> Job:
        """Run `work` for the route `path`, unless its last call had the same `request`: then the cache answers.

        For a path in `killed_on_load` the process ends by SIGKILL instead.
        """
        async with self._lock:
            factor = self._endpoints[path].cost_factor
            last_request, last_body = self._last.get(path, (None, b""))
            if request == last_request:
                await self._sleep(CACHED_SEC)
                return Job(last_body, CACHED_SEC, factor)
            seconds = 0.0
            if path not in self._loaded:
                seconds += await self._sleep(self._with_jitter(self._endpoints[path].load))
                if path in self._killed_on_load:
                    os.kill(os.getpid(), signal.SIGKILL)
                self._loaded.add(path)
            seconds += await self._sleep(self._with_jitter(self._endpoints[path].inference))
            body = await asyncio.to_thread(work)
            self._last[path] = request, body
            return Job(body, seconds, factor)

    def _with_jitter(self, seconds: float) -> float:
        return seconds * self._random.uniform(1 - JITTER, 1 + JITTER)

    async def _sleep(self, seconds: float) -> float:
        await asyncio.sleep(seconds * self._time_scale)
        return seconds
