"""One call under its deadline: its clock, where its time goes, and a hand on the socket it goes through."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from contextvars import ContextVar
from typing import TYPE_CHECKING, Literal, Self

from pytest_modal_bench.call.failures import CallError
from pytest_modal_bench.model import Phases

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import TracebackType

Phase = Literal["connect", "tls", "send", "wait", "download"]

Origin = tuple[str, int | None]
"""A host and a port."""

_GRACE_SEC = 0.01
"""By how much the watchdog comes after the sockets' own timeouts, which end most waits by themselves."""
_SHORTEST_SEC = 0.001
"""A socket's timeout of zero would mean: do not wait at all."""

current: ContextVar[Trace] = ContextVar("trace")
"""The trace of the call that goes on: urllib3 hands nothing down to a connection."""


class Origins:
    """What a client knows of the origins it has called."""

    def __init__(self) -> None:
        self.reached: set[Origin] = set()
        """Those that have answered."""
        self.kept: set[Origin] = set()
        """Those of them with which a connection should be open."""


class RefusedAddress(CallError):
    """An address leads from a public host into a network that whoever named it has no business in."""


class Trace:
    """One call under its deadline: where its time goes, and a hand on the socket it goes through.

    A context manager. A socket's timeout holds for one read, and the next read begins it anew: so that a
    server that drips cannot outlast the deadline, a thread shuts the live socket down then.
    """

    def __init__(self, deadline_sec: float, origins: Origins | None = None) -> None:
        self.origins = Origins() if origins is None else origins
        self.reconnected = False
        """Whether it took a second try to connect, before anything was sent."""
        self.connected = False
        """Whether the present hop has a connection."""
        self.public = False
        """Whether the present hop's host is one of the public internet."""
        self.public_only = False
        """Whether the next hop must stay there."""
        self._kept_before = frozenset(self.origins.kept)
        self._deadline_sec = deadline_sec
        self._started = 0.0
        self._counted_until = 0.0
        """When the latest phase ended, or the clock started."""
        self._spent: dict[Phase, float] = {}
        self._latest: dict[Phase, float] = {}
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._cut_off = False
        self._ended = threading.Event()
        self._watchdog = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        """Become the trace that connections report to."""
        self.start_clock()
        self._watchdog.start()
        self._token = current.set(self)
        self.start_clock()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Let go of everything."""
        current.reset(self._token)
        self._ended.set()
        self._watchdog.join()
        self._let_go()

    def start_clock(self) -> None:
        """Leave out what was done until now, such as building the request. The deadline counts from here."""
        self._started = self._counted_until = time.monotonic()

    @property
    def began(self) -> float:
        """When the clock started, as `time.monotonic` has it."""
        return self._started

    @property
    def elapsed_sec(self) -> float:
        """Seconds since the clock started."""
        return time.monotonic() - self._started

    @property
    def counted_sec(self) -> float:
        """Seconds from the clock's start to the end of the latest phase: what the phases add up to."""
        return self._counted_until - self._started

    @property
    def left_sec(self) -> float:
        """Seconds to the deadline; never quite zero."""
        return max(self._deadline_sec - self.elapsed_sec, _SHORTEST_SEC)

    @property
    def over(self) -> bool:
        """Whether the deadline has passed, or the socket was shut down for it."""
        return self._cut_off or self.elapsed_sec >= self._deadline_sec

    @property
    def phases(self) -> Phases:
        """What the phases took, summed over the hops."""
        return Phases(**{f"{phase}_sec": seconds for phase, seconds in self._spent.items()})

    def latest_sec(self, phase: Phase) -> float:
        """Seconds that `phase` took the last time."""
        return self._latest.get(phase, 0.0)

    @contextlib.contextmanager
    def timing(self, phase: Phase) -> Iterator[None]:
        """Count the time meanwhile as `phase`, and what has passed since the phase before: it leads to this one."""
        try:
            yield
        finally:
            before, self._counted_until = self._counted_until, time.monotonic()
            self._latest[phase] = self._counted_until - before
            self._spent[phase] = self._spent.get(phase, 0.0) + self._latest[phase]

    def hold(self, live: socket.socket) -> None:
        """Take a hand on the socket that is now used; the one held before is let go."""
        # A duplicate of its own: `live` may be wrapped for TLS, or closed by a response, at any time.
        duplicate = socket.fromfd(live.fileno(), live.family, live.type)
        with self._lock:
            self._let_go()
            self._socket = duplicate
            if self._cut_off:
                self._shut_down()

    def opening(self, origin: Origin) -> None:
        """Take note that a connection to `origin` is opened: it may be one that should have been open."""
        self.reconnected = self.reconnected or origin in self._kept_before

    def answered(self, origin: Origin) -> None:
        """Take note that `origin` has answered on a connection that may be kept."""
        self.origins.reached.add(origin)
        self.origins.kept.add(origin)

    def admit(self, host: str, addresses_public: Sequence[bool]) -> None:
        """Raise RefusedAddress where the hop must stay in the public internet, and `host` is not all in it."""
        if self.public_only and not all(addresses_public):
            raise RefusedAddress(
                f"{host}, a loopback, link-local or private address, is not followed", "application"
            )
        self.public = any(addresses_public)

    def _watch(self) -> None:
        # The clock may be started once more while this waits.
        while (left_sec := self._started + self._deadline_sec + _GRACE_SEC - time.monotonic()) > 0:
            if self._ended.wait(left_sec):
                return
        with self._lock:
            self._cut_off = True
            self._shut_down()

    def _shut_down(self) -> None:
        if self._socket is not None:
            with contextlib.suppress(OSError):  # the other side was faster
                self._socket.shutdown(socket.SHUT_RDWR)

    def _let_go(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None
