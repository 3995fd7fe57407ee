"""The one environment that the control plane serves: its apps, and their functions and containers by name or id.

An app has one function or more; each has a pool of containers, and a URL, of its own.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from grpclib.const import Status
from grpclib.exceptions import GRPCError

from pytest_modal_bench.local.identifiers import object_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pytest_modal_bench.local.containers.handle import ContainerHandle
    from pytest_modal_bench.local.containers.pool import Pool

T = TypeVar("T")


class DeployedFunction(NamedTuple):
    """One web function, or the class of one web method, with the ids under which the control plane knows it."""

    pool: Pool
    url: str
    app_id: str
    app_name: str
    function_id: str
    class_id: str

    @property
    def owner(self) -> str:
        """Its name, or the class's."""
        return self.pool.app.function.partition(".")[0]

    @property
    def method(self) -> str | None:
        """The class's web method; None: it is no class."""
        return self.pool.app.function.partition(".")[2] or None

    @property
    def tag(self) -> str:
        """What Modal calls the function: one that runs all methods of a class is called after the class."""
        return f"{self.owner}.*" if self.method else self.owner


class DeployedApp(NamedTuple):
    """One app."""

    name: str
    app_id: str
    deployed_at: float
    """Unix time."""
    functions: list[DeployedFunction]

    @property
    def pools(self) -> list[Pool]:
        """The containers of its functions."""
        return [function.pool for function in self.functions]


class Environment:
    """One environment, whose apps are deployed when it is made.

    What looks something up raises `GRPCError` with NOT_FOUND if it does not exist.
    """

    def __init__(self, name: str, pools: Mapping[str, Pool]) -> None:
        """`pools` by base URL."""
        self.name = name
        self.id = object_id("en")
        self.created_at = time.time()
        apps: dict[str, DeployedApp] = {}
        for url, pool in pools.items():
            called = pool.app.modal_app or pool.name
            app = apps.setdefault(called, DeployedApp(called, object_id("ap"), self.created_at, []))
            ids = pool.function_id, object_id("cs")
            app.functions.append(DeployedFunction(pool, url, app.app_id, app.name, *ids))
        self.apps = list(apps.values())

    def check_name(self, name: str) -> None:
        """Accept this environment's name, and the empty one, which means the default environment."""
        if name not in {"", self.name}:
            raise not_found(f"Environment '{name}'")

    def app(self, name_or_id: str) -> DeployedApp:
        """Look up an app."""
        found = (each for each in self.apps if name_or_id in {each.name, each.app_id})
        return _first(found, f"App '{name_or_id}'")

    def function(self, function_id: str) -> DeployedFunction:
        """Look up a function."""
        found = (each for each in self._functions() if each.function_id == function_id)
        return _first(found, f"Function '{function_id}'")

    def container(self, task_id: str) -> tuple[DeployedFunction, ContainerHandle]:
        """Look up a container, live or ended, and its function."""
        found = (
            (function, container)
            for function in self._functions()
            for container in (*function.pool.containers, *function.pool.ended)
            if container.id == task_id
        )
        return _first(found, f"Container '{task_id}'")

    def _functions(self) -> Iterator[DeployedFunction]:
        return (function for app in self.apps for function in app.functions)


def not_found(what: str) -> GRPCError:
    """Make the error for what does not exist."""
    return GRPCError(Status.NOT_FOUND, f"{what} not found")


def _first(found: Iterable[T], what: str) -> T:
    for each in found:
        return each
    raise not_found(what)
