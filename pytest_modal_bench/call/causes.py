"""Why a call failed, in one word, and what that means: answers and exceptions, by what they are.

A deadline that ran out, and a loop of redirects, are the client's own findings; `invalid_output` is mostly that of
the checks on media.
"""

from __future__ import annotations

import http.client
import re
import socket
import ssl
from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import requests
import urllib3

from pytest_modal_bench.call.failures import CallError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pytest_modal_bench.model import Cause


class Explanation(msgspec.Struct, frozen=True):
    """What a cause means and what to try, a line each."""

    meaning: str
    remedy: str


class _EdgeAnswer(NamedTuple):
    status: int
    says: re.Pattern[str]
    """Matched at the start of the body: behind it there may be details, and a newline."""
    cause: Cause


def _edge(status: int, says: str, cause: Cause) -> _EdgeAnswer:
    return _EdgeAnswer(status, re.compile(says, re.DOTALL), cause)


# Status and wording as seen in public code and issues of Modal's users; either alone would not do.
_EDGE_ANSWERS = (
    _edge(401, r"modal-http: (?:missing|invalid) credentials", "proxy_auth"),
    _edge(404, r"modal-http: invalid function call", "not_deployed"),
    _edge(404, r"modal-http: app for invoked web endpoint is stopped", "app_stopped"),
    _edge(404, r"modal-http: workspace \S+ is disabled", "workspace_disabled"),
    _edge(429, r"modal-http: Webhook failed: workspace billing cycle spend limit reached", "spend_limit"),
    _edge(429, r"modal-http: Function .*reached pending input queue limit", "queue_full"),
    _edge(429, r"modal-http: .*rate limit", "rate_limited"),
    _edge(400, r"modal-http: bad redirect method", "bad_redirect"),
    _edge(408, r"Missing request, possibly due to expiry or cancellation", "input_lost"),
    _edge(500, r"modal-http: internal error: function was terminated by signal", "killed"),
    _edge(500, r"modal-http: internal error: function execution timed out", "function_timeout"),
    _edge(500, r"modal-http: internal error: status Failure\b", "application"),
    _edge(500, r"modal-http: internal error: status InternalFailure\b", "platform"),
)
_EDGE = "modal-http: "
_SERVERS = ".modal.direct"
"""Where Modal serves `@app.server()`: these answer 503 while they boot, instead of queueing."""
_ERRORS = range(400, 600)


def of_answer(status: int, body_text: str, headers: Mapping[str, str], *, host: str) -> Cause:
    """Say why `host` answered with `status`: what Modal's edge says is known by status and body together.

    Names in `headers` are in lower case; `host` may have a port. An answer of the edge that is not known here is
    `unknown`, any other error the application's.
    """
    body = body_text.strip()
    if _is_text(headers.get("content-type")):
        for known in _EDGE_ANSWERS:
            if known.status == status and known.says.match(body):
                return known.cause
        if body.startswith(_EDGE):
            return "unknown"
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return "rate_limited"
    if status == HTTPStatus.SERVICE_UNAVAILABLE and _name(host).endswith(_SERVERS):
        return "booting"
    return "application" if status in _ERRORS else "unknown"


def _is_text(content_type: str | None) -> bool:
    """Whether an answer may be the edge's, which writes plain text: an app may quote it in JSON, of another call."""
    return content_type is None or content_type.lower().startswith("text/plain")


def _name(host: str) -> str:
    return host.partition(":")[0].lower()


def of_exception(error: BaseException) -> Cause:
    """Say why a call that ended with `error` did, by the types of all that led to it, and never by their text."""
    chain = tuple(_chain(error))
    # While an answer was read, also one that TLS reports as cut off: the handshake was long over.
    reading = isinstance(error, CallError)
    for types, cause in _EXCEPTIONS:
        if any(isinstance(each, types) for each in chain):
            return "connection_lost" if reading and cause == "tls" else cause
    return "unknown"


