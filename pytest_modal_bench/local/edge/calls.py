"""The calls that the edge keeps: each is a task that goes on whether its client waits, was redirected, or has left."""

from __future__ import annotations

import asyncio
import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

    from pytest_modal_bench.local.edge.answer import Answer

ATTEMPT_TOKEN = "__modal_attempt_token"  # noqa: S105 - a parameter's name
CALL_ID = "__modal_function_call_id"
MAX_KEPT = 256
"""Calls whose answer can still be fetched; older ones are cancelled, and their input is lost."""


class Call:
    """One call: its id, the token with which its answer is fetched, and the task that makes the answer."""

    def __init__(
        self, call_id: str, work: Callable[[asyncio.Future[Answer]], Coroutine[None, None, Answer]]
    ) -> None:
        """`work` returns the answer; it gets a future, and sets it once an answer begins that comes bit by bit."""
        self.id = call_id
        self.token = secrets.token_urlsafe(32)
        self.begun: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self.task = asyncio.create_task(work(self.begun))

    @property
    def answer(self) -> Answer | None:
        """The answer, if it has begun to come."""
        if self.begun.done():
            return self.begun.result()
        return self.task.result() if self.task.done() and not self.task.cancelled() else None


class Calls:
    """The calls of one host whose clients were redirected or have left, so that no open request waits for them."""

    def __init__(self) -> None:
        self._kept: list[Call] = []

    def keep(self, call: Call) -> None:
        """Make the call's answer available under its token and its id."""
        if call in self._kept:
            return
        self._kept.append(call)
        if len(self._kept) > MAX_KEPT:
            self._kept.pop(0).task.cancel()

    def find(self, query: Mapping[str, str]) -> Call | None:
        """Find the call that a result URL's query names; None: unknown or expired."""
        for call in self._kept:
            if call.token == query.get(ATTEMPT_TOKEN) or call.id == query.get(CALL_ID):
                return call
        return None


def is_result(query: Mapping[str, str]) -> bool:
    """Whether a URL with this query asks for the answer of an earlier call."""
    return ATTEMPT_TOKEN in query or CALL_ID in query
