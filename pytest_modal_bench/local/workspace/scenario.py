"""Scenarios: which test resources exist, and what goes wrong where, read from TOML and checked."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec

from pytest_modal_bench.local.workspace.catalogue import REFERENCE
from pytest_modal_bench.local.workspace.fault_needs import reason_against
from pytest_modal_bench.local.workspace.faults import AnyFault, Costly, EdgeAnswer, Hang, Positive, Slow
from pytest_modal_bench.local.workspace.settings import AppSettings, Limits
from pytest_modal_bench.safety.files import read_bytes

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

    from pytest_modal_bench.local.workspace.apps import App, Workspace
    from pytest_modal_bench.local.workspace.catalogue import Name

SUCCESS_HEADERS = {"x-cost-usd", "x-execution-time-sec", "x-gpu-type", "server-timing"}
MIDDLEWARE_PREFIX = "x-modal-bench-"
_LARGEST_BYTES = 2**20
LATE_SEC = 10.0
"""How late a late record is if the scenario does not set it."""


class ScenarioError(Exception):
    """A scenario that does not exist, or is not valid; the message is one line."""


class Resources(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which test resources exist."""

    image: bool
    video: bool | Literal["still"]
    """`still`: the portrait instead of a video."""
    mask: bool | Literal["portrait"]
    """`portrait`: the test image itself instead of its mask."""
    lora: bool
    voice: bool = True


class AppSlow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many times as long everything in an app takes."""

    enter: Positive = 1.0
    load: Positive = 1.0
    inference: Positive = 1.0


class AppFault(AppSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What goes wrong with a whole app, beside its settings; times are unscaled seconds."""

    tls: Literal["cut"] | None = None
    """The connection is closed after the TLS handshake's ClientHello."""
    refuse: bool = False
    """Connections to its port are refused."""
    hang: bool = False
    """Requests are accepted, and never answered."""
    edge: EdgeAnswer | None = None
    """The edge answers every request at once; no container is started."""
    slow: AppSlow = AppSlow()
    cost: Positive = 1.0
    """The cost that it states, as a multiple of what its GPU seconds cost."""
    records: Literal["late", "missing", "contradictory"] | None = None
    """The control plane's record of a call comes some time after its end, never, or names another container."""
    records_late_sec: Positive | None = None
    refuses_stops: bool = False
    """The control plane answers every request to stop a container with an error."""
    background_interval: Positive | None = msgspec.field(name="stranger", default=None)
    """A background client sends `GET /health` at this interval: it starts containers, and keeps them."""

    def __post_init__(self) -> None:
        """Refuse faults that exclude each other."""
        if self.records_late_sec is not None and self.records != "late":
            raise ValueError('`records_late_sec` goes with `records = "late"`')
        unreachable = {"tls": self.tls, "refuse": self.refuse, "hang": self.hang, "edge": self.edge}
        ways = [f"`{way}`" for way, there in unreachable.items() if there]
        if len(ways) > 1:
            raise ValueError(f"an app is dead in one way, not in {len(ways)}: {', '.join(ways)}")
        if ways and self.background_interval is not None:
            raise ValueError(f"`stranger` needs an app that can be reached, not one with {ways[0]}")

    @property
    def late_sec(self) -> float:
        """How late a record is that is late."""
        return self.records_late_sec or LATE_SEC

    @property
    def on_every_path(self) -> AnyFault | None:
        """The fault on all paths of the app; None: there is none, or no request gets as far as a path."""
        return Hang() if self.hang else self.edge