# The first that matches: urllib3 takes a name that is not found for a connection that failed, and that for a timeout.
_EXCEPTIONS: tuple[tuple[tuple[type[BaseException], ...], Cause], ...] = (
    ((urllib3.exceptions.NameResolutionError, socket.gaierror), "dns"),
    ((urllib3.exceptions.DecodeError,), "invalid_output"),
    ((ssl.SSLError, urllib3.exceptions.SSLError, requests.exceptions.SSLError), "tls"),
    ((urllib3.exceptions.NewConnectionError, ConnectionRefusedError), "refused"),
    ((urllib3.exceptions.TimeoutError, requests.Timeout, TimeoutError), "timeout"),
    (
        (
            urllib3.exceptions.ProtocolError,
            http.client.HTTPException,
            requests.ConnectionError,
            requests.exceptions.ChunkedEncodingError,
            ConnectionError,
        ),
        "connection_lost",
    ),
)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Go through `error` and all that it came from: urllib3 and requests hand reasons on in four ways."""
    waiting, seen = [error], set[int]()
    while waiting:
        each = waiting.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        reasons = (each.__cause__, each.__context__, getattr(each, "reason", None), *each.args)
        waiting += [reason for reason in reasons if isinstance(reason, BaseException)]


def hits_pool(cause: Cause) -> bool:
    """Whether what failed so must fail for every endpoint of the same pool."""
    return cause in _HITS_POOL


# Not `tls`: a handshake that was cut off may succeed the next time, and failing costs nothing.
_HITS_POOL: frozenset[Cause] = frozenset(
    {"dns", "refused", "proxy_auth", "not_deployed", "app_stopped", "workspace_disabled", "spend_limit"}
)


def explain(cause: Cause, *, app: str | None) -> Explanation:
    """Return what `cause` means and what to try, for the app of this name; None: the reader fills it in."""
    known = _EXPLANATIONS[cause]
    name = app or "APP"
    return Explanation(known.meaning.replace("{app}", name), known.remedy.replace("{app}", name))


_EXPLANATIONS: dict[Cause, Explanation] = {
    "timeout": Explanation(
        "It did not answer in full before its deadline; the container may have worked on, and that is billed.",
        "See what it did with `modal app logs {app}`; if it needs longer, raise the endpoint's `timeout`.",
    ),
    "redirect_loop": Explanation(
        "It redirected 30 times, each time at once: a loop, not a call that takes long.",
        "See where its `Location` headers lead; `modal app logs {app}` says whether the app sends them.",
    ),
    "dns": Explanation(
        "The host's name has no address.",
        "Check the URL and the workspace's name against `modal app list`, and the network.",
    ),
    "refused": Explanation(
        "No connection to the host could be opened.",
        "Check host and port of the URL, and that the network, a firewall or a proxy lets it through.",
    ),
    "tls": Explanation(
        "No TLS connection came about: the handshake was cut off, or the certificate is not trusted.",
        "Check the URL's host, and REQUESTS_CA_BUNDLE or SSL_CERT_FILE if a proxy has certificates of its own.",
    ),
    "connection_lost": Explanation(
        "The connection broke before the answer was there in full.",
        "See with `modal app logs {app}` whether the container died then, and call again.",
    ),
    "proxy_auth": Explanation(
        "The endpoint wants a proxy token, and got none or a wrong one.",
        "Check MODAL_KEY (`wk-…`) and MODAL_SECRET (`ws-…`), and that the catalogue sends them as Modal-Key and "
        "Modal-Secret; they are proxy tokens, not those of `modal token`.",
    ),
    "not_deployed": Explanation(
        "Modal knows no function at this URL: {app} is not deployed, the URL is wrong, or its containers crash.",
        "See `modal app list` and `modal app logs {app}`; `modal deploy` it, or correct the URL.",
    ),
    "app_stopped": Explanation(
        "{app} was deployed, and has been stopped.",
        "Deploy it again with `modal deploy`; `modal app history {app}` says what was deployed when.",
    ),
    "workspace_disabled": Explanation(
        "Modal has disabled the workspace: its budget or its credits are used up, whatever the status 404 suggests.",
        "Check budget and payment in the workspace's settings on modal.com, under usage and billing.",
    ),
    "spend_limit": Explanation(
        "The workspace has reached its spend limit for this billing cycle.",
        "Raise the workspace budget in its settings on modal.com, or wait for the next cycle.",
    ),
    "queue_full": Explanation(
        "More calls wait for {app} than Modal lets queue.",
        "Wait until they are through, or raise `max_containers`; see `modal container list`.",
    ),
    "rate_limited": Explanation(
        "It was called more often than it allows; Modal lets a new workspace make 200 requests a second.",
        "Call it less often, or with fewer workers; see in `modal app logs {app}` whether the app itself refuses.",
    ),
    "bad_redirect": Explanation(
        "The URL of a result, which Modal redirects to, was not fetched with GET.",
        "Check that the catalogue's URL is the endpoint's own, without Modal's parameters.",
    ),
    "input_lost": Explanation(
        "Modal lost the request before a container took it, as it does at times while a container starts.",
        "Call again; if it happens often, see with `modal app logs {app}` whether containers fail to start.",
    ),
    "killed": Explanation(
        "The container was killed while it worked: out of memory, most often, or a GPU fault.",
        "See `modal app logs {app}`; give the function more `memory` or a larger GPU, or send a smaller request.",
    ),
    "function_timeout": Explanation(
        "The function ran into its own timeout on Modal, which is not the deadline of the benchmark.",
        "Raise `timeout` in the code of {app}, or send a smaller request; see `modal app logs {app}`.",
    ),
    "booting": Explanation(
        "The server is still starting: Modal's servers answer 503 then, instead of queueing.",
        "Call again in a while; if it stays so, see with `modal app logs {app}` what the start waits for.",
    ),
    "platform": Explanation(
        "Something failed within Modal, not in {app}.",
        "Call again; if it stays so, see `https://status.modal.com`.",
    ),
    "application": Explanation(
        "{app} itself answered with an error.",
        "Read its message, and `modal app logs {app}` for the traceback; check the payload in the catalogue.",
    ),
    "invalid_output": Explanation(
        "It answered, but not with what it is meant to.",
        "Look at the answer and at `modal app logs {app}`; check `expect` in the catalogue.",
    ),
    "unknown": Explanation(
        "It failed in a way that is not known here.",
        "Read the message, and see `modal app logs {app}`.",
    ),
}
