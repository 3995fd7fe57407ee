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
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

import requests
import urllib3

from pytest_modal_bench.call import body, causes, failures, following
from pytest_modal_bench.call.answer import Answer
from pytest_modal_bench.call.arrivals import Arrivals
from pytest_modal_bench.call.certificates import ssl_context
from pytest_modal_bench.call.connection import Adapter
from pytest_modal_bench.call.prepared import prepare
from pytest_modal_bench.call.proxies import unused_proxy
from pytest_modal_bench.call.redirects import REDIRECTS, Chain, next_request, tokens
from pytest_modal_bench.call.spool import Spool, SpoolError
from pytest_modal_bench.call.trace import RefusedAddress, Trace
from pytest_modal_bench.call.watchdog import Watchdog
from pytest_modal_bench.safety.redaction import Redactor
from pytest_modal_bench.safety.secrets import Secret, sealed

if TYPE_CHECKING:
    from types import TracebackType

    from pytest_modal_bench.call.request import Request
    from pytest_modal_bench.model import Cause

_CONNECT_SEC = 10.0
_SUCCESS = range(200, 300)
_NO_CONNECTION: frozenset[Cause] = frozenset({"dns", "refused", "timeout"})

_NETWORK_ERRORS = (
    requests.RequestException,
    urllib3.exceptions.HTTPError,
    http.client.HTTPException,
    OSError,
    ValueError,  # an address or a header that no library can parse
    failures.CallError,
)


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
        chain = Chain(url=request.url, arrivals=Arrivals() if arrivals else None)
        problem: str | None = None
        cause: Cause | None = None
        started_at = dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds")
        with redactor.guarding(), Trace(deadline_sec, self._watchdog, self._adapter.origins) as trace:
            trace.public_only = public_only
            try:
                prepared = prepare(request.method, request.url, request.headers, request.body)
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
            location=chain.location,
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
        chain: Chain,
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
                if chain.status not in REDIRECTS:
                    with trace.receiving("download"):
                        body.read(
                            response.raw, self._spool, trace, chain.arrivals, max_bytes=self._max_body_bytes
                        )
                    return
                chain.count(trace.latest_sec("wait"), self._held_after_sec)
                here = prepared.url
                prepared = next_request(prepared, chain, secret_headers)
                trace.public_only = trace.public and following.origin(here) != following.origin(prepared.url)
                chain.tokens.update(tokens(prepared.url))
                with trace.receiving("download"):
                    body.drain(response.raw)


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
