"""The local workspace as a whole: a listener per app, the edge behind them, and the containers it starts."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from pytest_modal_bench.local.edge import Edge
from pytest_modal_bench.local.http import Server, listen
from pytest_modal_bench.local.pool import Event, Pool
from pytest_modal_bench.local.tls import cut_handshakes

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from pytest_modal_bench.local.scenario import Scenario
    from pytest_modal_bench.local.workspace import Workspace
    from pytest_modal_bench.local.zygote import Zygote

LORA = "test-benchmark"
"""The LoRA that there is, where the scenario has one."""


@asynccontextmanager
async def serving(
    workspace: Workspace,
    scenario: Scenario,
    zygote: Zygote,
    *,
    time_scale: float,
    log: Callable[[Event], None],
) -> AsyncGenerator[dict[str, str]]:
    """Serve the workspace, and hand out its base URLs by app; at the end every container is gone."""
    listeners = {name: listen() for name in workspace.apps}
    ports = {name: listener.getsockname()[1] for name, listener in listeners.items()}
    pools = {
        ports[name]: Pool(
            name,
            app,
            zygote,
            time_scale=time_scale,
            killed=scenario.killed(),
            loras=[LORA] if scenario.resources.lora else [],
            log=log,
        )
        for name, app in workspace.apps.items()
    }
    edge = Edge(pools, scenario, time_scale)
    server = Server(edge)
    cut = [await cut_handshakes(listeners[name]) for name in scenario.apps]
    running = asyncio.create_task(
        server.serve([listeners[name] for name in listeners if name not in scenario.apps])
    )
    await server.up.wait()
    try:
        yield {
            name: f"{'https' if name in scenario.apps else 'http'}://127.0.0.1:{port}"
            for name, port in ports.items()
        }
    finally:
        for listener in cut:
            listener.close()
        for pool in pools.values():
            await pool.close()
        server.should_exit = True
        await running
        await edge.close()
