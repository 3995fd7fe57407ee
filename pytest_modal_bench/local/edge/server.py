"""The edge as an ASGI app: forwards requests to containers, redirects those that take long, and reports failures.

As Modal's documentation of request timeouts of web endpoints has it: after 150 s a client is redirected (303) to
a URL that will have the answer, and again after each further 150 s.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

import httpx
from fastapi import Request
from starlette.requests import ClientDisconnect

from pytest_modal_bench.local.containers.handle import ContainerDiedError, ContainerStoppedError
from pytest_modal_bench.local.edge import answer, delivery
from pytest_modal_bench.local.edge.answer import Answer
from pytest_modal_bench.local.edge.calls import ATTEMPT_TOKEN, Call, Calls, is_result
from pytest_modal_bench.local.events import AnsweredCall
from pytest_modal_bench.local.identifiers import identifier
from pytest_modal_bench.local.workspace.faults import (
    AnyFault,
    Drip,
    EdgeAnswer,
    Hang,
    HeldRedirects,
    InputLost,
    Large,
    RedirectLoop,
    Truncate,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.types import Receive, Scope, Send

    from pytest_modal_bench.local.containers.handle import ContainerHandle
    from pytest_modal_bench.local.containers.pool import Pool
    from pytest_modal_bench.local.containers.records import Record, Status
    from pytest_modal_bench.local.events import LogEntry
    from pytest_modal_bench.local.workspace.scenario import Scenario

OK = 200
HOLD_SEC = 150.0
"""How long the edge holds a request before it redirects, unscaled."""
MAX_BODY = 64 * 1024 * 1024
"""Bytes of a request's body; Modal takes 4 GiB."""
CONTAINER_END_TIMEOUT_SEC = 5.0
"""How long the edge waits for a container's end after the connection to it broke."""
PROXY_AUTH = {"modal-key", "modal-secret"}
NOT_FORWARDED = {
    b"modal-key",
    b"modal-secret",
    b"host",
    b"connection",
    b"content-length",
    b"transfer-encoding",
    b"expect",
}
NOT_RETURNED = {"connection", "content-length", "date", "server", "transfer-encoding"}


class Host(NamedTuple):
    """One app as a client sees it."""

    pool: Pool
    calls: Calls
    fault: AnyFault | None
    """The fault on all its paths."""


