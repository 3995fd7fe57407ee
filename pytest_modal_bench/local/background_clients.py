"""Background clients: they call apps at regular intervals while the benchmark runs, as other users of a workspace do.

Their calls start containers that the benchmark did not ask for, and keep them from going idle.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from pytest_modal_bench.local.workspace.scenario import Scenario


@asynccontextmanager
async def run_background_clients(
    scenario: Scenario, urls: Mapping[str, str], time_scale: float
) -> AsyncGenerator[None]:
    """Call `GET /health` of each app for which the scenario sets an interval; stop at the end of the block.

    `urls` are base URLs by app.
    """
    tasks = [
        asyncio.create_task(_call_repeatedly(f"{urls[name]}/health", fault.background_interval * time_scale))
        for name, fault in scenario.apps.items()
        if fault.background_interval is not None
    ]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _call_repeatedly(url: str, interval: float) -> None:
    import httpx  # few scenarios have such clients, and it takes a tenth of a workspace's start

    # A boot may take long, and there is no TLS here that could be verified.
    async with httpx.AsyncClient(timeout=None, verify=False, trust_env=False) as client:  # noqa: S113, S501
        while True:
            await asyncio.sleep(interval)
            with suppress(httpx.TransportError):
                await client.get(url)
