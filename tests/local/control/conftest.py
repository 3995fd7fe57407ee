"""Pools without a single process, for the tests of what the control plane makes of them."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from pytest_modal_bench.local.containers.container import ContainerSpec
from pytest_modal_bench.local.containers.pool import Pool
from pytest_modal_bench.local.containers.records import Records
from pytest_modal_bench.local.workspace import apps as workspace

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Mapping

    from pytest_modal_bench.local.containers.fork_server import ForkServer
    from pytest_modal_bench.local.containers.handle import ContainerHandle
    from pytest_modal_bench.local.workspace.apps import App


class NoForkServer:
    """Starts no container."""

    def spawn(self, _listener: socket.socket) -> socket.socket:
        raise BrokenPipeError


def pools_of(apps: Mapping[str, App], *names: str) -> dict[str, Pool]:
    fork_server = cast("ForkServer", NoForkServer())
    return {
        f"http://127.0.0.1:{port}": Pool(
            ContainerSpec(name=name, app=apps[name], time_scale=1, loras=[]),
            fork_server,
            records=Records(),
            log=lambda _: None,
        )
        for port, name in enumerate(names, 8001)
    }


@pytest.fixture
def pools() -> dict[str, Pool]:
    """The pools of two apps by base URL, as they are deployed, without a container."""
    return pools_of(workspace.read().apps, "ryla-flux", "ryla-lora")


@pytest.fixture
def function_pools() -> dict[str, Pool]:
    """The pools of two functions of one app."""
    return pools_of(workspace.read("shapes").apps, "draw", "embed")


@pytest.fixture
def container() -> Callable[..., ContainerHandle]:
    """Make a container of `id` that the autoscaler leaves alone, and that takes note of being stopped."""

    def make(id: str, **fields: Any) -> ContainerHandle:  # noqa: A002 - the handle's own name
        made = SimpleNamespace(
            id=id,
            inputs=0,
            draining=False,
            stopped=False,
            created_at=100.0,
            up_at=102.5,
            ended_at=0.0,
            up=asyncio.Event(),
        )
        made.stop = lambda: setattr(made, "stopped", True)
        vars(made).update(fields)
        return cast("ContainerHandle", made)

    return make
