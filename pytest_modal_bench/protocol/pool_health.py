"""Whether a pool is worth calling: one endpoint's failure may be certain to hit all others of it. Calls nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_modal_bench.call.causes import hits_pool

if TYPE_CHECKING:
    from pytest_modal_bench.model import Cause

_NOBODY_ANSWERED: frozenset[Cause] = frozenset({"dns", "refused", "timeout"})
"""What says nothing of the others once the pool has answered: then it was a moment's trouble, or that endpoint's."""
_DEADLY = 2
"""How many endpoints' containers must be killed before the pool's others are taken to fare alike."""

_DOWN: dict[Cause, str] = {
    "dns": "its host has no address",
    "refused": "its host takes no connections",
    "timeout": "nothing in its pool has answered yet",
    "proxy_auth": "Modal does not accept the proxy credentials",
    "not_deployed": "the app is not deployed",
    "app_stopped": "the app is stopped",
    "workspace_disabled": "the workspace is disabled",
    "spend_limit": "the workspace's spend limit is reached",
    "killed": "the pool's containers are killed",
}


class PoolHealth:
    """What one process's calls say of a pool's health."""

    def __init__(self) -> None:
        self._answered = False
        self._killed: set[str] = set()
        self._down: tuple[Cause, str, str] | None = None

    def saw_answer(self) -> None:
        """Take note that an answer came, whatever its status: timeouts are then an endpoint's own.

        Not to be called for redirects that were held: Modal's edge sends them for a pool that hangs as well.
        """
        self._answered = True

    def note(self, endpoint_id: str, cause: Cause, message: str) -> None:
        """Take note of a failed call; `message` is its error, in one line."""
        if cause == "killed":
            self._killed.add(endpoint_id)
        deadly = cause == "killed" and len(self._killed) >= _DEADLY
        if self.cause is None and (deadly or self._is_fatal(cause)):
            self._down = cause, endpoint_id, message

    @property
    def cause(self) -> Cause | None:
        """Why the pool's other endpoints are not called, in one word; None: they are."""
        if self._down is None or (self._answered and self._down[0] in _NOBODY_ANSWERED):
            return None
        return self._down[0]

    def verdict(self, asking: str | None = None) -> str | None:
        """Say in one line why the pool's other endpoints are not called, which is then their error; None: they are.

        So is the one that was told itself, if it is `asking`: its test may be run again.
        """
        if self._down is None or self.cause is None or self._down[1] == asking:
            return None
        cause, endpoint_id, message = self._down
        return f"Not called: {_DOWN[cause]} (as {endpoint_id} was told: {message})"

    def _is_fatal(self, cause: Cause) -> bool:
        if cause in _NOBODY_ANSWERED:
            return not self._answered
        return hits_pool(cause)
