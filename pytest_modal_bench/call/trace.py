"""One call under its deadline: its clock, and where its time goes."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from contextvars import ContextVar
from typing import TYPE_CHECKING, Literal, Self

from pytest_modal_bench.call.failures import CallError
from pytest_modal_bench.call.saturation import Saturation
from pytest_modal_bench.model import Phases

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import TracebackType

    from pytest_modal_bench.call.watchdog import Watchdog

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

    A context manager. `watchdog` shuts the live socket down at the deadline.
    """

    def __init__(self, deadline_sec: float, watchdog: Watchdog, origins: Origins | None = None) -> None:
        self.origins = Origins() if origins is None else origins
        self.reconnected = False
        """Whether it took a second try to connect, before anything was sent."""
        self.connected = False
        """Whether the present hop has a connection."""
        self.public = False
        """Whether the present hop's host is one of the public internet."""
        self.public_only = False
        """Whether the next hop must stay there."""
        self.client_busy: str | None = None
        """Once it has ended: why its time may be too long; None: this machine had time for it."""
        self._kept_before = frozenset(self.origins.kept)
        self._deadline_sec = deadline_sec
        self._saturation = Saturation.begin()
        self._late_sec = 0.0
        """By how much the watchdog was late, at most."""
        self._started = 0.0
        self._counted_until = 0.0
        """When the latest phase ended, or the clock started."""
        self._own_sec = 0.0
        """What passed between phases, while the server had nothing to do for this call."""
        self.received_bytes = 0
        """What has come, heads and all, as TLS hands it on."""
        self._received_at = 0.0
        """When something came last."""
        self._spent: dict[Phase, float] = {}
        self._latest: dict[Phase, float] = {}
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._cut_off = False
        self._watchdog = watchdog

    def __enter__(self) -> Self:
        """Become the trace that connections report to."""
        self.start_clock()
        try:
            self._watchdog.watch(self)
            self._token = current.set(self)
        except BaseException:
            self._watchdog.leave(self)
            raise
        self.start_clock()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Let go of everything."""
        current.reset(self._token)
        self._watchdog.leave(self)
        self.client_busy = self._saturation.reason(self._late_sec)
        with self._lock:
            self._let_go()

    def start_clock(self) -> None:
        """Leave out what was done until now, such as building the request. The deadline counts from here."""
        self._saturation, self._late_sec = Saturation.begin(), 0.0
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
    def counted_began(self) -> float:
        """The end of the latest phase less `counted_sec`, as `time.monotonic` has it."""
        return self._started + self._own_sec

    @property
    def counted_sec(self) -> float:
        """Seconds from the clock's start to the end of the latest phase, without our own work: the phases' sum."""
        return self._counted_until - self._started - self._own_sec

    @property
    def received_sec(self) -> float:
        """When something came last: seconds on the clock of `counted_sec`."""
        return self._received_at - self._started - self._own_sec

    @property
    def left_sec(self) -> float:
        """Seconds to the deadline; never quite zero."""
        return max(self._deadline_sec - self.elapsed_sec, _SHORTEST_SEC)

    @property
    def due(self) -> float:
        """When the watchdog cuts it off, as `time.monotonic` has it; the clock may be started once more before."""
        return self._started + self._deadline_sec + _GRACE_SEC

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
        """Count the time meanwhile as `phase`. What passed before it was our own work: nobody waited for anybody."""
        began = time.monotonic()
        try:
            yield
        finally:
            self._count(phase, began, time.monotonic())

    @contextlib.contextmanager
    def receiving(self, phase: Phase) -> Iterator[None]:
        """Count as `phase` the time from the end of the phase before to when something came last.

        What we do with it afterwards is our own work. One that fails is counted to its end.
        """
        try:
            yield
        except BaseException:
            self._count(phase, self._counted_until, time.monotonic())
            raise
        self._count(phase, self._counted_until, self._received_at)

    def sent(self, began: float, *, more: bool) -> None:
        """Count as `send` what was handed over from moment `began` until now; `more`: of a request that was begun."""
        self._count("send", self._counted_until if more else began, time.monotonic())

    def received(self, count: int) -> None:
        """Take note that `count` bytes came, or, if that is 0, that nothing more will."""
        self._received_at = time.monotonic()
        self.received_bytes += count

    def _count(self, phase: Phase, began: float, ended: float) -> None:
        ended = max(began, ended)
        self._own_sec += began - self._counted_until
        self._counted_until = ended
        self._latest[phase] = ended - began
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

    def woke(self, at: float, meant: float) -> None:
        """Take note that the watchdog looks at moment `at`, and not when it was meant to."""
        self._late_sec = max(self._late_sec, at - max(meant, self._started))

    def cut_off(self) -> None:
        """Shut down the socket that is used, and any that comes later."""
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
