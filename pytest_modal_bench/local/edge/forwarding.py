"""Forwards a request to a container, and receives its answer: whole if it states a length, else as it comes."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

import httpx

from pytest_modal_bench.local.containers.handle import ContainerStoppedError
from pytest_modal_bench.local.edge import answer
from pytest_modal_bench.local.edge.answer import Answer
from pytest_modal_bench.local.edge.pieces import Pieces

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastapi import Request

    from pytest_modal_bench.local.containers.handle import ContainerHandle
    from pytest_modal_bench.local.containers.pool import Pool
    from pytest_modal_bench.local.containers.records import Status

CONTAINER_END_TIMEOUT_SEC = 5.0
"""How long the edge waits for a container's end after the connection to it broke."""
NOT_FORWARDED = {
    b"modal-key",
    b"modal-secret",
    b"connection",
    b"content-length",
    b"transfer-encoding",
    b"expect",
}


async def forward(  # noqa: PLR0913, PLR0917 - a call, and where it goes
    client: httpx.AsyncClient,
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
    forwarded = client.build_request(
        request.method,
        httpx.URL(scheme="http", host="127.0.0.1", port=container.port, raw_path=path_and_query(request)),
        headers=[(k, v) for k, v in request.headers.raw if k not in NOT_FORWARDED],
        content=body,
    )
    begun: list[Answer] = []

    def note_begin(made: Answer) -> None:
        begun.append(made)
        begin(made)

    try:
        async with asyncio.timeout(pool.app.timeout * pool.time_scale):
            return await _receive(client, forwarded, note_begin), "success"
    except TimeoutError:
        return (*begun, answer.TIMED_OUT)[0], "timeout"
    except httpx.TransportError:
        with suppress(TimeoutError):
            async with asyncio.timeout(CONTAINER_END_TIMEOUT_SEC):
                await container.gone.wait()
        if container.stopped and not begun:
            raise ContainerStoppedError(container.id) from None
        if container.gone.is_set():
            return (*begun, answer.TERMINATED)[0], "terminated"
        return (*begun, answer.INTERNAL_FAILURE)[0], "internal_failure"


async def _receive(
    client: httpx.AsyncClient, request: httpx.Request, begin: Callable[[Answer], None]
) -> Answer:
    response = await client.send(request, stream=True)
    try:
        made = Answer(response.status_code, list(response.headers.items()), b"")
        if "content-length" in response.headers:
            return made._replace(body=await response.aread())
        pieces = Pieces(asyncio.current_task())
        made = made._replace(pieces=pieces)
        begin(made)
        broken = True
        try:
            async for piece in response.aiter_raw():
                pieces.add(piece)
            broken = False
        finally:
            pieces.end(broken=broken)
        return made
    finally:
        await response.aclose()


def path_and_query(request: Request) -> bytes:
    """Path and query as the client wrote them."""
    path: bytes = request.scope["raw_path"]
    query: bytes = request.scope["query_string"]
    return path + b"?" + query if query else path
