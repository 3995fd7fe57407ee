"""Connections that keep time, and can be cut off. The only module that knows urllib3's internals (from 2.2).

urllib3 hands nothing down to a connection: the call that it works for is found through a context variable.
"""

from __future__ import annotations

import contextlib
import functools
import http.client
import socket
import threading
import time
from concurrent.futures import Future, InvalidStateError
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Literal, Self

import urllib3.connection
from requests.adapters import HTTPAdapter
from urllib3.exceptions import (
    ConnectTimeoutError,
    LocationParseError,
    NameResolutionError,
    NewConnectionError,
)
from urllib3.util.connection import allowed_gai_family

from pytest_modal_bench.call.addresses import is_public
from pytest_modal_bench.call.certificates import ssl_context
from pytest_modal_bench.call.failures import CallError
from pytest_modal_bench.model import Phases

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import TracebackType

Phase = Literal["connect", "tls", "send", "wait", "download"]

Origin = tuple[str, int | None]
"""A host and a port."""

MOST_INTERIM = 100_000
"""So many interim answers are read past; a server that goes on with them will not answer."""

_HOSTS = 1000
"""So many hosts' connections are kept, which is more than a catalogue has."""
_DNS_PAUSE_SEC = 0.1
_INTERIM = range(100, 200)
_GRACE_SEC = 0.01
"""By how much the watchdog comes after the sockets' own timeouts, which end most waits by themselves."""
_SHORTEST_SEC = 0.001
"""A socket's timeout of zero would mean: do not wait at all."""

# What `socket.getaddrinfo` returns.
_Address = tuple[
    socket.AddressFamily,
    socket.SocketKind,
    int,
    str,
    tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes],
]

_current: ContextVar[Trace] = ContextVar("trace")


class Origins:
    """What a client knows of the origins it has called."""

    def __init__(self) -> None:
        self.reached: set[Origin] = set()
        """Those that have answered."""
        self.kept: set[Origin] = set()
        """Those of them with which a connection should be open."""


