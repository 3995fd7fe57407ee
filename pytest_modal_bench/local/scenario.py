"""Scenarios: which test resources exist and what goes wrong where, read from TOML and checked."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec

if TYPE_CHECKING:
    from pytest_modal_bench.local.workspace import Workspace

LATE_SEC = 10.0
"""How late a late record is if the scenario does not say."""


class ScenarioError(Exception):
    """A scenario that does not exist or does not hold together; its message is one line."""


class Fault(msgspec.Struct, frozen=True, tag_field="kind", forbid_unknown_fields=True):
    """What goes wrong whenever a path is called."""


class RedirectLoop(Fault, frozen=True, tag="redirect_loop"):
    """303 to itself, at once, for ever."""


class HeldRedirects(Fault, frozen=True, tag="held_redirects"):
    """A call that never finishes: a 303 chain with each hop held, for ever."""


class Hang(Fault, frozen=True, tag="hang"):
    """No answer, ever, and no redirect either."""


class Kill(Fault, frozen=True, tag="kill"):
    """The container dies of SIGKILL while it loads the model, as it does when memory runs out."""


class InputLost(Fault, frozen=True, tag="input_lost"):
    """408: Modal lost the input."""


class EdgeAnswer(Fault, frozen=True, tag="edge"):
    """The edge answers by itself, in plain text."""

    status: Annotated[int, msgspec.Meta(ge=200, le=599)]
    body: str


class Drip(Fault, frozen=True, tag="drip"):
    """The answer's head, then its body over and over, one byte every `interval` seconds (not scaled)."""

    interval: Annotated[float, msgspec.Meta(gt=0)] = 0.05


class Truncate(Fault, frozen=True, tag="truncate"):
    """The connection is lost in the middle of the answer's body."""


AnyFault = RedirectLoop | HeldRedirects | Hang | Kill | InputLost | EdgeAnswer | Drip | Truncate


class Resources(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which test resources exist."""

    image: bool
    video: bool
    mask: bool
    lora: bool


Positive = Annotated[float, msgspec.Meta(gt=0)]


class AppFault(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What goes wrong with a whole app; times are unscaled seconds."""

    tls: Literal["cut"] | None = None
    """The TLS handshake ends after the ClientHello."""
    records: Literal["late", "missing", "contradictory"] | None = None
    """The provider's record of a call comes some time after its end, never, or names another container."""
    records_late_sec: Positive | None = None
    refuses_stops: bool = False
    """The control plane stops no container, and says so."""
    stranger: Positive | None = None
    """Another client sends `GET /health` that often: it starts containers, and keeps them."""

    def __post_init__(self) -> None:
        """Refuse what cannot be together."""
        if self.records_late_sec is not None and self.records != "late":
            raise ValueError('`records_late_sec` goes with `records = "late"`')
        if self.stranger is not None and self.tls is not None:
            raise ValueError("a `stranger` gets nowhere where the TLS handshake is cut")

    @property
    def late_sec(self) -> float:
        """How late a record is that is late."""
        return self.records_late_sec or LATE_SEC


class ControlFault(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What goes wrong with the control plane."""

    tokens: Literal["refused"] | None = None
    """Whatever the token, it is refused."""
    gone_after: Annotated[int, msgspec.Meta(ge=0)] | None = None
    """It answers so many calls, hangs up, and is not heard of again."""


class Scenario(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is there, and what goes wrong."""

    summary: str
    resources: Resources
    success_headers: bool = True
    """Whether cost, time and GPU headers survive the way to the client."""
    middleware: bool = False
    """Whether the apps are wrapped in the middleware that tells of their container."""
    control: ControlFault = ControlFault()
    apps: dict[str, AppFault] = {}
    faults: dict[str, AnyFault] = {}
    """By path."""

    def cut(self) -> list[str]:
        """Apps whose TLS handshake is cut off."""
        return [name for name, fault in self.apps.items() if fault.tls == "cut"]

    def killed(self) -> list[str]:
        """Paths whose container dies."""
        return [path for path, fault in self.faults.items() if isinstance(fault, Kill)]


def known() -> list[str]:
    """Names of the scenarios that ship with the package."""
    folder = files(__package__) / "scenarios"
    return sorted(item.name.removesuffix(".toml") for item in folder.iterdir() if item.name.endswith(".toml"))


def read(name: str, workspace: Workspace) -> Scenario:
    """Read the scenario `name`: one of `known()`, or a path that ends in `.toml`.

    Raises `ScenarioError` if there is none, or it is malformed, or it names what `workspace` lacks.
    """
    if name in known():
        data = (files(__package__) / "scenarios" / f"{name}.toml").read_bytes()
    elif name.endswith(".toml"):
        try:
            data = Path(name).read_bytes()
        except OSError as error:
            raise ScenarioError(f"scenario {name!r} cannot be read: {error.strerror}") from error
    else:
        choice = ", ".join(known())
        raise ScenarioError(f"no scenario {name!r}: there are {choice}, or give a path that ends in .toml")
    try:
        scenario = msgspec.toml.decode(data, type=Scenario)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ScenarioError(f"scenario {name!r}: {error}") from error
    strangers = [*(set(scenario.faults) - workspace.paths()), *(set(scenario.apps) - set(workspace.apps))]
    if strangers:
        raise ScenarioError(f"scenario {name!r}: no such path or app: {', '.join(sorted(strangers))}")
    return scenario
