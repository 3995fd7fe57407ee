"""The local workspace as a whole: a listener per app, the edge behind them, and the containers it starts."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, NamedTuple

from pytest_modal_bench.local.background_clients import visits
from pytest_modal_bench.local.containers.container import Order
from pytest_modal_bench.local.containers.pool import Pool
from pytest_modal_bench.local.containers.records import Records
from pytest_modal_bench.local.edge.server import Edge
from pytest_modal_bench.local.edge.tls import cut_handshakes
from pytest_modal_bench.local.http import Server, listen, reserve

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from pytest_modal_bench.local.containers.zygote import Zygote
    from pytest_modal_bench.local.control.address import ControlAccess
    from pytest_modal_bench.local.events import Entry
    from pytest_modal_bench.local.workspace.apps import Workspace
    from pytest_modal_bench.local.workspace.scenario import Scenario

LORA = "test-benchmark"
"""The LoRA that there is, where the scenario has one."""


class ControlPlan(NamedTuple):
    """What the control plane is to be: its one environment, and who may call it."""

    environment: str
    token: tuple[str, str]
    """Id and secret."""


class Addresses(NamedTuple):
    """Where the workspace is."""

    urls: dict[str, str]
    """Base URLs by app."""
    control: ControlAccess | None


@asynccontextmanager
async def serving(  # noqa: PLR0913 - all that a workspace is made of
    workspace: Workspace,
    scenario: Scenario,
    zygote: Zygote,
    *,
    time_scale: float,
    control: ControlPlan | None,
    log: Callable[[Entry], None],
) -> AsyncGenerator[Addresses]:
    """Serve the workspace, and hand out where it is; at the end every container is gone."""
    cut, refused = scenario.cut(), scenario.refused()
    listeners = {name: reserve() if name in refused else listen() for name in workspace.apps}
    ports = {name: listener.getsockname()[1] for name, listener in listeners.items()}
    urls = {name: f"{'https' if name in cut else 'http'}://127.0.0.1:{port}" for name, port in ports.items()}
    pools = {
        name: Pool(
            Order(
                name=name,
                app=scenario.altered(name, app),
                time_scale=time_scale,
                faults={path: scenario.faults[path] for path in app.endpoints if path in scenario.faults},
                loras=[LORA] if scenario.resources.lora else [],
                middleware=scenario.middleware,
            ),
            zygote,
            records=Records(scenario.apps.get(name), time_scale),
            log=log,
        )
        for name, app in workspace.apps.items()
    }
    edge = Edge({ports[name]: pool for name, pool in pools.items()}, scenario, time_scale, log)
    server = Server(edge)
    handshakes = [await cut_handshakes(listeners[name]) for name in cut]
    running = asyncio.create_task(
        server.serve([listener for name, listener in listeners.items() if name not in [*cut, *refused]])
    )
    await server.up.wait()
    try:
        async with AsyncExitStack() as stack:
            access = None
            if control:
                access = await stack.enter_async_context(
                    control_plane(workspace, scenario, control, {urls[name]: pools[name] for name in pools})
                )
            await stack.enter_async_context(visits(scenario, urls, time_scale))
            yield Addresses(urls, access)
    finally:
        for listener in handshakes:
            listener.close()
        for name in refused:
            listeners[name].close()
        for pool in pools.values():
            await pool.close()
        server.should_exit = True
        await running
        await edge.close()


@asynccontextmanager
async def control_plane(
    workspace: Workspace, scenario: Scenario, plan: ControlPlan, pools: dict[str, Pool]
) -> AsyncGenerator[ControlAccess]:
    """Serve the control plane of these pools, given by base URL."""
    # Only who wants a control plane pays for its imports, and needs the extra `modal`.
    from pytest_modal_bench.local.control.directory import Directory
    from pytest_modal_bench.local.control.server import controlling
    from pytest_modal_bench.local.control.servicer import Servicer

    refuses_stops = [name for name, fault in scenario.apps.items() if fault.refuses_stops]
    directory = Directory(plan.environment, pools)
    servicer = Servicer(workspace.workspace, directory, refuses_stops=refuses_stops)
    async with controlling(servicer, plan.token, scenario.control) as access:
        yield access
