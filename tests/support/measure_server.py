"""Servers on loopback that behave as badly as a test needs: a function handles each connection."""

from __future__ import annotations

import contextlib
import socket
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator


@dataclass
class Received:
    """A request, as the server read it; header names in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Connection:
    """One accepted connection."""

    def __init__(self, live: socket.socket, server: Server) -> None:
        self.socket = live
        self.server = server

    def receive(self) -> Received | None:
        """Read a request whole, or return None when there is none."""
        data = b""
        while b"\r\n\r\n" not in data:
            piece = self.socket.recv(1 << 16)
            if not piece:
                return None
            data += piece
        head, body = data.split(b"\r\n\r\n", 1)
        line, *fields = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, value in (each.split(":", 1) for each in fields)}
        while len(body) < int(headers.get("content-length", "0")):
            piece = self.socket.recv(1 << 16)
            if not piece:
                return None
            body += piece
        method, path, _ = line.split(" ")
        received = Received(method, path, headers, body)
        self.server.received.append(received)
        return received

    def send(self, data: bytes) -> None:
        """Send all of `data`."""
        self.socket.sendall(data)

    def shut(self) -> None:
        """Close the connection; what was sent arrives."""
        self.socket.shutdown(socket.SHUT_RDWR)

    def wait(self, seconds: float) -> None:
        """Do nothing for a while, but not beyond the test."""
        self.server.closing.wait(seconds)

    def hold(self) -> None:
        """Do nothing until the test ends."""
        self.server.closing.wait()

    def drip(self, data: bytes, every_sec: float = 0.02) -> None:
        """Send `data` over and over, a byte at a time, until nobody listens."""
        while not self.server.closing.is_set():
            for byte in data:
                self.send(bytes([byte]))
                self.wait(every_sec)


class Server:
    """Listens on a free port; `with` closes it, and whatever is still connected."""

    def __init__(self, handle: Callable[[Connection], None], *, tls: ssl.SSLContext | None = None) -> None:
        self._handle = handle
        self._tls = tls
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._live: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self.closing = threading.Event()
        self.received: list[Received] = []
        self.connections = 0
        self.port: int = self._listening.getsockname()[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        # Closing alone would leave `accept` blocked.
        self._listening.shutdown(socket.SHUT_RDWR)
        for live in list(self._live):
            with contextlib.suppress(OSError):
                live.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        self._listening.close()

    def _start(self, target: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self.closing.is_set():
            with contextlib.suppress(OSError):
                live, _ = self._listening.accept()
                self.connections += 1
                self._live.append(live)
                self._start(self._serve, live)

    def _serve(self, live: socket.socket) -> None:
        with contextlib.suppress(OSError), live, self._wrapped(live) as wrapped:
            self._handle(Connection(wrapped, self))

    @contextlib.contextmanager
    def _wrapped(self, live: socket.socket) -> Iterator[socket.socket]:
        if self._tls is None:
            yield live
        else:
            with self._tls.wrap_socket(live, server_side=True) as wrapped:
                self._live.append(wrapped)
                yield wrapped


def answer(body: bytes = b"", *, status: str = "200 OK", **headers: str) -> bytes:
    """Return an HTTP answer with its length; header names are written with underscores."""
    fields = {"content-length": str(len(body)), **headers}
    head = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in fields.items())
    return f"HTTP/1.1 {status}\r\n{head}\r\n".encode() + body


def redirect(location: str, *, status: str = "303 See Other") -> bytes:
    """Return a redirect."""
    return answer(status=status, location=location)


def answering(respond: Callable[[Received], bytes]) -> Callable[[Connection], None]:
    """Return a handler that answers each request of a connection, and keeps it."""

    def handle(connection: Connection) -> None:
        while (received := connection.receive()) is not None:
            connection.send(respond(received))

    return handle
