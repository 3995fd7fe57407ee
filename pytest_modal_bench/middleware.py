"""Evidence of cold starts from inside a container: an ASGI middleware for the app that is measured.

Add it to a FastAPI or Starlette app in one line, `app.add_middleware(ModalBenchMiddleware)`, or wrap any ASGI app
in it, `ModalBenchMiddleware(app)`. Needs nothing but the standard library and imports nothing of this package, so
that the file can also be copied beside the app. What it tells is in the headers named below; what it does not know
it leaves out. It holds back nothing and buffers nothing.
"""

from __future__ import annotations

import itertools
import os
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, MutableMapping

    Scope = MutableMapping[str, Any]
    Message = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]
    App = Callable[[Scope, Receive, Send], Awaitable[None]]

CONTAINER = "X-Modal-Bench-Container"
"""The container: Modal's `MODAL_TASK_ID`, such as `ta-01K…`."""
REQUEST = "X-Modal-Bench-Request"
"""Which request of this container it is: 1 for the first, so that this container had served none before."""
STARTED = "X-Modal-Bench-Started"
"""When the container's process started this app: ISO 8601, UTC, on the container's clock."""
UPTIME = "X-Modal-Bench-Uptime"
"""Seconds from then to the head of this answer. Longer than the call took: the container was there before it."""
REGION = "X-Modal-Bench-Region"
"""Modal's `MODAL_REGION`, such as `us-east-1`."""
GPU = "X-Modal-Bench-GPU"
"""Model of the first GPU as its driver names it, such as `NVIDIA L40S`."""
TIMING = "Server-Timing"
"""`handler;dur=…`: milliseconds from the request to the head of its answer (W3C, Server Timing)."""

# Where NVIDIA's Linux driver says which GPUs there are (its README, "/proc interface").
_DRIVER = Path("/proc/driver/nvidia/gpus")

# One count and one moment a process, however many apps are wrapped: the container is what counts.
_requests = itertools.count(1)
_started, _clock = datetime.now(UTC), time.monotonic()


class ModalBenchMiddleware:
    """Pure ASGI: passes everything through, and adds headers to the answers of HTTP requests."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._fixed = list(_fixed())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection of the app."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        number = next(_requests)
        began = time.perf_counter()

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                spent_ms = 1000 * (time.perf_counter() - began)
                changing = (
                    (REQUEST, str(number)),
                    (UPTIME, f"{time.monotonic() - _clock:.3f}"),
                    (TIMING, f"handler;dur={spent_ms:.3f}"),
                )
                headers = [*message.get("headers", ()), *self._fixed, *map(_encoded, changing)]
                message = {**message, "headers": headers}
            await send(message)

        await self._app(scope, receive, send_with_headers)


def _fixed() -> Iterator[tuple[bytes, bytes]]:
    """What stays the same as long as the container lives."""
    known = {
        CONTAINER: os.environ.get("MODAL_TASK_ID"),
        STARTED: _started.isoformat(timespec="milliseconds"),
        REGION: os.environ.get("MODAL_REGION"),
        GPU: _gpu(),
    }
    for name, value in known.items():
        if value and value.isascii() and value.isprintable():
            yield _encoded((name, value))


def _encoded(header: tuple[str, str]) -> tuple[bytes, bytes]:
    name, value = header
    return name.lower().encode("ascii"), value.encode("ascii")


def _gpu() -> str | None:
    try:
        lines = next(iter(sorted(_DRIVER.iterdir()))).joinpath("information").read_text().splitlines()
    except (OSError, StopIteration):
        return None
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("Model:"))
    return next(models, None)
