"""HTTP connections from the edge to containers, which are kept open from one call to the next.

They cost the same however many there are: with a general client's pool a call costs more the more others go on.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, NamedTuple, Self

import h11

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

PIECE = 64 * 1024
"""Bytes that are read at once."""


class BrokenError(Exception):
    """There was no connection to a container, or it ended before the answer did."""


class Response(NamedTuple):
    """The head of an answer, and the connection on which the body comes."""

    status: int
    headers: list[tuple[str, str]]
    """Names in lower case."""
    connection: Connection

    def pieces(self) -> AsyncIterator[bytes]:
        """The body, as it comes; raises `BrokenError` if the connection ends before it does."""
        return self.connection.pieces()


class Connection:
    """A connection to one container."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._http = h11.Connection(h11.CLIENT)

    @classmethod
    async def to(cls, port: int) -> Self:
        """Connect to the container with that port; raises `BrokenError`."""
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(PIECE, loop)
        try:
            transport, protocol = await loop.create_connection(lambda: _Protocol(reader), "127.0.0.1", port)
        except OSError as error:
            raise BrokenError(str(error)) from error
        return cls(reader, asyncio.StreamWriter(transport, protocol, reader, loop))

    async def send(self, request: h11.Request, body: bytes) -> Response:
        """Send a request, and wait for the head of its answer."""
        parts = [
            self._http.send(request),
            self._http.send(h11.Data(body)),
            self._http.send(h11.EndOfMessage()),
        ]
        try:
            self._writer.write(b"".join(part for part in parts if part))
            await self._writer.drain()
        except OSError as error:
            raise BrokenError(str(error)) from error
        while not isinstance(event := await self._next(), h11.Response):
            pass
        headers = [(name.decode("ascii"), value.decode("latin-1")) for name, value in event.headers]
        return Response(event.status_code, headers, self)

    async def pieces(self) -> AsyncGenerator[bytes]:
        """The body of the answer."""
        while isinstance(event := await self._next(), h11.Data):
            yield bytes(event.data)

    def is_reusable(self) -> bool:
        """Make it ready for another request, and return whether it is."""
        if self._http.our_state is not h11.DONE or self._http.their_state is not h11.DONE:
            return False
        self._http.start_next_cycle()
        return True

    def is_open(self) -> bool:
        """Whether the container has not closed it."""
        return not self._reader.at_eof()

    def close(self) -> None:
        """Close it at once."""
        self._writer.transport.abort()

    async def _next(self) -> object:
        """Wait for what h11 makes of the next bytes."""
        try:
            while (event := self._http.next_event()) is h11.NEED_DATA:
                self._http.receive_data(await self._reader.read(PIECE))
        except (OSError, h11.RemoteProtocolError) as error:
            raise BrokenError(str(error)) from error
        if isinstance(event, h11.ConnectionClosed):
            raise BrokenError("the connection was closed")
        return event


class _Protocol(asyncio.StreamReaderProtocol):
    """Closes the connection when the container does."""

    def eof_received(self) -> bool:
        super().eof_received()
        return False


class Connections:
    """The connections to all containers; each container has a port of its own."""

    def __init__(self) -> None:
        self._idle: defaultdict[int, list[Connection]] = defaultdict(list)

    @asynccontextmanager
    async def response(self, port: int, request: h11.Request, body: bytes) -> AsyncGenerator[Response]:
        """Send a request to the container, and yield its response, whose pieces are read inside the block.

        Raises `BrokenError`.
        """
        connection = await self._get(port)
        is_reusable = False
        try:
            yield await connection.send(request, body)
            is_reusable = connection.is_reusable()
        finally:
            if is_reusable:
                self._idle[port].append(connection)
            else:
                connection.close()

    def close(self) -> None:
        """Close all that are idle."""
        for idle in self._idle.values():
            for connection in idle:
                connection.close()
        self._idle.clear()

    async def _get(self, port: int) -> Connection:
        idle = self._idle[port]
        while idle:
            connection = idle.pop()
            if connection.is_open():
                return connection
        self._forget_closed()
        return await Connection.to(port)

    def _forget_closed(self) -> None:
        """Forget the connections to containers that have ended."""
        for port, idle in list(self._idle.items()):
            self._idle[port] = [each for each in idle if each.is_open()]
            if not self._idle[port]:
                del self._idle[port]
