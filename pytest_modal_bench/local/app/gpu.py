"""The simulated GPU of one container: so many jobs at once, one model load at a time; it caches the last answer."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Collection, Mapping

    from pytest_modal_bench.local.workspace.apps import Endpoint, Service
    from pytest_modal_bench.local.workspace.pauses import Pauses

USD_PER_SEC = {
    "T4": 0.000164,
    "L4": 0.000222,
    "A10": 0.000306,
    "L40S": 0.000542,
    "A100-40GB": 0.000583,
    "A100-80GB": 0.000694,
    "H100": 0.001097,
}
"""Modal's prices (pricing page, 2026)."""
CACHED_SEC = 0.05
"""Seconds that ComfyUI takes for a workflow that it has just run."""
JITTER = 0.04
"""Times vary by up to this share, so that two samples differ as real ones do."""


class Job(NamedTuple):
    """A finished job; `seconds` is its simulated GPU time, unscaled."""

    body: bytes
    seconds: float
    cost_factor: float = 1.0
    gpu: str = "L40S"

    @property
    def cost_usd(self) -> float:
        """What those seconds cost on that GPU, times the endpoint's `cost_factor`."""
        return self.seconds * USD_PER_SEC[self.gpu] * self.cost_factor

    @property
    def headers(self) -> dict[str, str]:
        """The headers that state all this, as the reference apps send them."""
        return {
            "X-Cost-USD": f"{self.cost_usd:.6f}",
            "X-Execution-Time-Sec": f"{self.seconds:.3f}",
            "X-GPU-Type": self.gpu,
        }


class Gpu:
    """Loads models and runs jobs: sleeps the simulated seconds times `time_scale`, and does the work in addition."""

    def __init__(  # noqa: PLR0913 - what a GPU can be
        self,
        endpoints: Mapping[str, Endpoint],
        *,
        time_scale: float,
        seed: int,
        kind: str = "L40S",
        killed_on_load: Collection[str] = (),
        jobs_at_once: int = 1,
        service: Service = "steady",
        pauses: Pauses | None = None,
    ) -> None:
        self._endpoints = endpoints
        self._kind = kind
        self._time_scale = time_scale
        self._random = random.Random(seed)  # noqa: S311 - noise, not a secret
        self._killed_on_load = killed_on_load
        self._loaded: set[str] = set()
        self._last: dict[str, tuple[str, bytes]] = {}
        self._free = asyncio.Semaphore(jobs_at_once)
        self._loading = asyncio.Lock()
        self._service = service
        self._pauses = pauses and pauses.scaled(time_scale)

    async def run(self, path: str, request: str | None, work: Callable[[], bytes], *, steps: int = 0) -> Job:
        """Run `work` for the route `path`, unless its last call had the same `request`: then the cache answers.

        A `request` of None is like no other. `steps` come on top of the route's `inference`: the tokens of a text.
        """
        async with self._free:
            endpoint = self._endpoints[path]
            last_request, last_body = self._last.get(path, (None, b""))
            if request is not None and request == last_request:
                await self._sleep(CACHED_SEC)
                return Job(last_body, CACHED_SEC, endpoint.cost_factor, self._kind)
            seconds = await self._load(path)
            seconds += await self._sleep(self._vary(endpoint.inference + steps * endpoint.step))
            body = await asyncio.to_thread(work)
            if request is not None:
                self._last[path] = request, body
            return Job(body, seconds, endpoint.cost_factor, self._kind)

    @asynccontextmanager
    async def reserved(self, path: str) -> AsyncGenerator[None]:
        """Hold the GPU for one call of the route `path`, whose model is loaded by then."""
        async with self._free:
            await self._load(path)
            yield

    async def infer(self, path: str) -> None:
        """Take the route's `inference`, in a reserved GPU."""
        await self._sleep(self._vary(self._endpoints[path].inference))

    async def step(self, path: str) -> None:
        """Take one of the route's steps, in a reserved GPU."""
        await self._sleep(self._endpoints[path].step)

    async def _load(self, path: str) -> float:
        """Load the route's model, unless it is loaded; return the seconds that this took.

        For a path in `killed_on_load` the process ends by SIGKILL instead.
        """
        async with self._loading:
            if path in self._loaded:
                return 0.0
            seconds = await self._sleep(self._with_jitter(self._endpoints[path].load))
            if path in self._killed_on_load:
                os.kill(os.getpid(), signal.SIGKILL)
            self._loaded.add(path)
            return seconds

    def _vary(self, seconds: float) -> float:
        if self._service == "exponential":
            return seconds * self._random.expovariate(1)
        return self._with_jitter(seconds)

    def _with_jitter(self, seconds: float) -> float:
        return seconds * self._random.uniform(1 - JITTER, 1 + JITTER)

    async def _sleep(self, seconds: float) -> float:
        now = time.monotonic()
        real = seconds * self._time_scale
        await asyncio.sleep(self._pauses.end(now, real) - now if self._pauses else real)
        return seconds
