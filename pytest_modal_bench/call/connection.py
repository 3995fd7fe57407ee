"""Connections that keep time, and can be cut off. The only module that knows urllib3's internals (from 2.2).

urllib3 hands nothing down to a connection: the call that it works for is found through a context variable.
"""

from __future__ import annotations

import contextlib
import functools
import os
import socket
import ssl
import threading
import time
from concurrent.futures import Future, InvalidStateError
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

import urllib3.connection
from requests.adapters import HTTPAdapter
from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3.exceptions import ConnectTimeoutError
from urllib3.util.ssl_ import create_urllib3_context

from pytest_modal_bench.model import Phases

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType

Phase = Literal["connect", "tls", "send", "wait", "download"]

LOGGERS = ("urllib3.connection", "urllib3.connectionpool")
"""The loggers that say which URLs were called."""

_CA_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")
_GRACE_SEC = 0.01
"""By how much the watchdog comes after the sockets' own timeouts, which end most waits by themselves."""
_SHORTEST_SEC = 0.001
"""A socket's timeout of zero would mean: do not wait at all."""

_current: ContextVar[Trace] = ContextVar("trace")


class Trace:
    """One call under its deadline: where its time goes, and a hand on the socket it goes through.

    A context manager. A socket's timeout holds for one read, and the next read begins it anew: so that a
    server that drips cannot outlast the deadline, a thread shuts the live socket down then.
    """

    def __init__(self, deadline_sec: float) -> None:
        self._deadline_sec = deadline_sec
        self._started = 0.0
        self._spent: dict[Phase, float] = {}
        self._latest: dict[Phase, float] = {}
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._cut_off = False
        self._watchdog = threading.Timer(deadline_sec + _GRACE_SEC, self._cut)
        self._watchdog.daemon = True

    def __enter__(self) -> Self:
        """Become the trace that connections report to."""
        self._watchdog.start()
        self._token = _current.set(self)
        self.start_clock()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Let go of everything."""
        _current.reset(self._token)
        self._watchdog.cancel()
        self._watchdog.join()
        self._let_go()

    def start_clock(self) -> None:
        """Leave out what was done until now, such as building the request."""
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

    def _cut(self) -> None:
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


# The classes have urllib3's own names, because they stand in its messages.
class HTTPConnection(urllib3.connection.HTTPConnection):
    """A connection that tells the current trace what it does."""

    def _new_conn(self) -> socket.socket:
        trace = _current.get()
        with trace.timing("connect"):
            live = _within(trace.left_sec, super()._new_conn, self)
        trace.hold(live)
        return live

    def request(self, *args: Any, **kwargs: Any) -> None:
        """Send a request; its body may take until the deadline, not just as long as a connect."""
        trace = _current.get()
        if self.sock is None:
            self.connect()
        trace.hold(self.sock)
        self.timeout = trace.left_sec
        with trace.timing("send"):
            super().request(*args, **kwargs)

    def getresponse(self) -> urllib3.HTTPResponse:  # type: ignore[override] # as urllib3's own
        """Wait for an answer's head."""
        trace = _current.get()
        self.timeout = trace.left_sec
        with trace.timing("wait"):
            return super().getresponse()


class HTTPSConnection(HTTPConnection, urllib3.connection.HTTPSConnection):
    """The same, with TLS."""

    def _new_conn(self) -> socket.socket:
        live = super()._new_conn()
        self._handshake.enter_context(_current.get().timing("tls"))
        return live

    def connect(self) -> None:
        """Connect, and shake hands."""
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

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make the pools."""
        super().init_poolmanager(*args, ssl_context=_ssl_context(_ca_bundle()), **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": HTTPConnectionPool, "https": HTTPSConnectionPool}

    def close(self) -> None:
        """Close all kept connections, now: urllib3 leaves that to the garbage collector."""
        pools = self.poolmanager.pools
        for pool in map(pools.get, pools.keys()):
            if pool is not None:
                pool.close()
        super().close()

    def cert_verify(self, *args: Any, **kwargs: Any) -> None:
        """Leave it to the TLS context, which always verifies.

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
        except Exception as error:  # noqa: BLE001 - the SDK lets through what it is built on: gRPC, HTTP/2, sockets
            with contextlib.suppress(InvalidStateError):
                outcome.set_exception(error)
            return
        try:
            outcome.set_result(live)
        except InvalidStateError:
            live.close()

    thread = threading.Thread(target=attempt, daemon=True)
    thread.start()
    thread.join(seconds)
    if outcome.cancel():
        raise ConnectTimeoutError(connection, f"Connection to {connection.host} timed out.")
    return outcome.result()


def _ca_bundle() -> str:
    """Return where the trusted certificates are: the environment's, or those that come with requests."""
    return next(filter(None, map(os.environ.get, _CA_VARIABLES)), DEFAULT_CA_BUNDLE_PATH)


@functools.cache
def _ssl_context(bundle: str) -> ssl.SSLContext:
    context = create_urllib3_context(cert_reqs=ssl.CERT_REQUIRED)
    try:
        if Path(bundle).is_dir():
            context.load_verify_locations(capath=bundle)
        else:
            context.load_verify_locations(cafile=bundle)
    except OSError as error:
        names = ", ".join(_CA_VARIABLES)
        raise ValueError(f"no certificates in {bundle} (from {names}, or the default): {error}") from None
    return context
