"""Connections that keep time, and can be cut off. The only module that knows urllib3's internals (from 2.2).

urllib3 hands nothing down to a connection: the call that it works for is found through a context variable.
"""

from __future__ import annotations

import http.client
import math
import os
import socket
import ssl
import threading
import time
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import urllib3.connection
from requests import Response
from requests.adapters import HTTPAdapter
from urllib3.exceptions import (
    ConnectTimeoutError,
    LocationParseError,
    NameResolutionError,
    NewConnectionError,
)
from urllib3.util.connection import allowed_gai_family

from pytest_modal_bench.call.addresses import is_address, is_public
from pytest_modal_bench.call.certificates import ssl_context
from pytest_modal_bench.call.failures import CallError
from pytest_modal_bench.call.trace import Origin, Origins, Trace, current

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from requests import PreparedRequest

MOST_INTERIM = 100_000
"""So many interim answers are read past; a server that goes on with them will not answer."""

_HOSTS = 1000
"""So many hosts' connections are kept, which is more than a catalogue has."""
_DNS_PAUSE_SEC = 0.1
_INTERIM = range(100, 200)

# What `socket.getaddrinfo` returns.
_Address = tuple[
    socket.AddressFamily,
    socket.SocketKind,
    int,
    str,
    tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes],
]


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
            if current.get().over:
                raise TimeoutError
        raise CallError(f"more than {MOST_INTERIM:,} interim answers, and no final one", "application")


class _Heard(socket.socket):
    """A socket that tells the current trace when something comes: what is done with it later is not the server's."""

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        """Receive into a buffer."""
        count = super().recv_into(*args, **kwargs)
        current.get().received(count)
        return count


class _HeardTLS(_Heard, ssl.SSLSocket):
    """The same, with TLS."""

    def do_handshake(self, *args: Any, **kwargs: Any) -> None:
        """Shake hands."""
        with current.get().timing("tls"):
            super().do_handshake(*args, **kwargs)


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
        trace = current.get()
        trace.opening(self._origin)
        self._used = False
        with trace.timing("connect"):
            live = self._dial(trace)
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
        except TimeoutError:
            raise ConnectTimeoutError(self, f"Connection to {self.host} timed out.") from None
        self._addresses_public = tuple(is_public(str(where[0])) for *_, where in found)
        trace.admit(self.host, self._addresses_public)
        try:
            return self._first_of(found, trace)
        except TimeoutError as error:
            raise ConnectTimeoutError(
                self, f"Connection to {self.host} timed out. (connect timeout={self.timeout})"
            ) from error
        except OSError as error:
            raise NewConnectionError(self, f"Failed to establish a new connection: {error}") from error

    def _look_up(self, trace: Trace) -> Sequence[_Address]:
        """Ask for the host's addresses; once more for one that has been reached before: the resolver erred."""
        host = self._dns_host.strip("[]")

        def look_up() -> Sequence[_Address]:
            return socket.getaddrinfo(host, self.port, allowed_gai_family(), socket.SOCK_STREAM)

        if is_address(host):
            return look_up()
        try:
            return _within(trace.left_sec, look_up)
        except socket.gaierror:
            if self._origin not in trace.origins.reached or trace.left_sec <= _DNS_PAUSE_SEC:
                raise
        trace.reconnected = True
        time.sleep(_DNS_PAUSE_SEC)
        return _within(trace.left_sec, look_up)

    def _first_of(self, addresses: Sequence[_Address], trace: Trace) -> socket.socket:
        """Connect to the first address that can be connected to, before the deadline."""
        problem = OSError("getaddrinfo returns an empty list")
        for family, kind, protocol, _, where in addresses:
            live = None
            try:
                live = _Heard(family, kind, protocol)
                for option in self.socket_options or ():
                    live.setsockopt(*option)
                live.settimeout(min(self.timeout or math.inf, trace.left_sec))
                live.connect(where)
            except BaseException as error:
                if live is not None:
                    live.close()
                if not isinstance(error, OSError) or trace.over:
                    raise
                problem = error
            else:
                return live
        raise problem

    @property
    def is_connected(self) -> bool:
        """Say yes to urllib3, which asks as it takes a connection out of its pool: `request` looks a moment later."""
        return self.sock is not None

    def request(self, *args: Any, **kwargs: Any) -> None:
        """Send a request; its body may take until the deadline, not just as long as a connect.

        On a kept connection that is dead it goes out on a new one, as long as not a byte has been sent.
        """
        trace = current.get()
        kept = self.sock is not None and self._used
        if kept and super().is_connected:
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
        super().request(*args, **kwargs)

    def send(self, data: Any) -> None:
        """Send `data`, count what was handed over, and time it."""
        trace, more, began = current.get(), self._sent_bytes > 0, time.monotonic()
        left = memoryview(data)
        try:
            while left:
                count = self.sock.send(left)
                self._sent_bytes += count
                left = left[count:]
        finally:
            trace.sent(began, more=more)

    def getresponse(self) -> urllib3.HTTPResponse:  # type: ignore[override] # as urllib3's own
        """Wait for an answer's head."""
        trace, live = current.get(), self.sock
        self.timeout = trace.left_sec
        try:
            with trace.receiving("wait"):
                response = super().getresponse()
        except BaseException:
            _hang_up(live)
            raise
        trace.answered(self._origin)
        self._used = True
        return response


