"""A server on loopback, in a process of its own: it answers at once what it is asked for, and logs its own time.

    POST /answer/2097152    a JSON text of so many bytes, once all of the request is there
    POST /wait/0.3          a short one, after so many seconds
    GET /events/1000/0.001  so many server-sent events, one each so many seconds
    GET /blocks/512         server-sent events of 1 MiB each, so many of them, at once

Moments are those of `time.monotonic`, which on Linux is one clock for all processes. Each connection has a thread that
reads and writes its socket directly: with a framework's own time in them, the figures would tell of that.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import json
import queue
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import trustme

if TYPE_CHECKING:
    from collections.abc import Iterator

HOST = "127.0.0.1"
_PIECE_BYTES = 1 << 20
_PATIENCE_SEC = 10.0
_NO_SUCH_PATH = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class MeasurementError(Exception):
    """What was to be measured did not happen: a wrong answer, or a wrong number of them."""


class Server:
    """A server that runs, as its clients see it."""

    def __init__(self, process: subprocess.Popen[str], authority: Path | None) -> None:
        self._process = process
        self.authority = authority
        """The certificate that signs the server's own; None: it talks plain HTTP."""
        self.port = int(self._line())
        self.scheme = "http" if authority is None else "https"
        self.url = f"{self.scheme}://{HOST}:{self.port}"

    def log(self, count: int) -> list[list[float]]:
        """Take `count` entries from the log; fails where there are fewer, or more.

        One of a request is when its first bytes were there, and when its answer's last byte was handed over; one of
        a stream is when each event's writing began.
        """
        assert self._process.stdin is not None  # noqa: S101 - it is a pipe
        self._process.stdin.write(f"{count}\n")
        self._process.stdin.flush()
        entries: list[list[float]] = json.loads(self._line())
        if len(entries) != count:
            raise MeasurementError(f"the server has answered {len(entries)} requests instead of {count}")
        return entries

    def _line(self) -> str:
        assert self._process.stdout is not None  # noqa: S101 - it is a pipe
        return self._process.stdout.readline()


@contextlib.contextmanager
def running(*, tls: bool = False, hosts: int = 1) -> Iterator[Server]:
    """Run a server; `hosts`: it listens on so many addresses of loopback, all at the same port."""
    command = [sys.executable, __file__, f"--hosts={hosts}"]
    with tempfile.TemporaryDirectory() as folder:
        authority = None
        if tls:
            maker = trustme.CA()
            authority, own = Path(folder, "authority.pem"), Path(folder, "server.pem")
            maker.cert_pem.write_to_path(str(authority))
            maker.issue_cert(HOST).private_key_and_cert_chain_pem.write_to_path(str(own))
            command.append(f"--certificate={own}")
        with subprocess.Popen(  # noqa: S603 - this file
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as process:
            try:
                yield Server(process, authority)
            finally:
                process.kill()


_log: queue.SimpleQueue[list[float]] = queue.SimpleQueue()


def _serve(hosts: int, certificate: str | None) -> None:
    """Listen, say at which port, and hand over the log whenever it is asked for, until nobody can ask any more."""
    context = None
    if certificate is not None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate)
    port = 0
    for number in range(hosts):
        listening = socket.create_server((f"127.0.0.{1 + number}", port))
        port = listening.getsockname()[1]
        threading.Thread(target=_accept, args=(listening, context), daemon=True).start()
    print(port, flush=True)
    for line in sys.stdin:
        print(json.dumps(_entries(int(line))), flush=True)


def _entries(count: int) -> list[list[float]]:
    """Return the log: `count` entries, the last of which may be under way, or as many as there are."""
    entries: list[list[float]] = []
    with contextlib.suppress(queue.Empty):
        while len(entries) < count:
            entries.append(_log.get(timeout=_PATIENCE_SEC))
        while True:
            entries.append(_log.get_nowait())
    return entries


def _accept(listening: socket.socket, context: ssl.SSLContext | None) -> None:
    while True:
        live, _ = listening.accept()
        live.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=_answer_all, args=(live, context), daemon=True).start()


def _answer_all(live: socket.socket, context: ssl.SSLContext | None) -> None:
    """Answer one request after the other, until the client is gone."""
    with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
        if context is not None:
            live = context.wrap_socket(live, server_side=True)
        stack.enter_context(live)
        into = memoryview(bytearray(_PIECE_BYTES))
        while (request := _receive(live, into)) is not None:
            head, began = request
            _, kind, *values = head.partition(b" HTTP/")[0].decode().split("/")
            if kind == "events":
                _log.put(_stream(live, int(values[0]), float(values[1])))
                continue
            if kind == "blocks":
                _log.put(_blocks(live, int(values[0])))
                continue
            if kind == "wait":
                time.sleep(float(values[0]))
            elif kind != "answer":
                live.sendall(_NO_SUCH_PATH)  # and no entry in the log, where it will be missing
                return
            closing = b"\r\nconnection: close\r\n" in head.lower()
            live.sendall(_answer(int(values[0].partition("?")[0]) if kind == "answer" else 0, closing))
            _log.put([began, time.monotonic()])
            if closing:
                return


def _receive(live: socket.socket, into: memoryview) -> tuple[bytes, float] | None:
    """Read a request whole; return its head, and when its first bytes were there. None: there is none any more."""
    head = bytes(into[: live.recv_into(into)])
    began = time.monotonic()
    while (end := head.find(b"\r\n\r\n")) < 0:
        count = live.recv_into(into)
        if not count:
            return None
        head += into[:count]
    fields = head[: end + 2].lower()
    length = int(fields.partition(b"\r\ncontent-length:")[2].partition(b"\r\n")[0] or 0)
    left = length - (len(head) - end - 4)
    while left > 0:
        count = live.recv_into(into, min(left, len(into)))
        if not count:
            return None
        left -= count
    return head[: end + 2], began


def json_text(size: int) -> bytes:
    """Return a JSON text of `size` bytes; of at least 13."""
    return b'{"prompt":"%b"}' % (b"x" * (size - 13))


@functools.cache
def _answer(size: int, closing: bool) -> bytes:
    body = json_text(size) if size else b"{}"
    connection = b"close" if closing else b"keep-alive"
    head = (
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\nConnection: %b\r\n\r\n"
    )
    return head % (len(body), connection) + body


def _stream(live: socket.socket, count: int, every_sec: float) -> list[float]:
    """Send the events, each in a write of its own, and return when each write began.

    The schedule is absolute: what is sent late is followed by what is due.
    """
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    live.sendall(head)
    moments = []
    due = time.monotonic()
    for number in range(count):
        due += every_sec
        time.sleep(max(0.0, due - time.monotonic()))
        event = b'data: {"token":"%d"}\n\n' % number
        chunk = b"%x\r\n%b\r\n" % (len(event), event)
        moments.append(time.monotonic())
        live.sendall(chunk)
    live.sendall(b"0\r\n\r\n")
    return moments


def _blocks(live: socket.socket, count: int) -> list[float]:
    event = b"data: %b\n\n" % (b"x" * (_PIECE_BYTES - 8))
    chunk = b"%x\r\n%b\r\n" % (len(event), event)
    live.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
    began = time.monotonic()
    for _ in range(count):
        live.sendall(chunk)
    live.sendall(b"0\r\n\r\n")
    return [began, time.monotonic()]


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--hosts", type=int, default=1)
    parser.add_argument("--certificate")
    options = parser.parse_args()
    _serve(options.hosts, options.certificate)