class ControlFault(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What goes wrong with the control plane."""

    tokens: Literal["refused"] | None = None
    """Every token is refused."""
    gone_after: Annotated[int, msgspec.Meta(ge=0)] | None = None
    """It answers so many calls, then closes its connections and accepts no more."""


class Scenario(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which test resources exist, and what goes wrong."""

    summary: str
    resources: Resources
    success_headers: bool | list[str] = True
    """Whether the client gets the apps' own headers (cost, time, GPU, middleware); or the names of those it gets."""
    middleware: bool = False
    """Whether the apps are wrapped in the middleware that adds evidence headers to their answers."""
    control: ControlFault = ControlFault()
    limits: Limits = Limits()
    apps: dict[str, AppFault] = {}
    faults: dict[str, AnyFault] = {}
    """By path, or by `APP:PATH`, which several apps with that path need."""

    def __post_init__(self) -> None:
        """Refuse headers that no app has."""
        if not isinstance(self.success_headers, bool):
            for header in self.success_headers:
                if not is_app_header(header.lower()):
                    raise ValueError(f"`success_headers`: no app answers with {header!r}")

    def apps_with_cut_tls(self) -> list[str]:
        """Apps whose TLS handshake is cut off."""
        return [name for name, fault in self.apps.items() if fault.tls == "cut"]

    def apps_that_refuse(self) -> list[str]:
        """Apps that refuse connections."""
        return [name for name, fault in self.apps.items() if fault.refuse]

    def fault(self, app: str, path: str) -> AnyFault | None:
        """The fault of one app's path; None: it has none."""
        return self.faults.get(f"{app}:{path}") or self.faults.get(path)

    def passes(self, header: str) -> bool:
        """Whether the client gets a header, in lower case, of an app's answer."""
        if not is_app_header(header):
            return True
        if isinstance(self.success_headers, bool):
            return self.success_headers
        return header in map(str.lower, self.success_headers)

    def app_with_faults(self, name: str, app: App) -> App:
        """The app with its settings, times and costs as they are in this scenario."""
        fault = self.apps.get(name, AppFault())
        app = fault.applied(app)
        endpoints = {}
        for path, endpoint in app.endpoints.items():
            own = self.fault(name, path)
            load, inference = (own.load, own.inference) if isinstance(own, Slow) else (1.0, 1.0)
            cost = own.factor if isinstance(own, Costly) else 1.0
            endpoints[path] = msgspec.structs.replace(
                endpoint,
                load=endpoint.load * load * fault.slow.load,
                inference=endpoint.inference * inference * fault.slow.inference,
                cost_factor=endpoint.cost_factor * cost * fault.cost,
            )
        return msgspec.structs.replace(app, enter=app.enter * fault.slow.enter, endpoints=endpoints)


def is_app_header(header: str) -> bool:
    """Whether a header, in lower case, is one of those in which an app reports its cost, time, GPU or container."""
    return header in SUCCESS_HEADERS or header.startswith(MIDDLEWARE_PREFIX)


def known(workspace: Name = REFERENCE) -> list[str]:
    """Names of the scenarios for that workspace that ship with the package."""
    return sorted(_shipped(workspace))


def _shipped(workspace: Name) -> dict[str, Traversable]:
    """The files of those scenarios by name: some are for every workspace, some for one."""
    folder = files(__package__) / "scenarios"
    every = [*folder.iterdir(), *(folder / workspace).iterdir()]
    return {item.name.removesuffix(".toml"): item for item in every if item.name.endswith(".toml")}


def read(name: str, workspace: Workspace) -> Scenario:
    """Read the scenario `name`: one of `known(workspace.name)`, or a path that ends in `.toml`.

    Raises `ScenarioError` if there is none, or it is malformed, or it names what `workspace` lacks.
    """
    shipped = _shipped(workspace.name)
    if name in shipped:
        data = shipped[name].read_bytes()
    elif name.endswith(".toml"):
        try:
            data = read_bytes(Path(name), _LARGEST_BYTES)
        except OSError as error:
            raise ScenarioError(f"scenario {name!r} cannot be read: {error.strerror}") from error
    else:
        choice = ", ".join(sorted(shipped))
        raise ScenarioError(f"no scenario {name!r}: there are {choice}, or give a path that ends in .toml")
    try:
        scenario = msgspec.toml.decode(data, type=Scenario)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ScenarioError(f"scenario {name!r}: {error}") from error
    unknown = {*(key for key in scenario.faults if not workspace.find(key)), *scenario.apps} - {
        *workspace.apps
    }
    if unknown:
        raise ScenarioError(f"scenario {name!r}: no such path or app: {', '.join(sorted(unknown))}")
    for key, fault in scenario.faults.items():
        if reason := _reason_against(key, fault, workspace):
            raise ScenarioError(f"scenario {name!r}: {key} {reason}")
    return scenario


def _reason_against(key: str, fault: AnyFault, workspace: Workspace) -> str | None:
    (app, path), *others = workspace.find(key)
    if others:
        return f"is a path of several apps: write {app}:{path}"
    return reason_against(fault, workspace.apps[app].endpoints[path])
