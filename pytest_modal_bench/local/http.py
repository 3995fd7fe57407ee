"""The HTTP server of both edge and containers: uvicorn without logs and signal handlers; and sockets on loopback."""

from __future__ import annotations

import asyncio
import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import uvicorn

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

KEEP_ALIVE_SEC = 120
"""Longer than a client waits between two calls, so that the connection it keeps is not closed in between."""


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
        """Leave all signals to the process that started the server."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then set `up`."""
        await super().startup(sockets)
        self.up.set()


def listen() -> socket.socket:
    """Bind a free port of the loopback interface, and of no other."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    # asyncio does this only for sockets it made itself; without it an answer in pieces waits 40 ms for each ACK.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def reserve() -> socket.socket:
    """Reserve a free port of the loopback interface; until the socket is closed, connections to it are refused."""
    unused = socket.socket()
    unused.bind(("127.0.0.1", 0))
    return unused
