"""The client: one call under one deadline, timed, its redirects followed as Modal means them.

Proxies and `.netrc` are ignored: what is measured is the endpoint, with the headers of its catalogue. A call that
finds no connection says so where a proxy is set up.
Certificates are always verified, against REQUESTS_CA_BUNDLE, CURL_CA_BUNDLE or SSL_CERT_FILE if one is set.
No cookies are kept.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import http.client
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self
from urllib.parse import parse_qsl, urlsplit

import requests
import urllib3

from pytest_modal_bench.call import causes, failures, following
from pytest_modal_bench.call.arrivals import Arrivals
from pytest_modal_bench.call.certificates import ssl_context
from pytest_modal_bench.call.connection import Adapter
from pytest_modal_bench.call.proxies import unused_proxy
from pytest_modal_bench.call.spool import Spool, SpoolError
from pytest_modal_bench.call.trace import RefusedAddress, Trace
from pytest_modal_bench.call.watchdog import Watchdog
from pytest_modal_bench.safety.redaction import Redactor
from pytest_modal_bench.safety.secrets import Secret, sealed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path
    from types import TracebackType

    from pytest_modal_bench.call.request import Request
    from pytest_modal_bench.model import Cause, Phases

_CONNECT_SEC = 10.0
_PIECE_BYTES = 1 << 18
"""So much is received at once, if it is there: with 64 KiB, asking often would be a third of the time of 2 MiB."""
_REDIRECT_BODY_BYTES = 1 << 16
"""What is read of a redirect's body so that its connection can be kept."""
_SUCCESS = range(200, 300)
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_SAME_METHOD = frozenset({307, 308})
_RESULT_TOKEN = "__modal_"  # noqa: S105 - how the names of such parameters begin

_NO_CONNECTION: frozenset[Cause] = frozenset({"dns", "refused", "timeout"})

_NETWORK_ERRORS = (
    requests.RequestException,
    urllib3.exceptions.HTTPError,
    http.client.HTTPException,
    OSError,
    ValueError,  # an address or a header that no library can parse
    failures.CallError,
)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came of a call."""

    ok: bool
    status: int | None
    """Of the last hop; None: it was not answered."""
    headers: Mapping[str, str] = field(repr=False)
    """Names in lower case; secrets taken out."""
    body: bytes | Path = field(repr=False)
    """Its bytes or, if it is large, the file that holds it until the client's next call."""
    size_bytes: int
    """Of the body."""
    elapsed_sec: float
    """From the beginning of the connect, or of the send, to the last byte; or until the call failed. What this program
    does itself before and between is left out as long as no server works for it: it is the sum of `phases`."""
    started_at: str
    """ISO 8601, UTC."""
    phases: Phases
    redirects: int
    held_sec: float
    error: str | None
    """One line, secrets taken out; None if and only if `ok`."""
    cause: Cause | None
    """Why it failed; None if and only if `ok`."""
    url: str
    """Of the last hop, secrets taken out."""
    reconnected: bool = False
    """Whether it took a second try to connect, before anything was sent: the kept connection was gone, or the host's
    name was not found at once. Its time is in `elapsed_sec` and `phases`."""
    client_busy: str | None = None
    """Why its time may be too long: this machine was busy meanwhile; None: it was not."""
    began: float
    """As `time.monotonic` has it: `elapsed_sec` later its last byte had come, or it had failed."""
    here: str = field(default="", repr=False)
    """URL of the last hop as it was asked, secrets and all: what addresses in the answer are relative to."""
    location: str | None = field(default=None, repr=False)
    """Its `Location`, secrets and all; None: it has none."""
    public: bool = False
    """Whether the last hop's host is one of the public internet."""
    arrivals: Arrivals | None = field(default=None, repr=False)
    """When each piece of `body` was read; None: nobody asked."""


@dataclass
class _Chain:
    """What is known of a call while its hops go on."""

    url: str
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    reason: str = ""
    redirects: int = 0
    quick: int = 0
    """Redirects that came at once; those that were held are waiting, and only the deadline ends it."""
    held_sec: float = 0.0
    tokens: set[str] = field(default_factory=set, repr=False)
    """Values in addresses of results: whoever has one can fetch the result."""
    arrivals: Arrivals | None = None
    """Where it is kept when each piece of the body was read; None: nowhere."""


