"""One container's GPU: one job at a time, models loaded on their first call, the last answer cached."""

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
"""What ComfyUI takes for a workflow it has just run."""
JITTER = 0.04
"""Times vary by up to this share, so that two samples differ as real ones do."""


class Job(NamedTuple):
    """A finished job; `seconds` is its simulated GPU time, unscaled."""

    body: bytes
    seconds: float
    cost_factor: float = 1.0

    @property
    def cost_usd(self) -> float:
        """What those seconds cost on an L40S, times the factor that the endpoint puts on it."""
        return self.seconds * USD_PER_SEC * self.cost_factor


class Gpu:
    """Loads models and runs jobs; simulated seconds times `time_scale` are slept, the work comes on top."""

    def __init__(
        self,
        endpoints: Mapping[str, Endpoint],
        *,
        time_scale: float,
        seed: int,
        killed: Collection[str] = (),
    ) -> None:
        self._endpoints = endpoints
        self._time_scale = time_scale
        self._lots = random.Random(seed)  # noqa: S311 - noise, not a secret
        self._killed = killed
        self._loaded: set[str] = set()
        self._last: dict[str, tuple[str, bytes]] = {}
        self._free = asyncio.Lock()

    async def run(self, path: str, request: str, work: Callable[[], bytes]) -> Job:
        """Run `work` for the route `path`; `request` tells identical calls, which the cache answers.

        For a path in `killed` the process ends by SIGKILL instead.
        """
        async with self._free:
            factor = self._endpoints[path].cost_factor
            last_request, last_body = self._last.get(path, (None, b""))
            if request == last_request:
                await self._spend(CACHED_SEC)
                return Job(last_body, CACHED_SEC, factor)
            seconds = 0.0
            if path not in self._loaded:
                seconds += await self._spend(self._vary(self._endpoints[path].load))
                if path in self._killed:
                    os.kill(os.getpid(), signal.SIGKILL)
                self._loaded.add(path)
            seconds += await self._spend(self._vary(self._endpoints[path].inference))
            body = await asyncio.to_thread(work)
            self._last[path] = request, body
            return Job(body, seconds, factor)

    def _vary(self, seconds: float) -> float:
        return seconds * self._lots.uniform(1 - JITTER, 1 + JITTER)

    async def _spend(self, seconds: float) -> float:
        await asyncio.sleep(seconds * self._time_scale)
        return seconds
