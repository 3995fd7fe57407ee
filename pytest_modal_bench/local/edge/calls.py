"""The calls that the edge keeps: each is a task that goes on whether its client waits, was redirected, or has left."""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

    from pytest_modal_bench.local.edge.answer import Answer

ATTEMPT_TOKEN = "__modal_attempt_token"  # noqa: S105 - a parameter's name
CALL_ID = "__modal_function_call_id"
MAX_DONE = 256
"""Answers that can still be fetched; older ones are dropped."""
MAX_KEPT = 4096
"""Calls that are kept, done or not; older ones are cancelled, and their input is lost."""


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
        self._by_id: dict[str, Call] = {}
        """Oldest first."""
        self._by_token: dict[str, Call] = {}
        self._done: deque[Call] = deque()
        """Those of them that are done, in that order."""

    def keep(self, call: Call) -> None:
        """Make the call's answer available under its token and its id."""
        if call.id in self._by_id:
            return
        self._by_id[call.id] = self._by_token[call.token] = call
        call.task.add_done_callback(lambda _: self._note_done(call))
        if len(self._by_id) > MAX_KEPT:
            oldest = next(iter(self._by_id.values()))
            self._drop(oldest)
            oldest.task.cancel()

    def find(self, query: Mapping[str, str]) -> Call | None:
        """Find the call that a result URL's query names; None: unknown or expired."""
        return self._by_token.get(query.get(ATTEMPT_TOKEN, "")) or self._by_id.get(query.get(CALL_ID, ""))

    def _note_done(self, call: Call) -> None:
        self._done.append(call)
        if len(self._done) > MAX_DONE:
            self._drop(self._done.popleft())

    def _drop(self, call: Call) -> None:
        self._by_id.pop(call.id, None)
        self._by_token.pop(call.token, None)


def is_result(query: Mapping[str, str]) -> bool:
    """Whether a URL with this query asks for the answer of an earlier call."""
    return ATTEMPT_TOKEN in query or CALL_ID in query
