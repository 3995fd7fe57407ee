"""Other clients of the workspace, who come at any time and wake containers behind the benchmark's back."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from pytest_modal_bench.local.workspace.scenario import Scenario


@asynccontextmanager
async def visits(scenario: Scenario, urls: Mapping[str, str], time_scale: float) -> AsyncGenerator[None]:
    """Have the apps visited that the scenario has visited by a stranger."""
    visitors = [
        asyncio.create_task(_visit(f"{urls[name]}/health", fault.stranger * time_scale))
        for name, fault in scenario.apps.items()
        if fault.stranger is not None
    ]
    try:
        yield
    finally:
        for visitor in visitors:
            visitor.cancel()
        await asyncio.gather(*visitors, return_exceptions=True)


async def _visit(url: str, every: float) -> None:
    # A boot may take long, and there is no TLS here that could be verified.
    async with httpx.AsyncClient(timeout=None, verify=False, trust_env=False) as client:  # noqa: S113, S501
        while True:
            await asyncio.sleep(every)
            with suppress(httpx.TransportError):
                await client.get(url)
