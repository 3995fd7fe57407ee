"""Answers, and a client that gives them, for the tests of what is made of answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pytest_modal_bench.call.answer import Answer
from pytest_modal_bench.model import Endpoint, Phases

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pytest_modal_bench.call.request import Request
    from pytest_modal_bench.model import Cause


def endpoint(path: str = "/flux", **fields: Any) -> Endpoint:
    url = "http://127.0.0.1:9"
    given: dict[str, Any] = {
        "id": path.strip("/"),
        "name": path,
        "path": path,
        "app": "ryla-flux",
        "url": url,
    }
    return Endpoint(**(given | {"pool": url, "category": "Flux", "payload": {"seed": "{seed}"}} | fields))


def answer(
    body: bytes | Path = b"fine", *, status: int | None = 200, elapsed: float = 1.0, **headers: str
) -> Answer:
    """An answer with `headers`, written with underscores; of any status but 200, the application's own."""
    ok = status == 200
    return (
        failure(f"HTTP {status}", "application", status=status) if not ok else _answer(body, elapsed, headers)
    )


def failure(error: str, cause: Cause, *, status: int | None = None) -> Answer:
    """A call that failed; of no status, nobody answered."""
    return Answer(
        ok=False,
        status=status,
        headers={},
        body=b"",
        size_bytes=0,
        elapsed_sec=1.0,
        started_at="2026-02-02T12:22:58+00:00",
        phases=Phases(),
        redirects=0,
        held_sec=0.0,
        error=error,
        cause=cause,
        url="http://127.0.0.1:9/",
        began=0.0,
    )


TIMEOUT = failure("Timeout", "timeout")


class FakeClient:
    """Answers by path, in turn, the last one of a path again and again; 404 to `/openapi.json` if none is given."""

    def __init__(self, answers: dict[str, Sequence[Answer]]) -> None:
        self.answers = {"/openapi.json": [answer(status=404)]} | {
            path: [*given] for path, given in answers.items()
        }
        self.called: list[str] = []
        self.requests: list[Request] = []
        self.deadlines: list[float] = []

    def call(self, request: Request, *, deadline_sec: float, fresh: bool, arrivals: bool = False) -> Answer:
        del fresh, arrivals
        path = urlsplit(request.url).path
        self.called.append(path)
        self.requests.append(request)
        self.deadlines.append(deadline_sec)
        turn = self.answers[path]
        return turn.pop(0) if len(turn) > 1 else turn[0]

    def close(self) -> None:
        """There is nothing that is open."""


def _answer(body: bytes | Path, elapsed: float, headers: dict[str, str]) -> Answer:
    return Answer(
        ok=True,
        status=200,
        headers={name.replace("_", "-"): value for name, value in headers.items()},
        body=body,
        size_bytes=len(body) if isinstance(body, bytes) else body.stat().st_size,
        elapsed_sec=elapsed,
        started_at="2026-02-02T12:22:58+00:00",
        phases=Phases(wait_sec=elapsed),
        redirects=0,
        held_sec=0.0,
        error=None,
        cause=None,
        url="http://127.0.0.1:9/",
        began=0.0,
    )
