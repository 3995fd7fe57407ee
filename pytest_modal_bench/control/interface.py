"""What a control plane can be asked and made to do, whoever asks. Times in seconds, moments in Unix time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import msgspec

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence


class ControlError(Exception):
    """The control plane can't be reached, or says no; its text is one line, with the way out."""


class Autoscaler(msgspec.Struct, frozen=True, kw_only=True):
    """A function's autoscaler settings; None: not set."""

    min_containers: int | None = None
    max_containers: int | None = None
    """0: no limit."""
    buffer_containers: int | None = None
    scaledown_window: int | None = None
    """Seconds that an idle container lives on."""


class CallRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The provider's own record of one call; None: it does not say. Best effort: it may be late, or never come."""

    call_id: str
    container: str | None = None
    enqueued_at: float | None = None
    started_at: float | None = None
    startup_sec: float | None = None
    """What the container's start took, if this call waited for it."""
    execution_sec: float | None = None
    status: str | None = None

    @property
    def queue_sec(self) -> float | None:
        """From enqueued to started, less the container's start; both moments are the provider's clock."""
        if self.enqueued_at is None or self.started_at is None:
            return None
        return max(self.started_at - self.enqueued_at - (self.startup_sec or 0.0), 0.0)


class WebFunction(msgspec.Struct, frozen=True, kw_only=True):
    """A deployed web function, as a list of them has it."""

    app: str
    name: str
    """As the catalogue's `function` has it."""
    url: str
    gpu: str | None = None
    """As `Function.gpu` has it."""
    scaledown_window: int | None = None
    """Seconds that an idle container lives on."""
    method: str | None = None
    """Of the one route of a function that is no app of several; None: it may have any."""
    wants_token: bool = False
    """Whether Modal lets only those in who have a proxy token."""


class Function(Protocol):
    """One web function of an app, and so one pool of containers."""

    app: str
    """As Modal calls it."""
    name: str
    """As the catalogue's `function` has it: `fastapi_app`, or `ComfyUI.fastapi_app` for a method of a class."""

    def web_url(self) -> str | None:
        """Its base URL; None: it is no web function."""

    def gpu(self) -> str | None:
        """What its containers ask for: `L40S`, or `L40S:2` for several; None: none, or one of several kinds."""

    def deployed(self) -> str | None:
        """Which deploy of its app this is: `v12, 2026-01-31T09:00:00+00:00`; None: the app is not deployed for good."""

    def count(self) -> int:
        """How many containers the function has now, those that boot included."""

    def containers(self) -> frozenset[str]:
        """Ids of the containers that the function's whole app has now: Modal lists them by app alone."""

    def own_containers(self) -> frozenset[str]:
        """Ids of those of them that are known to be this function's own.

        All of them where the app has no other function; else those that this function's records name, which one that
        has had no call yet is not among.
        """

    def records(self, limit: int) -> Sequence[CallRecord]:
        """The provider's records of the function's last calls, newest first; at most `limit` of them."""

    def autoscaler(self) -> Autoscaler:
        """The settings that hold now, each a number: `set_autoscaler(autoscaler())` puts all of them back later."""

    def set_autoscaler(self, settings: Autoscaler) -> None:
        """Replace what `settings` sets, until the next deploy; what is None there is left as it is."""

    def stop(self, container: str) -> None:
        """End a container. One that is gone already is no error."""


class ControlPlane(Protocol):
    """A workspace's control plane, for one environment. Every method here and above raises `ControlError`."""

    server_url: str
    environment: str | None

    def function(self, app: str, name: str) -> Function:
        """Look a deployed function up."""

    def web_functions(self, apps: Collection[str] = ()) -> Sequence[WebFunction]:
        """List the web functions of the deployed `apps`, or of all, by app and name."""

    def rates(self) -> Mapping[str, str]:
        """The workspace's prices as Modal names and writes them: USD per hour under keys such as `cpu_hour_cost`."""

    def close(self) -> None:
        """Let go of the connection."""