class HTTPSConnection(HTTPConnection, urllib3.connection.HTTPSConnection):
    """The same, with TLS."""

    def connect(self) -> None:
        """Connect, and shake hands."""
        self.ssl_context = ssl_context()
        self.ssl_context.sslsocket_class = _HeardTLS
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
        self._latest: tuple[tuple[str, str], Any] | None = None
        """The origin of the latest request, and its pool."""
        super().__init__(pool_connections=_HOSTS)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make the pools."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": HTTPConnectionPool, "https": HTTPSConnectionPool}

    def close(self) -> None:
        """Close all kept connections, now: urllib3 leaves that to the garbage collector."""
        self.origins.kept.clear()
        self._latest = None
        pools = self.poolmanager.pools
        for pool in map(pools.get, pools.keys()):
            if pool is not None:
                pool.close()
        super().close()

    def get_connection_with_tls_context(self, request: PreparedRequest, *args: Any, **kwargs: Any) -> Any:
        """Return the pool of the request's origin. urllib3 looks for it by all that could be set for it."""
        parts = urlsplit(request.url or "")
        origin = parts.scheme, parts.netloc
        if self._latest is None or self._latest[0] != origin:
            self._latest = origin, super().get_connection_with_tls_context(request, *args, **kwargs)
        return self._latest[1]

    def request_url(self, request: PreparedRequest, proxies: object) -> str:  # noqa: ARG002 - as requests calls it
        """Return the address as the request line has it: there is no proxy."""
        return request.path_url

    def build_response(
        self,
        req: PreparedRequest,  # noqa: ARG002 - as requests calls it
        resp: urllib3.BaseHTTPResponse,
    ) -> Response:
        """Return an answer without what nobody asks it for: cookies, the encoding of its text."""
        response = Response()
        response.status_code, response.reason, response.raw = resp.status, resp.reason or "", resp
        response.headers = dict(resp.headers.itermerged())  # type: ignore[assignment] # they are only gone through
        return response

    def cert_verify(self, *args: Any, **kwargs: Any) -> None:
        """Leave it to the connection's TLS context, which always verifies.

        requests would have each connection read the certificate bundle again: 10 ms of our own, on the clock.
        """


def _hang_up(live: socket.socket) -> None:
    """Close it now. http.client has opened it as a file, for an answer that nobody gets, which keeps it open."""
    live.close()
    if (descriptor := live.detach()) >= 0:
        os.close(descriptor)


def _within(seconds: float, look_up: Callable[[], Sequence[_Address]]) -> Sequence[_Address]:
    """Return what `look_up` returns, or raise TimeoutError after `seconds`.

    A look-up cannot be interrupted, so it goes on in its thread until the resolver gives up.
    """
    outcome: Future[Sequence[_Address]] = Future()

    def attempt() -> None:
        try:
            outcome.set_result(look_up())
        except Exception as error:  # noqa: BLE001 - handed on to whoever waits
            outcome.set_exception(error)

    thread = threading.Thread(target=attempt, daemon=True)
    thread.start()
    thread.join(seconds)
    if not outcome.done():
        raise TimeoutError
    return outcome.result()
