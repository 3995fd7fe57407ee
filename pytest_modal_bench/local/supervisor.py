"""Puts the local workspace together: listeners, edge, pools of containers, control plane, background clients."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, NamedTuple

from pytest_modal_bench.local.background_clients import run_background_clients
from pytest_modal_bench.local.containers.container import ContainerSpec
from pytest_modal_bench.local.containers.pool import Pool
from pytest_modal_bench.local.containers.records import Records
from pytest_modal_bench.local.edge.server import Edge
from pytest_modal_bench.local.edge.tls import cut_handshakes
from pytest_modal_bench.local.http import Server, listen, reserve

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from pytest_modal_bench.local.containers.fork_server import ForkServer
    from pytest_modal_bench.local.control.address import ControlAccess
    from pytest_modal_bench.local.events import LogEntry
    from pytest_modal_bench.local.workspace.apps import Workspace
    from pytest_modal_bench.local.workspace.scenario import Scenario

LORA = "test-benchmark"
"""The LoRA of every app, if the scenario has one."""


class ControlPlaneSettings(NamedTuple):
    """The settings of the control plane: its one environment, and the token of its clients."""

    environment: str
    token: tuple[str, str]
    """Id and secret."""


class Addresses(NamedTuple):
    """Where the workspace can be reached."""

    urls: dict[str, str]
    """Base URLs by app."""
    control: ControlAccess | None
    """None: there is no control plane."""


@asynccontextmanager
async def serving(  # noqa: PLR0913 - all that a workspace is made of
    workspace: Workspace,
    scenario: Scenario,
    fork_server: ForkServer,
    *,
    time_scale: float,
    control: ControlPlaneSettings | None,
    log: Callable[[LogEntry], None],
) -> AsyncGenerator[Addresses]:
    """Serve the workspace, and yield its addresses; at the end every container has ended."""
    cut, refused = scenario.apps_with_cut_tls(), scenario.apps_that_refuse()
    listeners = {name: reserve() if name in refused else listen() for name in workspace.apps}
    ports = {name: listener.getsockname()[1] for name, listener in listeners.items()}
    urls = {name: f"{'https' if name in cut else 'http'}://127.0.0.1:{port}" for name, port in ports.items()}
    pools = {
        name: Pool(
            ContainerSpec(
                name=name,
                app=scenario.app_with_faults(name, app),
                time_scale=time_scale,
                faults={path: fault for path in app.endpoints if (fault := scenario.fault(name, path))},
                loras=[LORA] if scenario.resources.lora else [],
                middleware=scenario.middleware,
            ),
            fork_server,
            records=Records(scenario.apps.get(name), time_scale),
            log=log,
            limits=scenario.limits,
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
            await stack.enter_async_context(run_background_clients(scenario, urls, time_scale))
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
        edge.close()


@asynccontextmanager
async def control_plane(
    workspace: Workspace, scenario: Scenario, settings: ControlPlaneSettings, pools: dict[str, Pool]
) -> AsyncGenerator[ControlAccess]:
    """Serve the control plane of these pools, given by base URL."""
    # Imported here, because only a control plane needs the extra `modal`, and these imports take time.
    from pytest_modal_bench.local.control.environment import Environment
    from pytest_modal_bench.local.control.server import serving_control_plane
    from pytest_modal_bench.local.control.servicer import Servicer

    refuses_stops = [name for name, fault in scenario.apps.items() if fault.refuses_stops]
    environment = Environment(settings.environment, pools)
    servicer = Servicer(workspace.workspace, environment, refuses_stops=refuses_stops)
    async with serving_control_plane(servicer, settings.token, scenario.control) as access:
        yield access
