"""The HTTP server of both edge and containers: uvicorn without logs and signal handlers; and sockets on loopback."""

from __future__ import annotations

import asyncio
import socket
import struct
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from starlette.types import Receive, Scope, Send

KEEP_ALIVE_SEC = 120
"""Longer than a client waits between two calls, so that the connection it keeps is not closed in between."""

RESET = "pytest_modal_bench.reset"
"""The extension of an ASGI scope that resets the request's connection: a function without arguments."""


class Protocol(H11Protocol):
    """An HTTP connection that an app can reset, as a broken network does."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._app = self.app
        self.app = self._serve

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app({**scope, "extensions": {RESET: self.reset}}, receive, send)

    def reset(self) -> None:
        """Close the connection with a TCP reset (Linux, socket(7): `SO_LINGER` with a time of 0)."""
        connection = self.transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()


class Server(uvicorn.Server):
    """Serves one ASGI app on sockets that are bound already."""

    def __init__(self, app: Callable[..., Any]) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=Protocol,
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
