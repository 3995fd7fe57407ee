"""The body of an answer that is still being made: what has come of it so far, and whether more will."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class Pieces:
    """What a container has sent of an answer's body; whoever reads it gets all of it, from the beginning."""

    def __init__(self, call: asyncio.Task[Any] | None) -> None:
        """`call`: the task that takes the pieces in."""
        self._call = call
        self._come: list[bytes] = []
        self._ended = False
        self._changed = asyncio.Event()
        self.is_broken = False
        """Whether the container's connection was lost before the body was complete."""

    def add(self, piece: bytes) -> None:
        """Take in what has come."""
        self._come.append(piece)
        self._notify()

    def end(self, *, broken: bool) -> None:
        """Nothing more comes; `broken` if that is not the end of the body."""
        self._ended, self.is_broken = True, broken
        self._notify()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Go through the pieces, as they come."""
        at = 0
        while True:
            changed = self._changed
            while at < len(self._come):
                yield self._come[at]
                at += 1
            if self._ended:
                return
            await changed.wait()

    async def whole(self) -> bytes:
        """Wait for the end, and return all of it."""
        return b"".join([piece async for piece in self])

    def abandon(self) -> None:
        """End the call: its client has left."""
        if self._call is not None:
            self._call.cancel()

    def _notify(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