class Edge:
    """An ASGI app for all hosts; the port of a request says which host it is for."""

    def __init__(
        self,
        pools: Mapping[int, Pool],
        scenario: Scenario,
        time_scale: float,
        log: Callable[[LogEntry], None],
    ) -> None:
        faults = {name: fault.on_every_path for name, fault in scenario.apps.items()}
        self._hosts = {port: Host(pool, Calls(), faults.get(pool.name)) for port, pool in pools.items()}
        self._scenario = scenario
        self._log = log
        self._hold = HOLD_SEC * time_scale
        # Containers are found by their port alone: no proxies, no redirects, no deadline but Modal's own, and
        # no TLS, whose context would cost more than all else here.
        self._client = httpx.AsyncClient(
            timeout=None,  # noqa: S113
            verify=False,  # noqa: S501
            trust_env=False,
            limits=httpx.Limits(max_connections=None),
        )

    async def close(self) -> None:
        """Close the connections to the containers."""
        await self._client.aclose()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        host = self._hosts[scope["server"][1]]
        fault = host.fault or self._scenario.faults.get(scope["path"])
        try:
            body = await read_body(request)
        except ClientDisconnect:
            return
        client_gone = asyncio.ensure_future(disconnected(receive))
        try:
            if body is None:
                made: Answer | None = answer.TOO_LARGE
            else:
                made = refusal(request) or await self._answer(host, request, body, fault, client_gone)
            if made is None:
                return
            if isinstance(fault, Drip) and made.status == OK:
                await delivery.drip(made, fault.interval, client_gone, send)
            elif isinstance(fault, Large) and made.status == OK:
                await delivery.large(made, fault.size, client_gone, send)
            elif isinstance(fault, Truncate) and made.status == OK:
                await delivery.truncate(made, send)
            else:
                await delivery.whole(made, send)
        finally:
            client_gone.cancel()

    async def _answer(
        self,
        host: Host,
        request: Request,
        body: bytes,
        fault: AnyFault | None,
        client_gone: asyncio.Future[None],
    ) -> Answer | None:
        """Make the answer; None: the client has left."""
        match fault:
            case RedirectLoop():
                return answer.see_other(redirect_url(request, request.scope["query_string"].decode("ascii")))
            case InputLost():
                return answer.INPUT_LOST
            case EdgeAnswer(status=status, body=line):
                return answer.text(status, line)
            case Hang():
                await client_gone
                return None
        if is_result(request.query_params):
            call = host.calls.find(request.query_params)
        elif isinstance(fault, HeldRedirects):
            call = Call(identifier("fc"), never_answer())
        else:
            call_id = identifier("fc")
            call = Call(call_id, self._run(host.pool, request, body, call_id))
        return answer.INPUT_LOST if call is None else await self._wait(host, request, call, client_gone)

    async def _wait(
        self,
        host: Host,
        request: Request,
        call: Call,
        client_gone: asyncio.Future[None],
    ) -> Answer | None:
        """Hold the request until the call is done or the hold is over; None: the client has left."""
        either: set[asyncio.Future[Any]] = {call.task, client_gone}
        await asyncio.wait(either, timeout=self._hold, return_when=asyncio.FIRST_COMPLETED)
        if call.task.cancelled():
            return answer.INPUT_LOST
        if call.task.done():
            made = call.task.result()
        elif client_gone.done():
            host.calls.keep(call)  # it goes on; Python would discard a task without a reference
            return None
        else:
            host.calls.keep(call)
            made = answer.see_other(redirect_url(request, f"{ATTEMPT_TOKEN}={call.token}"))
        return made._replace(headers=[*made.headers, ("modal-function-call-id", call.id)])

    async def _run(self, pool: Pool, request: Request, body: bytes, call_id: str) -> Answer:
        """Run a request in a container, again if that is stopped on purpose; a failure gets Modal's own answer."""
        record = pool.records.enqueue(call_id)
        while True:
            try:
                async with pool.container() as container:
                    record.start(container)
                    made, status = await self._forward(pool, container, request, body)
            except ContainerStoppedError:
                record.requeue()
                continue
            except ContainerDiedError:
                made, status = answer.TERMINATED, "init_failure"
            except OSError:
                made, status = answer.INTERNAL_FAILURE, "internal_failure"
            except asyncio.CancelledError:
                record.end("terminated")
                raise
            record.end(status)
            self._log(answered_call(pool.name, record, request.scope["path"], made))
            return made._replace(headers=[(k, v) for k, v in made.headers if self._reaches_client(k)])

    async def _forward(
        self, pool: Pool, container: ContainerHandle, request: Request, body: bytes
    ) -> tuple[Answer, Status]:
        """Forward a request to a container, and return its answer and the call's status.

        Raises `ContainerStoppedError` if it was stopped on purpose before it did.
        """
        forwarded = self._client.build_request(
            request.method,
            httpx.URL(scheme="http", host="127.0.0.1", port=container.port, raw_path=path_and_query(request)),
            headers=[(k, v) for k, v in request.headers.raw if k not in NOT_FORWARDED],
            content=body,
        )
        try:
            async with asyncio.timeout(pool.app.timeout * pool.time_scale):
                response = await self._client.send(forwarded)
        except TimeoutError:
            return answer.TIMED_OUT, "timeout"
        except httpx.TransportError:
            with suppress(TimeoutError):
                async with asyncio.timeout(CONTAINER_END_TIMEOUT_SEC):
                    await container.gone.wait()
            if container.stopped:
                raise ContainerStoppedError(container.id) from None
            if container.gone.is_set():
                return answer.TERMINATED, "terminated"
            return answer.INTERNAL_FAILURE, "internal_failure"
        return Answer(response.status_code, list(response.headers.items()), response.content), "success"

    def _reaches_client(self, header: str) -> bool:
        """Whether a header of a container's answer reaches the client."""
        return header not in NOT_RETURNED and self._scenario.passes(header)


def answered_call(app: str, record: Record, path: str, made: Answer) -> AnsweredCall:
    """Make the log entry of a call that is over, with the time and cost that its app states."""
    stated = dict(made.headers)
    seconds, cost = stated.get("x-execution-time-sec"), stated.get("x-cost-usd")
    return AnsweredCall(
        at=time.time(),
        app=app,
        container=record.container_id,
        path=path,
        call=record.call_id,
        status=made.status,
        gpu_seconds=None if seconds is None else float(seconds),
        cost_usd=None if cost is None else float(cost),
    )


def refusal(request: Request) -> Answer | None:
    """The answer to a request that the edge does not accept; None: it accepts it."""
    if any(name.startswith("modal-") and name not in PROXY_AUTH for name in request.headers):
        return answer.REFUSED_HEADER
    if is_result(request.query_params) and request.method != "GET":
        return answer.BAD_REDIRECT_METHOD
    if not request.scope["raw_path"].startswith(b"/"):
        return answer.INVALID_CALL
    return None


def path_and_query(request: Request) -> bytes:
    """Path and query as the client wrote them."""
    path: bytes = request.scope["raw_path"]
    query: bytes = request.scope["query_string"]
    return path + b"?" + query if query else path


def redirect_url(request: Request, query: str) -> str:
    """The URL of the same path with `query`; the client's Host header is not trusted."""
    host, port = request.scope["server"]
    path: bytes = request.scope["raw_path"]
    return f"http://{host}:{port}{path.decode('ascii')}" + (f"?{query}" if query else "")


async def read_body(request: Request) -> bytes | None:
    """Read the whole body; None if it is over `MAX_BODY`."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > MAX_BODY:
            return None
    return bytes(body)


async def disconnected(receive: Receive) -> None:
    """Wait until the client has left."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def never_answer() -> Answer:
    """Never finish."""
    await asyncio.Event().wait()
    raise AssertionError
