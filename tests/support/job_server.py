"""A server on loopback that takes jobs and is asked for them, by a script; it keeps a log of its own."""

from __future__ import annotations

import json
import socket
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from measure_server import Connection, Received, Server, answer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Step = bytes | Callable[[Connection], None]
    """An answer, or what is done instead; a connection that has not been closed by it is kept."""


@dataclass
class Entry:
    """One request, and when it had been read and answered: moments of `time.monotonic`, which all processes share."""

    received: Received
    read: float
    answered: float | None = None


class JobServer(Server):
    """Answers POST by `submitted`, in turn, and GET by `asked`, in turn; of each the last one again and again."""

    def __init__(self, submitted: Step, asked: Sequence[Step]) -> None:
        super().__init__(self._handle_all)
        self.submitted = submitted
        self.asked = [*asked]
        self.log: list[Entry] = []
        self._turn = threading.Lock()

    def stop_listening(self) -> None:
        """Refuse connections at this port from now on."""
        listening, self._listening = self._listening, socket.create_server(("127.0.0.1", 0))
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()

    @property
    def submits(self) -> int:
        """How often a job was submitted."""
        return sum(entry.received.method == "POST" for entry in self.log)

    @property
    def questions(self) -> list[str]:
        """The paths that were asked, in order."""
        return [entry.received.path for entry in self.log if entry.received.method == "GET"]

    def _handle_all(self, connection: Connection) -> None:
        while (received := connection.receive()) is not None:
            entry = Entry(received, time.monotonic())
            with self._turn:
                self.log.append(entry)
                step = self.submitted if received.method == "POST" else self.asked[0]
                if received.method == "GET" and len(self.asked) > 1:
                    self.asked.pop(0)
            if isinstance(step, bytes):
                connection.send(step)
            else:
                step(connection)
            entry.answered = time.monotonic()


def said(value: Any, status: str = "200 OK", **headers: str) -> bytes:
    """Return an answer of JSON."""
    return answer(json.dumps(value).encode(), status=status, content_type="application/json", **headers)


def cut(data: bytes) -> Callable[[Connection], None]:
    """Return a step that sends `data`, and then closes the connection."""

    def step(connection: Connection) -> None:
        connection.send(data)
        connection.shut()

    return step
