"""Calls, each made by a client of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from measure_server import Connection, Server

from pytest_modal_bench.call.client import Client
from pytest_modal_bench.call.request import Request

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_modal_bench.call.answer import Answer

TOKEN = "s3cret-value"  # noqa: S105 - of nothing


def call(
    url: str,
    *,
    method: str = "POST",
    headers: dict[str, str] | None = None,
    body: bytes | None = b"{}",
    deadline_sec: float = 5.0,
    **limits: Any,
) -> Answer:
    request = Request(method=method, url=url, headers=headers or {}, body=body, secrets=frozenset({TOKEN}))
    with Client(**limits) as client:
        return client.call(request, deadline_sec=deadline_sec, fresh=True)


def call_once(handle: Callable[[Connection], None], **options: Any) -> Answer:
    with Server(handle) as server:
        return call(server.url, **options)


def get(url: str) -> Request:
    return Request(method="GET", url=url)