class Client:
    """Makes calls, one at a time. A context manager; connections are kept until `close`.

    A hop that took `held_after_sec` seconds to be answered with a redirect was held: it counts as waiting,
    not as a redirect. Answers of more than `max_body_bytes` (decoded) are failures. `watchdog`: one that several
    clients share, and whoever made it closes; None: the client has one of its own.
    """

    def __init__(
        self,
        *,
        held_after_sec: float = 1.0,
        max_body_bytes: int = 1 << 30,
        watchdog: Watchdog | None = None,
    ) -> None:
        self._held_after_sec = held_after_sec
        self._max_body_bytes = max_body_bytes
        self._adapter = Adapter()
        self._spool = Spool()
        self._watchdog = Watchdog() if watchdog is None else watchdog
        self._shares = watchdog is not None

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close the kept connections."""
        self.close()

    def close(self) -> None:
        """Close the kept connections, and forget the last answer; the next call opens new ones."""
        if not self._shares:
            self._watchdog.close()
        self._forget()

    def _forget(self) -> None:
        self._adapter.close()
        self._spool.close()

    @sealed
    def call(
        self,
        request: Request,
        *,
        deadline_sec: float,
        fresh: bool,
        public_only: bool = False,
        arrivals: bool = False,
    ) -> Answer:
        """Send `request` once, and return what comes of it within `deadline_sec` seconds, failures included.

        `fresh` closes kept connections first. A kept connection that the server has closed meanwhile is
        replaced as long as no byte has been sent; later the call fails: a request that may have arrived is not
        sent again. `public_only`: its host must be one of the public internet. `arrivals`: keep when each piece of the
        body was read. Raises SpoolError where this machine has no room for the answer.
        """
        redactor = Redactor(request.secrets)
        if fresh:
            self._forget()
        self._spool.begin()
        chain = _Chain(url=request.url, arrivals=Arrivals() if arrivals else None)
        problem: str | None = None
        cause: Cause | None = None
        started_at = dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds")
        with redactor.guarding(), Trace(deadline_sec, self._watchdog, self._adapter.origins) as trace:
            trace.public_only = public_only
            try:
                prepared = _prepared(request.method, request.url, request.headers, request.body)
                if urlsplit(request.url).scheme.lower() == "https":
                    _read_certificates()
                trace.start_clock()
                self._follow(prepared, chain, trace, secret_headers=request.secret_headers)
            except _NETWORK_ERRORS as error:
                problem = failures.of_exception(error)
                own = error.cause if isinstance(error, failures.CallError) else None
                cause = own or causes.of_exception(error)
            except SpoolError:
                raise
            except Exception as error:
                error.args = tuple(_cleaned(each, redactor) for each in error.args)
                raise
            # A shut-down socket looks like an answer's end, so that what was read may seem complete.
            timed_out = trace.over
            failed = timed_out or problem is not None
            elapsed_sec = trace.elapsed_sec if failed else trace.counted_sec
            began = trace.began if failed else trace.counted_began
        if timed_out:
            problem, cause = failures.TIMEOUT, "timeout"
        elif problem is None and chain.status not in _SUCCESS:
            head = self._spool.head(failures.LARGEST_TEXT)
            problem = failures.of_answer(chain.status or 0, chain.reason, head, size=self._spool.size)
            host = urlsplit(chain.url).netloc
            cause = causes.of_answer(
                chain.status or 0, head.decode("utf-8", "replace"), chain.headers, host=host
            )
        if cause in _NO_CONNECTION and not trace.connected and (variable := unused_proxy(chain.url)):
            problem = f"{problem}; {variable} is set, but proxies are not used"
        if chain.tokens:
            redactor = Redactor(request.secrets | chain.tokens)
        return Answer(
            ok=problem is None,
            status=chain.status,
            headers={name: redactor.clean(value) for name, value in chain.headers.items()},
            body=self._spool.body,
            size_bytes=self._spool.size,
            elapsed_sec=elapsed_sec,
            started_at=started_at,
            phases=trace.phases,
            redirects=chain.redirects,
            held_sec=chain.held_sec,
            error=None if problem is None else failures.bounded(redactor.clean(problem)),
            cause=cause,
            url=redactor.clean(chain.url),
            reconnected=trace.reconnected,
            client_busy=trace.client_busy,
            began=began,
            here=Secret(chain.url),
            location=_location(chain),
            public=trace.public,
            arrivals=chain.arrivals,
        )

    def follow(self, request: Request, answer: Answer, address: str, *, deadline_sec: float) -> Answer:
        """GET what `address` means in `answer`, which came of `request` or of what followed it; see `following.get`.

        What a host of the public internet names must be there, too, unless it is of the same origin. Raises
        AddressError for an address that is not asked; else as `call`.
        """
        asked = following.get(request, answer.here, address)
        elsewhere = following.origin(asked.url) != following.origin(answer.here)
        return self.call(
            asked, deadline_sec=deadline_sec, fresh=False, public_only=answer.public and elsewhere
        )

    def _follow(
        self,
        prepared: requests.PreparedRequest,
        chain: _Chain,
        trace: Trace,
        *,
        secret_headers: frozenset[str],
    ) -> None:
        while not trace.over:
            before = chain.url, chain.status, chain.headers
            chain.url = prepared.url or ""
            chain.status, chain.headers = None, {}
            trace.connected = False
            left_sec = trace.left_sec
            try:
                response = self._adapter.send(
                    prepared, stream=True, timeout=(min(_CONNECT_SEC, left_sec), left_sec)
                )
            except RefusedAddress as error:
                chain.url, chain.status, chain.headers = before
                named = "link" if chain.status is None else f"HTTP {chain.status}: redirect"
                raise failures.CallError(f"{named} from a public host to {error}", error.cause) from None
            with contextlib.closing(response):
                chain.status, chain.reason = response.status_code, response.reason or ""
                chain.headers = {name.lower(): value for name, value in response.headers.items()}
                if chain.status not in _REDIRECTS:
                    with trace.receiving("download"):
                        self._read(response.raw, trace, chain.arrivals)
                    return
                self._count(chain, trace.latest_sec("wait"))
                here = prepared.url
                prepared = _next(prepared, chain, secret_headers)
                trace.public_only = trace.public and following.origin(here) != following.origin(prepared.url)
                chain.tokens.update(_tokens(prepared.url))
                with trace.receiving("download"):
                    _drain(response.raw)

    def _count(self, chain: _Chain, waited_sec: float) -> None:
        if waited_sec >= self._held_after_sec:
            chain.held_sec += waited_sec
        elif chain.quick == failures.MAX_REDIRECTS:
            raise failures.CallError(failures.TOO_MANY_REDIRECTS, "redirect_loop")
        else:
            chain.quick += 1
        chain.redirects += 1

    def _read(self, raw: urllib3.HTTPResponse, trace: Trace, arrivals: Arrivals | None) -> None:
        # urllib3 copies what it decodes, even where there is nothing to decode.
        encoded = "content-encoding" in raw.headers
        fully, head_bytes = False, 0
        try:
            while piece := (raw.read if fully else raw.read1)(_PIECE_BYTES, decode_content=encoded):
                # TLS hands on 16 KiB at once: of a large body that is put together below urllib3, unless each counts.
                if not fully:  # nothing has been received that was not handed on
                    head_bytes = trace.received_bytes - raw.tell()
                fully = not encoded and arrivals is None and (raw.length_remaining or 0) >= _PIECE_BYTES
                if arrivals is not None:
                    arrivals.add(self._spool.size + len(piece), trace.received_sec)
                self._spool.write(piece)
                if self._spool.size > self._max_body_bytes:
                    raise failures.CallError(
                        f"answer larger than {self._max_body_bytes:,} bytes", "invalid_output"
                    )
                if trace.over:
                    return
        except urllib3.exceptions.DecodeError as error:
            raise failures.CallError(failures.of_exception(error)) from None
        except (urllib3.exceptions.HTTPError, OSError) as error:
            received = trace.received_bytes - head_bytes if fully else raw.tell()
            raise failures.CallError(failures.of_reading(error, received)) from None


def _drain(raw: urllib3.HTTPResponse) -> None:
    """Read a redirect's body, so that its connection can be kept; how it ends is of no interest."""
    left = _REDIRECT_BODY_BYTES
    with contextlib.suppress(urllib3.exceptions.HTTPError, OSError):
        while left > 0 and (piece := raw.read1(left, decode_content=False)):
            left -= len(piece)


