"""A host that closes the connection in the TLS handshake, after the ClientHello."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import socket

RECORD_HEADER = 5
"""Bytes before a TLS record's payload; the last two are its length (RFC 8446, section 5.1)."""
READ_TIMEOUT_SEC = 10.0


async def cut_handshakes(listener: socket.socket) -> asyncio.Server:
    """Serve such a host on `listener`."""
    return await asyncio.start_server(_cut, sock=listener)


async def _cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    # All of it is read: closing with unread data would reset the connection, and clients report that as another error.
    with suppress(OSError, EOFError, TimeoutError):
        async with asyncio.timeout(READ_TIMEOUT_SEC):
            header = await reader.readexactly(RECORD_HEADER)
            await reader.readexactly(int.from_bytes(header[3:]))
    writer.close()
