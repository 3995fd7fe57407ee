"""The edge as an ASGI app: forwards requests to containers, redirects those that take long, and reports failures.

As Modal's documentation of request timeouts of web endpoints has it: after 150 s a client is redirected (303) to
a URL that will have the answer, and again after each further 150 s.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from fastapi import Request
from starlette.requests import ClientDisconnect

from pytest_modal_bench.local.containers.handle import ContainerDiedError, ContainerStoppedError
from pytest_modal_bench.local.edge import answer, delivery
from pytest_modal_bench.local.edge.calls import ATTEMPT_TOKEN, Call, Calls, is_result
from pytest_modal_bench.local.edge.connections import Connections
from pytest_modal_bench.local.edge.entries import ended_call, refused_call
from pytest_modal_bench.local.edge.forwarding import forward
from pytest_modal_bench.local.http import RESET
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
from pytest_modal_bench.local.workspace.shape_faults import Reset

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.types import Receive, Scope, Send

    from pytest_modal_bench.local.containers.pool import Pool
    from pytest_modal_bench.local.edge.answer import Answer
    from pytest_modal_bench.local.events import LogEntry
    from pytest_modal_bench.local.workspace.scenario import Scenario

OK = 200
ON_THE_WAY = (Drip, Large, Truncate, Reset)
"""Faults of the way from the edge to the client, for which an answer must be whole first."""
HOLD_SEC = 150.0
"""How long the edge holds a request before it redirects, unscaled."""
MAX_BODY = 64 * 1024 * 1024
"""Bytes of a request's body; Modal takes 4 GiB."""
PROXY_AUTH = {"modal-key", "modal-secret"}
NOT_RETURNED = {"connection", "content-length", "date", "server", "transfer-encoding"}


class RefusedError(Exception):
    """A call was not accepted."""

    def __init__(self, made: Answer) -> None:
        super().__init__(made.status)
        self.answer = made


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
        self._connections = Connections()

    def close(self) -> None:
        """Close the connections to the containers."""
        self._connections.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        host = self._hosts[scope["server"][1]]
        fault = host.fault or self._scenario.fault(host.pool.name, scope["path"])
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
            await self._deliver(made, fault if made.status == OK else None, scope, client_gone, send)
        finally:
            client_gone.cancel()

    async def _deliver(
        self,
        made: Answer,
        fault: AnyFault | None,
        scope: Scope,
        client_gone: asyncio.Future[None],
        send: Send,
    ) -> None:
        """Send an answer to the client, in the way that the fault asks for."""
        if made.pieces is not None and isinstance(fault, ON_THE_WAY):
            made = made._replace(body=await made.pieces.whole(), pieces=None)
        match fault:
            case Drip(interval=interval):
                await delivery.drip(made, interval, client_gone, send)
            case Large(size=size):
                await delivery.large(made, size, client_gone, send)
            case Truncate():
                await delivery.truncate(made, send)
            case Reset():
                await delivery.reset(made, scope["extensions"][RESET], send)
            case _ if made.pieces is not None:
                if not await delivery.stream(made, made.pieces, client_gone, send):
                    made.pieces.abandon()
            case _:
                await delivery.whole(made, send)

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
            call = Call(identifier("fc"), never_answer)
        else:
            call_id = identifier("fc")
            call = Call(call_id, partial(self._run, host.pool, request, body, call_id))
        return answer.INPUT_LOST if call is None else await self._wait(host, request, call, client_gone)

    async def _wait(
        self,
        host: Host,
        request: Request,
        call: Call,
        client_gone: asyncio.Future[None],
    ) -> Answer | None:
        """Hold the request until the call is done or the hold is over; None: the client has left."""
        either: set[asyncio.Future[Any]] = {call.task, call.begun, client_gone}
        await asyncio.wait(either, timeout=self._hold, return_when=asyncio.FIRST_COMPLETED)
        if call.task.cancelled():
            return answer.INPUT_LOST
        try:
            made = call.answer
        except RefusedError as error:
            return error.answer
        if made is None:
            host.calls.keep(call)  # it goes on; Python would discard a task without a reference
            if client_gone.done():
                return None
            made = answer.see_other(redirect_url(request, f"{ATTEMPT_TOKEN}={call.token}"))
        return made._replace(headers=[*made.headers, ("modal-function-call-id", call.id)])

    async def _run(
        self, pool: Pool, request: Request, body: bytes, call_id: str, begun: asyncio.Future[Answer]
    ) -> Answer:
        """Run a request in a container, again if that is stopped on purpose; a failure gets Modal's own answer.

        An answer that comes bit by bit is in `begun` once its head has come. Raises `RefusedError`.
        """

        def begin(made: Answer) -> None:
            begun.set_result(self._without_lost_headers(made))

        if reason := pool.refusal():
            refused = answer.too_many(reason)
            self._log(refused_call(pool.name, request.scope["path"], refused))
            raise RefusedError(refused)
        record = pool.records.enqueue(call_id)
        while True:
            try:
                async with pool.container() as container:
                    record.start(container)
                    made, status = await forward(self._connections, pool, container, request, body, begin)
                    record.end(status)  # before the container is free: its window begins with the call's end
            except ContainerStoppedError:
                record.requeue()
                continue
            except ContainerDiedError:
                made = answer.TERMINATED
                record.end("init_failure")
            except OSError:
                made = answer.INTERNAL_FAILURE
                record.end("internal_failure")
            except asyncio.CancelledError:
                record.end("terminated")
                self._log(ended_call(pool.name, record, request.scope["path"], None))
                raise
            self._log(ended_call(pool.name, record, request.scope["path"], made))
            return self._without_lost_headers(made)

    def _without_lost_headers(self, made: Answer) -> Answer:
        """An answer of a container as it reaches the client."""
        return made._replace(headers=[(k, v) for k, v in made.headers if self._reaches_client(k)])

    def _reaches_client(self, header: str) -> bool:
        """Whether a header of a container's answer reaches the client."""
        return header not in NOT_RETURNED and self._scenario.passes(header)


def refusal(request: Request) -> Answer | None:
    """The answer to a request that the edge does not accept; None: it accepts it."""
    if any(name.startswith("modal-") and name not in PROXY_AUTH for name in request.headers):
        return answer.REFUSED_HEADER
    if is_result(request.query_params) and request.method != "GET":
        return answer.BAD_REDIRECT_METHOD
    if not request.scope["raw_path"].startswith(b"/"):
        return answer.INVALID_CALL
    return None


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


async def never_answer(_begun: asyncio.Future[Answer]) -> Answer:
    """Never finish."""
    await asyncio.Event().wait()
    raise AssertionError
