"""Servers for the load benchmarks, each in a process of its own on 127.0.0.1: instant, stalling, or one that queues.

`GET /count` says how many other requests were answered. Keep-alive, any method, no TLS.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

STALL_EVERY_SEC, STALL_SEC = 10.0, 2.0
_BODY = b'{"ok": true}'


class Target:
    """What is known of a server that runs."""

    def __init__(self, url: str) -> None:
        self.url = url

    def count(self) -> int:
        """How many requests it has answered."""
        with urllib.request.urlopen(f"{self.url}/count") as answer:  # noqa: S310 - a server of our own
            return int(answer.read())


@contextmanager
def running(kind: str, *arguments: str) -> Iterator[Target]:
    """Run a server."""
    process = subprocess.Popen(  # noqa: S603 - this file
        [sys.executable, __file__, kind, *arguments], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None  # noqa: S101 - it is a pipe
    try:
        yield Target(f"http://127.0.0.1:{int(process.stdout.readline())}")
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


class Served:
    """One server's state."""

    def __init__(self, kind: str, service_sec: float, seed: str) -> None:
        self.kind = kind
        self.count = 0
        self._service_sec = service_sec
        self._drawn = random.Random(seed)  # noqa: S311 - no secret
        self._free_at = 0.0
        """When the one that works will have done all that there is to do."""
        self._began = time.monotonic()

    async def answer(self) -> bytes:
        """Answer a request when it is its turn."""
        self.count += 1
        header = b""
        now = time.monotonic()
        if self.kind == "stalling":
            since = (now - self._began) % STALL_EVERY_SEC
            if since >= STALL_EVERY_SEC - STALL_SEC:
                await asyncio.sleep(STALL_EVERY_SEC - since)
        elif self.kind == "queue":
            service_sec = self._drawn.expovariate(1 / self._service_sec)
            self._free_at = max(self._free_at, now) + service_sec
            await asyncio.sleep(self._free_at - now)
            header = f"X-Execution-Time-Sec: {service_sec:.9f}\r\n".encode()
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n" + header
        return head + b"Content-Length: %d\r\n\r\n" % len(_BODY) + _BODY


async def _serve(kind: str, service_sec: float, seed: str) -> None:
    served = Served(kind, service_sec, seed)

    async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = next(
                    (
                        int(line[15:])
                        for line in head.lower().split(b"\r\n")
                        if line.startswith(b"content-length:")
                    ),
                    0,
                )
                if length:
                    await reader.readexactly(length)
                if head.startswith(b"GET /count"):
                    said = b"%d" % served.count
                    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(said) + said)
                else:
                    writer.write(await served.answer())
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(connection, "127.0.0.1", 0, backlog=1000)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=["instant", "stalling", "queue"])
    parser.add_argument("--service-sec", type=float, default=0.05)
    parser.add_argument("--seed", default="0")
    options = parser.parse_args()
    asyncio.run(_serve(options.kind, options.service_sec, options.seed))