def _next(
    prepared: requests.PreparedRequest, chain: _Chain, secret_headers: frozenset[str]
) -> requests.PreparedRequest:
    """Return the request that a redirect asks for. Its body, if there was one, is never sent again."""
    status, method = chain.status, prepared.method
    location = _location(chain)
    if location is None:
        raise failures.CallError(f"HTTP {status}: redirect without a Location", "application")
    reading = method in {"GET", "HEAD"}
    if status in _SAME_METHOD and not reading:
        raise failures.CallError(
            f"HTTP {status}: redirect of a {method} is not followed: it would be sent twice", "application"
        )
    here = prepared.url or ""
    try:
        there = following.resolved(here, location)
        headers = following.passed_on(
            prepared.headers,
            secret_headers,
            same_origin=following.origin(there) == following.origin(here),
        )
        return _prepared(method if reading else "GET", there, headers, None)
    except following.AddressError as error:
        raise failures.CallError(f"HTTP {status}: redirect to {error}", "application") from None
    except (requests.RequestException, ValueError):
        raise failures.CallError(
            f"HTTP {status}: redirect to an address that is not valid", "application"
        ) from None


def _location(chain: _Chain) -> Secret | None:
    """Return an answer's `Location`. Header values are read as Latin-1, but one beyond ASCII is UTF-8."""
    location = chain.headers.get("location")
    return None if location is None else Secret(location.encode("latin-1").decode("utf-8", "replace"))


def _tokens(url: str | None) -> Iterator[str]:
    """Yield what lets whoever has it fetch Modal's result at `url`."""
    for name, value in parse_qsl(urlsplit(url or "").query):
        if name.startswith(_RESULT_TOKEN):
            yield value


def _read_certificates() -> None:
    try:
        ssl_context()
    except ValueError as error:
        raise failures.CallError(str(error), "tls") from None


def _cleaned(value: object, redactor: Redactor) -> object:
    """Return an argument of an exception, or its text if that has to be cleaned."""
    text = value if isinstance(value, str) else repr(value)
    cleaned = redactor.clean(text)
    return value if cleaned == text else cleaned


def _prepared(
    method: str | None, url: str, headers: Mapping[str, str], body: bytes | None
) -> requests.PreparedRequest:
    """Do as requests does, without what there is none of: cookies, hooks, files."""
    prepared = requests.PreparedRequest()
    prepared.prepare_method(method)
    prepared.prepare_url(url, None)
    prepared.prepare_headers(dict(headers))
    prepared.prepare_body(body, None)
    if "@" in url:
        prepared.prepare_auth(None, url)
    return prepared
