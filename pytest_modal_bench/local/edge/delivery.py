"""Ways to send an answer to the client: whole, as it comes, byte by byte without end, cut off, or filled with zeros."""

from __future__ import annotations

import asyncio
from itertools import cycle
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import Send

    from pytest_modal_bench.local.edge.answer import Answer
    from pytest_modal_bench.local.edge.pieces import Pieces

ZEROS = bytes(256 * 1024)
"""A piece of a large body."""


async def whole(answer: Answer, send: Send) -> None:
    """Send all of it."""
    await _head(answer, send, [("content-length", str(len(answer.body)))])
    await send({"type": "http.response.body", "body": answer.body})


async def stream(answer: Answer, pieces: Pieces, client_gone: asyncio.Future[None], send: Send) -> bool:
    """Send the pieces as they come; return whether the client has seen the end.

    If the container's connection was lost, the client's is closed too: the server does that to an unfinished answer.
    """
    await _head(answer, send, [])
    sending = asyncio.ensure_future(_send_all(pieces, send))
    either: set[asyncio.Future[None]] = {sending, client_gone}
    try:
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        return sending.done() and sending.result() is None
    finally:
        sending.cancel()


async def _send_all(pieces: Pieces, send: Send) -> None:
    async for piece in pieces:
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    if not pieces.is_broken:
        await send({"type": "http.response.body"})


async def reset(answer: Answer, connection_reset: Callable[[], None], send: Send) -> None:
    """Send half of the body, then reset the connection."""
    await _head(answer, send, [])
    half = answer.body[: len(answer.body) // 2]
    await send({"type": "http.response.body", "body": half, "more_body": True})
    connection_reset()


async def drip(answer: Answer, interval: float, client_gone: asyncio.Future[None], send: Send) -> None:
    """Send the body over and over, a byte every `interval` seconds, until the client is gone."""
    await _head(answer, send, [])
    for byte in cycle(answer.body):
        await send({"type": "http.response.body", "body": bytes([byte]), "more_body": True})
        await asyncio.wait({client_gone}, timeout=interval)
        if client_gone.done():
            return


async def truncate(answer: Answer, send: Send) -> None:
    """Announce the whole body and send half; the server closes the connection of an unfinished answer."""
    await _head(answer, send, [("content-length", str(len(answer.body)))])
    half = answer.body[: len(answer.body) // 2]
    await send({"type": "http.response.body", "body": half, "more_body": True})


async def large(answer: Answer, size: int, client_gone: asyncio.Future[None], send: Send) -> None:
    """Send the body, cut or filled up with zeros to `size` bytes, a piece at a time, unless the client leaves."""
    await _head(answer, send, [("content-length", str(size))])
    piece, left = answer.body[:size], size
    while not client_gone.done():
        left -= len(piece)
        await send({"type": "http.response.body", "body": piece, "more_body": left > 0})
        if not left:
            return
        piece = ZEROS[:left]


async def _head(answer: Answer, send: Send, more: list[tuple[str, str]]) -> None:
    headers = [(name.encode("latin-1"), text.encode("latin-1")) for name, text in answer.headers + more]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
