"""What a run was asked to do: one frozen value, settled before anything is done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_modal_bench.model import Budget

LOCAL = "local"
"""The workspace's name that stands for the local workspace."""

# Modal answers a call that runs longer than this with a redirect (docs: "Web endpoint timeouts", 150 s).
_EDGE_HOLDS_SEC = 150.0
# A container of the local workspace starts as a real process in unscaled time: no deadline is scaled below this.
_SCALED_DEADLINE_FLOOR_SEC = 5.0
_SCALED_PATIENCE_FLOOR_SEC = 5.0

Cold = Literal["observe", "force", "off"]
"""How cold starts are looked for."""


@dataclass(frozen=True)
class Settings:
    """What a session was asked to do."""

    quick: bool
    workspace: str | None
    environment: str | None
    catalogue: Path
    catalogue_asked_for: bool
    """Whether the catalogue itself is among what pytest was asked to collect."""
    rounds: int
    """Warm calls for each endpoint; where it is `auto`, at the most."""
    cold: Cold
    cold_rounds: int
    timeout: float | None
    """Cap on every deadline, in seconds."""
    reports: tuple[Path, ...]
    save_outputs: Path | None
    """Directory for each endpoint's last answer."""
    max_cost: float | None
    """What a run may cost, in USD."""
    strict: bool
    baseline: Path | None
    """A JSON report, or a directory of them."""
    budget: Budget
    """Beats the catalogue's."""
    generate: tuple[str, ...]
    scenario: str
    time_scale: float
    against: str | None = None
    """What the endpoints are called in turn with: another environment, a second catalogue's name or, on the local
    workspace, another scenario."""
    against_catalogue: Path | None = None
    """Where `against` is a second catalogue: its file."""
    baseline_last: int | None = None
    """How many of the runs in `baseline` are compared with: the last; None: all."""
    auto: bool = False
    """Whether an endpoint's warm calls end as soon as they are enough (`gate.stopping`)."""
    load: tuple[str, ...] = ()
    """Loads that every endpoint is put under, as written; they beat the catalogue's."""
    load_bind: tuple[str, int] | None = None
    """Host and port where processes of other machines connect to take part in a load; None: nowhere."""
    load_workers: int = 0
    """How many of them a load waits for."""
    load_only: bool = False
    """Whether endpoints are put under load alone, and not called one by one."""
    traffic: float | None = None
    """Calls an hour that each pool is expected to get."""

    @property
    def local(self) -> bool:
        """Whether the session runs on the local workspace."""
        return self.workspace == LOCAL

    def deadline_sec(self, timeout: float) -> float:
        """Seconds that a call may take whose endpoint's `timeout` is given in seconds."""
        if self.local:
            timeout = max(timeout * self.time_scale, min(timeout, _SCALED_DEADLINE_FLOOR_SEC))
        return timeout if self.timeout is None else min(timeout, self.timeout)

    def patience_sec(self, seconds: float) -> float:
        """How long to wait for something that takes up to `seconds` on Modal."""
        return (
            max(seconds * self.time_scale, min(seconds, _SCALED_PATIENCE_FLOOR_SEC))
            if self.local
            else seconds
        )

    @property
    def held_after_sec(self) -> float:
        """Seconds from which on a hop counts as held by the server rather than as a redirect."""
        return min(1.0, _EDGE_HOLDS_SEC / 2 * self.time_scale) if self.local else 1.0