class RefusedAddress(CallError):
    """A redirect leads from a public host into a network that its sender has no business in."""


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
        self._token = _current.set(self)
        self.start_clock()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Let go of everything."""
        _current.reset(self._token)
        self._ended.set()
        self._watchdog.join()
        self._let_go()

    def start_clock(self) -> None:
        """Leave out what was done until now, such as building the request. The deadline counts from here."""
        self._started = time.monotonic()

    @property
    def elapsed_sec(self) -> float:
        """Seconds since the clock started."""
        return time.monotonic() - self._started

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
        """Count the time meanwhile as `phase`."""
        started = time.monotonic()
        try:
            yield
        finally:
            self._latest[phase] = time.monotonic() - started
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
                f"redirect from a public host to {host}, a loopback, link-local or private address, is not followed",
                "application",
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


class _Response(http.client.HTTPResponse):
    """An answer's head, however many interim ones come before it: http.client takes all but `100` for the answer.

    See RFC 9110, section 15.2; `101` is final, since the connection is HTTP's no longer.
    """

    def _read_status(self) -> tuple[str, int, str]:
        for _ in range(MOST_INTERIM + 1):
            version, status, reason = super()._read_status()  # type: ignore[misc] # not in typeshed
            if status not in _INTERIM or status == http.HTTPStatus.SWITCHING_PROTOCOLS:
                return version, status, reason
            http.client.parse_headers(self.fp)
            # What has arrived before the deadline is still there to be read after it.
            if _current.get().over:
                raise TimeoutError
        raise CallError(f"more than {MOST_INTERIM:,} interim answers, and no final one", "application")


# The classes have urllib3's own names, because they stand in its messages.
class HTTPConnection(urllib3.connection.HTTPConnection):
    """A connection that tells the current trace what it does."""

    response_class = _Response

    _addresses_public: tuple[bool, ...] = ()
    _sent_bytes = 0
    _used = False
    """Whether an answer has come through it."""

    @property
    def _origin(self) -> Origin:
        return self.host, self.port

    def _new_conn(self) -> socket.socket:
        trace = _current.get()
        trace.opening(self._origin)
        self._used = False
        with trace.timing("connect"):
            live = _within(trace.left_sec, functools.partial(self._dial, trace), self)
        trace.hold(live)
        return live

    def _dial(self, trace: Trace) -> socket.socket:
        """Do as urllib3's `_new_conn`, and look at the addresses first: a name may lead anywhere."""
        try:
            found = self._look_up(trace)
        except socket.gaierror as error:
            raise NameResolutionError(self.host, self, error) from error
        except UnicodeError:
            raise LocationParseError(f"'{self.host}', label empty or too long") from None
        self._addresses_public = tuple(is_public(str(where[0])) for *_, where in found)
        trace.admit(self.host, self._addresses_public)
        try:
            return self._first_of(found)
        except TimeoutError as error:
            raise ConnectTimeoutError(
                self, f"Connection to {self.host} timed out. (connect timeout={self.timeout})"
            ) from error
        except OSError as error:
            raise NewConnectionError(self, f"Failed to establish a new connection: {error}") from error

    def _look_up(self, trace: Trace) -> Sequence[_Address]:
        """Ask for the host's addresses; once more for one that has been reached before: the resolver erred."""
        look_up = functools.partial(
            socket.getaddrinfo,
            self._dns_host.strip("[]"),
            self.port,
            allowed_gai_family(),
            socket.SOCK_STREAM,
        )
        try:
            return look_up()
        except socket.gaierror:
            if self._origin not in trace.origins.reached or trace.left_sec <= _DNS_PAUSE_SEC:
                raise
        trace.reconnected = True
        time.sleep(_DNS_PAUSE_SEC)
        return look_up()

    def _first_of(self, addresses: Sequence[_Address]) -> socket.socket:
        """Connect to the first address that can be connected to."""
        problem = OSError("getaddrinfo returns an empty list")
        for family, kind, protocol, _, where in addresses:
            live = None
            try:
                live = socket.socket(family, kind, protocol)
                for option in self.socket_options or ():
                    live.setsockopt(*option)
                live.settimeout(self.timeout)
                live.connect(where)
            except OSError as error:
                problem = error
                if live is not None:
                    live.close()
            else:
                return live
        raise problem

    def request(self, *args: Any, **kwargs: Any) -> None:
        """Send a request; its body may take until the deadline, not just as long as a connect.

        On a kept connection that is dead it goes out on a new one, as long as not a byte has been sent.
        """
        trace = _current.get()
        # urllib3 looked when it took the connection out of its pool; that was a moment ago.
        kept = self.sock is not None and self._used
        if kept and self.is_connected:
            try:
                self._send(trace, args, kwargs)
            except OSError:
                if self._sent_bytes or trace.over:
                    raise
            else:
                return
        if kept:
            trace.reconnected = True
            self.close()
        self._send(trace, args, kwargs)

    def _send(self, trace: Trace, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self._sent_bytes = 0
        if self.sock is None:
            self.connect()
        trace.admit(self.host, self._addresses_public)
        trace.connected = True
        trace.hold(self.sock)
        self.timeout = trace.left_sec
        with trace.timing("send"):
            super().request(*args, **kwargs)

    def send(self, data: Any) -> None:
        """Send `data`, and count what was handed over."""
        if not isinstance(data, bytes) or self.sock is None:
            super().send(data)
            return
        left = memoryview(data)
        while left:
            count = self.sock.send(left)
            self._sent_bytes += count
            left = left[count:]

    def getresponse(self) -> urllib3.HTTPResponse:  # type: ignore[override] # as urllib3's own
        """Wait for an answer's head."""
        trace = _current.get()
        self.timeout = trace.left_sec
        with trace.timing("wait"):
            response = super().getresponse()
        trace.answered(self._origin)
        self._used = True
        return response


class HTTPSConnection(HTTPConnection, urllib3.connection.HTTPSConnection):
    """The same, with TLS."""

    def _new_conn(self) -> socket.socket:
        live = super()._new_conn()
        self._handshake.enter_context(_current.get().timing("tls"))
        return live

    def connect(self) -> None:
        """Connect, and shake hands."""
        self.ssl_context = ssl_context()
        # urllib3 does both in one; only `_new_conn` sees where the one ends and the other begins.
        with contextlib.ExitStack() as self._handshake:
            super().connect()


class HTTPConnectionPool(urllib3.HTTPConnectionPool):
    """urllib3's, with our connections."""

    ConnectionCls = HTTPConnection


class HTTPSConnectionPool(urllib3.HTTPSConnectionPool):
    """urllib3's, with our connections."""

    ConnectionCls = HTTPSConnection


class Adapter(HTTPAdapter):
    """requests' adapter over our connections. Nothing is sent twice: neither it nor urllib3 tries again."""

    def __init__(self) -> None:
        self.origins = Origins()
        super().__init__(pool_connections=_HOSTS)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make the pools."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": HTTPConnectionPool, "https": HTTPSConnectionPool}

    def close(self) -> None:
        """Close all kept connections, now: urllib3 leaves that to the garbage collector."""
        self.origins.kept.clear()
        pools = self.poolmanager.pools
        for pool in map(pools.get, pools.keys()):
            if pool is not None:
                pool.close()
        super().close()

    def cert_verify(self, *args: Any, **kwargs: Any) -> None:
        """Leave it to the connection's TLS context, which always verifies.

        requests would have each connection read the certificate bundle again: 10 ms of our own, on the clock.
        """


def _within(
    seconds: float, connect: Callable[[], socket.socket], connection: urllib3.connection.HTTPConnection
) -> socket.socket:
    """Return what `connect` returns, or raise ConnectTimeoutError after `seconds`.

    A name's look-up cannot be interrupted, so it goes on in its thread until the resolver gives up.
    """
    outcome: Future[socket.socket] = Future()

    def attempt() -> None:
        try:
            live = connect()
        except Exception as error:  # noqa: BLE001 - handed on to whoever waits
            with contextlib.suppress(InvalidStateError):
                outcome.set_exception(error)
            return
        try:
            outcome.set_result(live)
        except InvalidStateError:
            live.close()

    thread = threading.Thread(target=attempt, daemon=True)
    thread.start()
    try:
        thread.join(seconds)
    except BaseException:  # Ctrl-C: nobody waits for the connection any more
        if not outcome.cancel() and outcome.exception() is None:
            outcome.result().close()
        raise
    if outcome.cancel():
        raise ConnectTimeoutError(connection, f"Connection to {connection.host} timed out.")
    return outcome.result()
