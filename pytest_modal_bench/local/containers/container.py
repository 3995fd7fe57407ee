"""The process of one container: it serves one app's routes, and ends with its supervisor."""

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


class ContainerSpec(msgspec.Struct, frozen=True, kw_only=True):
    """What a container is to be; the supervisor sends it to the new process as one line of JSON."""

    name: str
    """The app's name."""
    app: App
    time_scale: float
    loras: list[str]
    faults: dict[str, AnyFault] = {}
    """By path."""
    deaths: int = 0
    """Containers of the app that died before this one was started."""
    middleware: bool = False
    """Whether the app is wrapped in the middleware that adds evidence headers to its answers."""
    id: str = ""
    seed: int = 0

    def killed_on_load(self) -> list[str]:
        """Paths whose model load kills the container."""
        return [
            path
            for path, fault in self.faults.items()
            if isinstance(fault, Kill) and (fault.times is None or self.deaths < fault.times)
        ]


def serve(listener: socket.socket, supervisor: socket.socket) -> None:
    """Be a container until killed: read the spec, send the own pid, boot, send `ready`, serve.

    `supervisor` is the socket to the supervisor; `listener` is the one that clients' requests come in on.
    """
    with supervisor.makefile("rb") as lines:
        line = lines.readline()
    if not line:
        return  # the container is not wanted any more
    with suppress(BrokenPipeError):  # the supervisor is gone
        supervisor.sendall(f"{os.getpid()}\n".encode())
        threading.Thread(target=_exit_with_supervisor, args=(supervisor,), daemon=True).start()
        asyncio.run(_serve(msgspec.json.decode(line, type=ContainerSpec), listener, supervisor))


def _exit_with_supervisor(supervisor: socket.socket) -> None:
    """Exit at once when the supervisor has closed its end of the socket, or has died."""
    supervisor.recv(1)
    os._exit(0)


async def _serve(spec: ContainerSpec, listener: socket.socket, supervisor: socket.socket) -> None:
    os.environ |= {"MODAL_TASK_ID": spec.id, "MODAL_REGION": "local"}
    gpu = Gpu(
        spec.app.endpoints,
        time_scale=spec.time_scale,
        seed=spec.seed,
        kind=spec.app.gpu,
        killed_on_load=spec.killed_on_load(),
        jobs_at_once=spec.app.jobs_at_once,
        service=spec.app.service,
        pauses=spec.app.pauses,
    )
    web: Callable[..., Any] = build(spec.name, spec.app, gpu, spec.loras, spec.faults)
    if spec.middleware:
        # Not before the fork: the middleware reports the time of its import as the container's start.
        from pytest_modal_bench.middleware import ModalBenchMiddleware

        web = ModalBenchMiddleware(web)
    server = Server(web)
    await asyncio.sleep(spec.app.enter * spec.time_scale)
    serving = asyncio.create_task(server.serve([listener]))
    await server.up.wait()
    supervisor.sendall(b"ready\n")
    await serving
