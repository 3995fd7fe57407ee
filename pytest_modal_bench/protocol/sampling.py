"""What is kept of an answer: one sample. What a server says of itself in headers counts only if it makes sense."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec
from msgspec import structs

from pytest_modal_bench import middleware
from pytest_modal_bench.model import Sample
from pytest_modal_bench.safety.text import inert

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_modal_bench.call.answer import Answer
    from pytest_modal_bench.model import Start


def as_sample(answer: Answer, *, start: Start, seed: int | None) -> Sample:
    """Return what is kept of an answer to a call meant as `start`."""
    headers = answer.headers
    cost_usd = number(headers.get("x-cost-usd"))
    return Sample(
        start=start,
        ok=answer.ok,
        elapsed_sec=answer.elapsed_sec,
        started_at=answer.started_at,
        seed=seed,
        http_status=answer.status,
        error=answer.error,
        cause=answer.cause,
        size_bytes=answer.size_bytes if answer.ok else None,
        content_type=identifier(headers.get("content-type")),
        redirects=answer.redirects,
        held_sec=answer.held_sec,
        reconnected=answer.reconnected,
        client_busy=answer.client_busy,
        phases=answer.phases,
        cost_usd=cost_usd,
        cost_basis=None if cost_usd is None else "measured",
        cost_source=None if cost_usd is None else "the endpoint's own header",
        execution_sec=number(headers.get("x-execution-time-sec")),
        gpu_type=identifier(headers.get("x-gpu-type")) or identifier(headers.get(middleware.GPU.lower())),
        **structs.asdict(parse_headers(headers)),
    )


class ContainerHeaders(msgspec.Struct, frozen=True, kw_only=True):
    """What an answer's headers say of its container and call; None: nothing, or nothing that makes sense."""

    container: str | None = None
    container_request: int | None = None
    container_started_at: str | None = None
    container_uptime_sec: float | None = None
    region: str | None = None
    handler_sec: float | None = None
    call_id: str | None = None


def parse_headers(headers: Mapping[str, str]) -> ContainerHeaders:
    """Read what the middleware and Modal put into `headers`, whose names are in lower case."""
    return ContainerHeaders(
        container=identifier(headers.get(middleware.CONTAINER.lower())),
        container_request=_ordinal(headers.get(middleware.REQUEST.lower())),
        container_started_at=identifier(headers.get(middleware.STARTED.lower())),
        container_uptime_sec=number(headers.get(middleware.UPTIME.lower())),
        region=identifier(headers.get(middleware.REGION.lower())),
        handler_sec=_handler_sec(headers.get(middleware.TIMING.lower(), "")),
        call_id=identifier(headers.get("modal-function-call-id")),
    )


_LARGEST = 1e9
"""No honest header says more seconds, dollars or requests; sums of what is larger would end at infinity."""


def identifier(text: str | None) -> str | None:
    """Return a header's value as a short line of printable characters; None if there is nothing in it."""
    if text is None:
        return None
    return inert("".join(c for c in text if c.isprintable()).strip()[:100]) or None


def number(text: str | None) -> float | None:
    """Return a header's value as a number from 0 to `_LARGEST`; None if it is none."""
    try:
        value = float(text) if text is not None else math.nan
    except ValueError:
        return None
    return value if 0 <= value <= _LARGEST else None


def _ordinal(text: str | None) -> int | None:
    value = number(text)
    return int(value) if value is not None and value >= 1 and value == int(value) else None


def _handler_sec(timing: str) -> float | None:
    """Read the duration of the metric `handler`, in milliseconds (W3C, Server Timing, section 3)."""
    for metric in timing.split(","):
        name, *parameters = (part.strip() for part in metric.split(";"))
        for parameter in parameters if name.lower() == "handler" else ():
            key, _, value = parameter.partition("=")
            milliseconds = number(value.strip().strip('"'))
            if key.strip().lower() == "dur" and milliseconds is not None:
                return milliseconds / 1000
    return None
