"""One app of the workspace `shapes` in this process, without a container: asked through ASGI."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import httpx

from pytest_modal_bench.local.app import routes
from pytest_modal_bench.local.app.gpu import Gpu
from pytest_modal_bench.local.workspace import apps as workspace

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from pytest_modal_bench.local.workspace.faults import AnyFault

    Scene = Callable[[httpx.AsyncClient], Awaitable[Any]]

SPACE = workspace.read("shapes")


class ShapeApp:
    """One app of the workspace, whose work takes no time."""

    def __init__(self, name: str) -> None:
        self._name = name

    def play(self, scene: Scene, **faults: AnyFault) -> Any:
        """Play a scene with a client of the app; `faults` by path, of which `_` stands for each `/`."""
        app = SPACE.apps[self._name]
        by_path = {path: fault for path in app.endpoints if (fault := faults.get(path.replace("/", "_")))}
        assert len(by_path) == len(faults)

        async def run() -> Any:
            gpu = Gpu(app.endpoints, time_scale=0, seed=1, kind=app.gpu)
            transport = httpx.ASGITransport(app=routes.build(self._name, app, gpu, (), by_path))
            async with (
                httpx.AsyncClient(transport=transport, base_url="http://shapes.example") as client,
                asyncio.timeout(20),
            ):
                return await scene(client)

        return asyncio.run(run())

    def post(self, path: str, body: object, fault: AnyFault | None = None) -> httpx.Response:
        """Post JSON to a path, which may have a fault."""
        faults = {} if fault is None else {path.replace("/", "_"): fault}
        answer: httpx.Response = self.play(lambda client: client.post(path, json=body), **faults)
        return answer
