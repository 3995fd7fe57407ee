"""What a scenario sets of an app: how many containers it has, how much each takes, and how long its work takes."""

from __future__ import annotations

from typing import Annotated

import msgspec

from pytest_modal_bench.local.workspace.apps import MAX_CONTAINERS, App, Service
from pytest_modal_bench.local.workspace.pauses import Pauses

Count = Annotated[int, msgspec.Meta(ge=1)]
Seconds = Annotated[float, msgspec.Meta(ge=0)]


class AppSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of an app; None: as the workspace has it. Times are unscaled seconds.

    So an app of known capacity is made: one with `max_containers = 2`, `concurrent_inputs = 1` and `inference = 1.0`
    answers two calls a second.
    """

    max_containers: Annotated[int, msgspec.Meta(ge=1, le=MAX_CONTAINERS)] | None = None
    min_containers: Annotated[int, msgspec.Meta(ge=0, le=MAX_CONTAINERS)] | None = None
    buffer_containers: Annotated[int, msgspec.Meta(ge=0, le=MAX_CONTAINERS)] | None = None
    scaledown_window: Annotated[int, msgspec.Meta(ge=2, le=3600)] | None = None
    concurrent_inputs: Count | None = None
    """Calls that one container takes at once."""
    jobs_at_once: Count | None = None
    """How many of them its GPU works on at once."""
    enter: Seconds | None = None
    load: Seconds | None = None
    """Of each of its endpoints."""
    inference: Seconds | None = None
    """Of each of its endpoints."""
    service: Service | None = None
    pauses: Pauses | None = None

    def applied(self, app: App) -> App:
        """The app with these settings."""
        changed = {
            name: value for name in App.__struct_fields__ if (value := getattr(self, name, None)) is not None
        }
        times = {name: value for name in ("load", "inference") if (value := getattr(self, name)) is not None}
        endpoints = {
            path: msgspec.structs.replace(endpoint, **times) for path, endpoint in app.endpoints.items()
        }
        return msgspec.structs.replace(app, **changed, endpoints=endpoints)


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How much the edge accepts for one function; Modal's own for a new workspace, unless a scenario sets them."""

    inputs_per_sec: Annotated[float, msgspec.Meta(gt=0)] = 200.0
    """Unscaled: at a time scale of 0.01 it is a hundred times as many in a real second."""
    pending_inputs: Annotated[int, msgspec.Meta(ge=0)] = 2000
    """Inputs that wait for a container."""
