"""What the control plane finds: the one environment, its apps, their functions and containers."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

from grpclib.const import Status
from grpclib.exceptions import GRPCError

from pytest_modal_bench.local.control.messages import Deployed
from pytest_modal_bench.local.identifiers import object_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pytest_modal_bench.local.containers.lifeline import Container
    from pytest_modal_bench.local.containers.pool import Pool

T = TypeVar("T")


class Directory:
    """One environment, whose apps are deployed as it is made; what is not there raises NOT_FOUND."""

    def __init__(self, environment: str, pools: Mapping[str, Pool]) -> None:
        """`pools` by base URL."""
        self.environment = environment
        self.environment_id = object_id("en")
        self.since = time.time()
        self.apps = [Deployed.now(pool, url, self.since) for url, pool in pools.items()]

    def check_environment(self, name: str) -> None:
        """Let the environment's name pass, and none at all, which means the default one."""
        if name not in {"", self.environment}:
            raise missing(f"Environment '{name}'")

    def app(self, name_or_id: str) -> Deployed:
        """Find an app."""
        found = (each for each in self.apps if name_or_id in {each.pool.name, each.app_id})
        return _one(found, f"App '{name_or_id}'")

    def function(self, function_id: str) -> Deployed:
        """Find the app that a function belongs to."""
        found = (each for each in self.apps if each.function_id == function_id)
        return _one(found, f"Function '{function_id}'")

    def container(self, task_id: str) -> tuple[Deployed, Container]:
        """Find a container, live or not, and its app."""
        found = (
            (app, container)
            for app in self.apps
            for container in (*app.pool.containers, *app.pool.past)
            if container.id == task_id
        )
        return _one(found, f"Container '{task_id}'")


def missing(what: str) -> GRPCError:
    """Make the error for what is not there."""
    return GRPCError(Status.NOT_FOUND, f"{what} not found")


def _one(found: Iterable[T], what: str) -> T:
    for each in found:
        return each
    raise missing(what)
