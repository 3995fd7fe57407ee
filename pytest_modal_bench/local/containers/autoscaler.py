"""A function's autoscaler settings, and the checks that Modal makes of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import msgspec

from pytest_modal_bench.local.workspace.apps import MAX_CONTAINERS

if TYPE_CHECKING:
    from pytest_modal_bench.local.workspace.apps import App

SHORTEST_WINDOW, LONGEST_WINDOW = 2, 3600
"""Bounds of `scaledown_window` in seconds (Modal's documentation of that setting)."""


class Autoscaler(msgspec.Struct, frozen=True, kw_only=True):
    """The settings in force; `scaledown_window` is in unscaled seconds."""

    min_containers: int
    max_containers: int
    """0: the function sets no maximum."""
    buffer_containers: int
    scaledown_window: int

    @classmethod
    def deployed(cls, app: App) -> Self:
        """The settings with which an app is deployed."""
        return cls(
            min_containers=app.min_containers,
            max_containers=app.max_containers,
            buffer_containers=app.buffer_containers,
            scaledown_window=app.scaledown_window,
        )

    def with_changes(self, changes: dict[str, int]) -> Self:
        """These settings with some of them changed.

        Raises `ValueError`, with a message for the caller, if the result makes no sense.
        """
        changed = msgspec.structs.replace(self, **changes)
        if not SHORTEST_WINDOW <= changed.scaledown_window <= LONGEST_WINDOW:
            raise ValueError(
                f"`scaledown_window` must be between {SHORTEST_WINDOW} and {LONGEST_WINDOW} (inclusive)"
            )
        if 0 < changed.max_containers < changed.min_containers:
            raise ValueError("`min_containers` cannot be greater than `max_containers`")
        if max(changed.min_containers, changed.buffer_containers) > MAX_CONTAINERS:
            raise ValueError(f"the local workspace runs at most {MAX_CONTAINERS} containers of an app")
        return changed

    @property
    def upper_bound(self) -> int:
        """How many containers there may be at once."""
        return min(self.max_containers or MAX_CONTAINERS, MAX_CONTAINERS)

    def wanted(self, busy: int) -> int:
        """How many containers there are to be while there are inputs for `busy` of them."""
        spare = self.buffer_containers if busy else 0
        return min(max(self.min_containers, busy + spare), self.upper_bound)
