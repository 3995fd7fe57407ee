"""The one environment that the control plane serves: its apps, and their functions and containers by name or id."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from grpclib.const import Status
from grpclib.exceptions import GRPCError

from pytest_modal_bench.local.identifiers import object_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pytest_modal_bench.local.containers.handle import ContainerHandle
    from pytest_modal_bench.local.containers.pool import Pool

T = TypeVar("T")


class DeployedApp(NamedTuple):
    """One app, with the ids under which the control plane knows it."""

    pool: Pool
    url: str
    deployed_at: float
    """Unix time."""
    app_id: str
    function_id: str
    class_id: str

    @classmethod
    def deploy(cls, pool: Pool, url: str, deployed_at: float) -> DeployedApp:
        """Deploy an app, under new ids."""
        return cls(pool, url, deployed_at, object_id("ap"), object_id("fu"), object_id("cs"))


class Environment:
    """One environment, whose apps are deployed when it is made.

    What looks something up raises `GRPCError` with NOT_FOUND if it does not exist.
    """

    def __init__(self, name: str, pools: Mapping[str, Pool]) -> None:
        """`pools` by base URL."""
        self.name = name
        self.id = object_id("en")
        self.created_at = time.time()
        self.apps = [DeployedApp.deploy(pool, url, self.created_at) for url, pool in pools.items()]

    def check_name(self, name: str) -> None:
        """Accept this environment's name, and the empty one, which means the default environment."""
        if name not in {"", self.name}:
            raise not_found(f"Environment '{name}'")

    def app(self, name_or_id: str) -> DeployedApp:
        """Look up an app."""
        found = (each for each in self.apps if name_or_id in {each.pool.name, each.app_id})
        return _first(found, f"App '{name_or_id}'")

    def function(self, function_id: str) -> DeployedApp:
        """Look up the app that a function belongs to."""
        found = (each for each in self.apps if each.function_id == function_id)
        return _first(found, f"Function '{function_id}'")

    def container(self, task_id: str) -> tuple[DeployedApp, ContainerHandle]:
        """Look up a container, live or ended, and its app."""
        found = (
            (app, container)
            for app in self.apps
            for container in (*app.pool.containers, *app.pool.ended)
            if container.id == task_id
        )
        return _first(found, f"Container '{task_id}'")


def not_found(what: str) -> GRPCError:
    """Make the error for what does not exist."""
    return GRPCError(Status.NOT_FOUND, f"{what} not found")


def _first(found: Iterable[T], what: str) -> T:
    for each in found:
        return each
    raise not_found(what)
