"""Forwards a request to a container, and receives its answer: whole if it states a length, else as it comes."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

import h11

from pytest_modal_bench.local.containers.handle import ContainerStoppedError
from pytest_modal_bench.local.edge import answer
from pytest_modal_bench.local.edge.answer import Answer
from pytest_modal_bench.local.edge.connections import BrokenError, Connections
from pytest_modal_bench.local.edge.pieces import Pieces

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastapi import Request

    from pytest_modal_bench.local.containers.handle import ContainerHandle
    from pytest_modal_bench.local.containers.pool import Pool
    from pytest_modal_bench.local.containers.records import Status

CONTAINER_END_TIMEOUT_SEC = 5.0
"""How long the edge waits for a container's end after the connection to it broke."""
_NOTICE_SEC = 0.5
"""How long a client waits to hear that its stream broke, while it is not known whether the container is gone."""
NOT_FORWARDED = {
    b"modal-key",
    b"modal-secret",
    b"connection",
    b"content-length",
    b"transfer-encoding",
    b"expect",
}


async def forward(  # noqa: PLR0913, PLR0917 - a call, and where it goes
    connections: Connections,
    pool: Pool,
    container: ContainerHandle,
    request: Request,
    body: bytes,
    begin: Callable[[Answer], None],
) -> tuple[Answer, Status]:
    """Forward a request to a container, and return its answer and the call's status.

    An answer that comes bit by bit is passed to `begin` once its head has come, before it is whole. Raises
    `ContainerStoppedError` if the container was stopped on purpose before any of its answer came.
    """
    begun: list[Answer] = []

    def note_begin(made: Answer) -> None:
        begun.append(made)
        begin(made)

    try:
        async with asyncio.timeout(pool.app.timeout * pool.time_scale):
            forwarded = forwarded_request(request, body)
            return await _receive(connections, container, forwarded, body, note_begin), "success"
    except TimeoutError:
        return (*begun, answer.TIMED_OUT)[0], "timeout"
    except BrokenError:
        with suppress(TimeoutError):
            async with asyncio.timeout(CONTAINER_END_TIMEOUT_SEC):
                await container.gone.wait()
        if container.stopped and not begun:
            raise ContainerStoppedError(container.id) from None
        if container.gone.is_set():
            return (*begun, answer.TERMINATED)[0], "terminated"
        return (*begun, answer.INTERNAL_FAILURE)[0], "internal_failure"


def forwarded_request(request: Request, body: bytes) -> h11.Request:
    """The head of the request as the container gets it."""
    headers = [(name, value) for name, value in request.headers.raw if name not in NOT_FORWARDED]
    if not any(name == b"host" for name, _ in headers):  # HTTP/1.0 has none
        headers.append((b"host", b"127.0.0.1"))
    if body or request.method not in {"GET", "HEAD"}:
        headers.append((b"content-length", str(len(body)).encode()))
    return h11.Request(method=request.method, target=path_and_query(request), headers=headers)


async def _receive(
    connections: Connections,
    container: ContainerHandle,
    request: h11.Request,
    body: bytes,
    begin: Callable[[Answer], None],
) -> Answer:
    async with connections.response(container.port, request, body) as response:
        made = Answer(response.status, response.headers, b"")
        if any(name == "content-length" for name, _ in response.headers):
            return made._replace(body=b"".join([piece async for piece in response.pieces()]))
        pieces = Pieces(asyncio.current_task())
        made = made._replace(pieces=pieces)
        begin(made)
        broken = True
        try:
            async for piece in response.pieces():
                pieces.add(piece)
            broken = False
        except BrokenError:
            # Whoever hears of it may call again at once, and must not be given a container that is about to be gone.
            with suppress(TimeoutError):
                async with asyncio.timeout(_NOTICE_SEC):
                    await container.gone.wait()
            raise
        finally:
            pieces.end(broken=broken)
        return made


def path_and_query(request: Request) -> bytes:
    """Path and query as the client wrote them."""
    path: bytes = request.scope["raw_path"]
    query: bytes = request.scope["query_string"]
    return path + b"?" + query if query else path
