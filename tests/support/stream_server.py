"""A server in a process of its own that sends what it is asked to, when it is asked to, and logs when it did.

`POST /` with a plan answers with a stream, `GET /log` with when each piece of the last one was sent, by
`time.monotonic`, which all processes of a machine share.
"""

from __future__ import annotations

import base64
import contextlib
import json
import socket
import subprocess
import sys
import time
import urllib.request
import zlib
from dataclasses import asdict, dataclass, field
from typing import Self

GZIP = 16 + zlib.MAX_WBITS


@dataclass
class Plan:
    """What is sent: each piece after so many seconds of waiting."""

    pieces: list[tuple[float, bytes]]
    framing: str = "chunked"
    """How HTTP says where it ends: `chunked`, `length` or `close`."""
    gzip: bool = False
    """Whether it is compressed, and flushed after each piece."""
    cut: bool = False
    """Whether the connection ends without the end of the body."""
    headers: dict[str, str] = field(default_factory=lambda: {"content-type": "text/event-stream"})

    def encoded(self) -> bytes:
        """Return it as the server is sent it."""
        pieces = [(seconds, base64.b64encode(piece).decode()) for seconds, piece in self.pieces]
        return json.dumps({**asdict(self), "pieces": pieces}).encode()


def plan_of(data: bytes) -> Plan:
    """Return the plan that was encoded."""
    given = json.loads(data)
    pieces = [(seconds, base64.b64decode(piece)) for seconds, piece in given["pieces"]]
    return Plan(**{**given, "pieces": pieces})


class StreamServer:
    """The server's process; `with` ends it."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen([sys.executable, __file__], stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.url = f"http://127.0.0.1:{int(self._process.stdout.readline())}/"
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def log(self) -> list[float]:
        """Return when each piece of the last answer was sent."""
        with urllib.request.urlopen(f"{self.url}log", timeout=30) as answer:  # noqa: S310 - our own, on loopback
            times: list[float] = json.load(answer)
        return times


def serve() -> None:
    """Serve one connection after the other."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        print(listening.getsockname()[1], flush=True)  # noqa: T201 - how its port gets known
        log: list[float] = []
        while True:
            live, _ = listening.accept()
            with contextlib.suppress(OSError), live:
                # As asyncio does, and so uvicorn: else a small piece waits until the one before is acknowledged.
                live.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                head, body = _receive(live)
                if head.startswith(b"GET /log "):
                    answer = json.dumps(log).encode()
                    live.sendall(
                        f"HTTP/1.1 200 OK\r\ncontent-length: {len(answer)}\r\n\r\n".encode() + answer
                    )
                else:
                    log = []
                    _stream(live, plan_of(body), log)


def _receive(live: socket.socket) -> tuple[bytes, bytes]:
    data = b""
    while b"\r\n\r\n" not in data:
        data += _piece(live)
    head, body = data.split(b"\r\n\r\n", 1)
    fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
    while len(body) < int(fields.get(b"content-length", b"0")):
        body += _piece(live)
    return head, body


def _piece(live: socket.socket) -> bytes:
    piece = live.recv(1 << 16)
    if not piece:
        raise ConnectionError
    return piece


def _stream(live: socket.socket, plan: Plan, log: list[float]) -> None:
    headers = {**plan.headers, "connection": "close"}
    compressor = zlib.compressobj(wbits=GZIP)
    if plan.gzip:
        headers["content-encoding"] = "gzip"
    if plan.framing == "chunked":
        headers["transfer-encoding"] = "chunked"
    elif plan.framing == "length":
        headers["content-length"] = str(sum(len(piece) for _, piece in plan.pieces))
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    live.sendall(f"HTTP/1.1 200 OK\r\n{lines}\r\n".encode())

    def send(data: bytes) -> None:
        is_chunk = plan.framing == "chunked"
        live.sendall(b"%x\r\n%b\r\n" % (len(data), data) if is_chunk else data)

    for seconds, piece in plan.pieces:
        sent = compressor.compress(piece) + compressor.flush(zlib.Z_SYNC_FLUSH) if plan.gzip else piece
        time.sleep(seconds)
        log.append(time.monotonic())
        send(sent)
    if plan.cut:
        return
    if plan.gzip:
        send(compressor.flush())
    if plan.framing == "chunked":
        live.sendall(b"0\r\n\r\n")


if __name__ == "__main__":
    serve()
