"""Endpoints, and events of calls to them, for the tests of what shows a run that goes on."""

from __future__ import annotations

from typing import Any

from report_runs import sample

from pytest_modal_bench.model import Endpoint
from pytest_modal_bench.protocol.progress import CallBegun, CallEnded


def endpoint(id_: str, pool: str = "pool") -> Endpoint:
    return Endpoint(id=id_, name=id_.title(), path=f"/{id_}", app="app", url="", pool=pool, category="C")


def begun(id_: str = "flux", start: Any = "warm", number: int = 1, rounds: int = 3) -> CallBegun:
    return CallBegun(endpoint=id_, start=start, number=number, rounds=rounds, deadline_sec=600.0)


def ended(id_: str = "flux", start: Any = "warm", sec: float = 2.0, **fields: Any) -> CallEnded:
    return CallEnded.of(sample(start, sec, **fields), id_, 1)
