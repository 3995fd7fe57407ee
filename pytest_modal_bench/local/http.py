"""The HTTP server of both edge and containers: uvicorn, silent, and leaving signals to whoever started it."""

from __future__ import annotations

import asyncio
import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import uvicorn

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

KEEP_ALIVE_SEC = 120
"""Longer than a client waits between two calls, so that a kept connection is not closed under it."""


class Server(uvicorn.Server):
    """Serves one ASGI app on sockets that are bound already."""

    def __init__(self, app: Callable[..., Any]) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http="h11",
                ws="none",
                lifespan="off",
                loop="asyncio",
                log_config=None,
                log_level="critical",
                access_log=False,
                server_header=False,
                timeout_keep_alive=KEEP_ALIVE_SEC,
                timeout_graceful_shutdown=0,
            ),
        )
        self.up = asyncio.Event()
        """Set once it accepts connections."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Capture none."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and say so through `up`."""
        await super().startup(sockets)
        self.up.set()


def listen() -> socket.socket:
    """Bind a free port of the loopback interface, and of no other."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    # asyncio does this only for sockets it made itself; without it every answer in pieces waits 40 ms for an ACK.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def reserve() -> socket.socket:
    """Take a free port of the loopback interface on which nobody listens, as long as the socket is open."""
    idle = socket.socket()
    idle.bind(("127.0.0.1", 0))
    return idle
