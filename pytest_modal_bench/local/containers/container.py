"""A container: an operating-system process that serves one app's routes, and dies with its supervisor."""

from __future__ import annotations

import asyncio
import os
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import msgspec

from pytest_modal_bench.local.app.gpu import Gpu
from pytest_modal_bench.local.app.routes import build
from pytest_modal_bench.local.http import Server
from pytest_modal_bench.local.workspace.apps import App
from pytest_modal_bench.local.workspace.faults import AnyFault, Kill

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What the supervisor wants started, as one line of JSON down the lifeline."""

    name: str
    app: App
    time_scale: float
    loras: list[str]
    faults: dict[str, AnyFault] = {}
    """By path."""
    deaths: int = 0
    """Containers of the app that died before this one was started."""
    middleware: bool = False
    """Whether the app is wrapped in the middleware that tells of its container."""
    id: str = ""
    seed: int = 0

    def killed(self) -> list[str]:
        """Paths whose model load is the container's end."""
        return [
            path
            for path, fault in self.faults.items()
            if isinstance(fault, Kill) and (fault.times is None or self.deaths < fault.times)
        ]


def serve(listener: socket.socket, lifeline: socket.socket) -> None:
    """Be a container until killed: read the `Order`, say one's pid, boot, say `ready`, serve."""
    with lifeline.makefile("rb") as lines:
        line = lines.readline()
    if not line:
        return  # not wanted any more
    with suppress(BrokenPipeError):  # the supervisor is gone
        lifeline.sendall(f"{os.getpid()}\n".encode())
        threading.Thread(target=_die_with_supervisor, args=(lifeline,), daemon=True).start()
        asyncio.run(_serve(msgspec.json.decode(line, type=Order), listener, lifeline))


def _die_with_supervisor(lifeline: socket.socket) -> None:
    """End this process at once when the other end of the lifeline is gone."""
    lifeline.recv(1)
    os._exit(0)


async def _serve(order: Order, listener: socket.socket, lifeline: socket.socket) -> None:
    os.environ |= {"MODAL_TASK_ID": order.id, "MODAL_REGION": "local"}
    gpu = Gpu(
        order.app.endpoints,
        time_scale=order.time_scale,
        seed=order.seed,
        killed=order.killed(),
    )
    web: Callable[..., Any] = build(order.name, order.app, gpu, order.loras, order.faults)
    if order.middleware:
        # Not before the fork: it tells the moment of its import as that of the container's start.
        from pytest_modal_bench.middleware import ModalBenchMiddleware

        web = ModalBenchMiddleware(web)
    server = Server(web)
    await asyncio.sleep(order.app.enter * order.time_scale)
    serving = asyncio.create_task(server.serve([listener]))
    await server.up.wait()
    lifeline.sendall(b"ready\n")
    await serving
