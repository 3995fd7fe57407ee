"""Calls of a load as a pool of containers would answer them, and what they come to."""

from __future__ import annotations

import heapq
import random
from typing import TYPE_CHECKING, Any

from pytest_modal_bench.load.figures import step
from pytest_modal_bench.load.knee import with_knees
from pytest_modal_bench.model import Budget, Level, Load, LoadCall, LoadStep

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_modal_bench.model import EndpointResult, StepKind

PRICE = {"cost_basis": "estimated", "usd_per_sec": 0.000542, "scaledown_window_sec": 60.0}
"""Of an L40S."""


class Pool:
    """Up to so many containers, one call at a time each, that start on demand and live on."""

    def __init__(self, most: int = 2, *, boot_sec: float = 9.0, call_sec: float = 2.0, seed: int = 1) -> None:
        self._most, self._boot_sec, self._call_sec = most, boot_sec, call_sec
        self._free: list[tuple[float, int]] = []
        self._random = random.Random(seed)

    def next_step(self) -> None:
        """Begin a new clock: all containers are free."""
        self._free = [(0.0, number) for _, number in self._free]

    def call(self, meant: float, *, delay: float = 0.0, **fields: Any) -> LoadCall:
        """Return the call that was meant to begin at `meant`, and began `delay` later."""
        began = meant + delay
        new = False
        if self._free and (self._free[0][0] <= began or len(self._free) >= self._most):
            free, number = heapq.heappop(self._free)
            ready = max(began, free)
        else:
            number, ready, new = len(self._free), began + self._boot_sec, True
        worked = self._call_sec * self._random.lognormvariate(0, 0.06)
        heapq.heappush(self._free, (ready + worked, number))
        given: dict[str, Any] = {
            "ok": True,
            "checked": self._random.random() < 0.2,
            "http_status": 200,
            "container": f"ta-{number}",
            "first_of_container": new,
            "queue_sec": ready - began,
            "execution_sec": worked,
            "cost_usd": worked * 0.000542,
        } | fields
        return LoadCall(meant_sec=meant, began_sec=began, elapsed_sec=ready + worked + 0.05 - began, **given)


def users(pool: Pool, number: int, duration_sec: float = 60.0, **fields: Any) -> LoadStep:
    """Return a step of so many users, each of whom waits for an answer before the next call."""
    pool.next_step()
    calls, waiting = [], [(0.0, user) for user in range(number)]
    while waiting:
        at, user = heapq.heappop(waiting)
        if at < duration_sec:
            calls.append(pool.call(at, generator=user % 2, **fields))
            heapq.heappush(waiting, (at + calls[-1].elapsed_sec, user))
    return of(calls, "users", number, duration_sec=duration_sec)


def arrivals(pool: Pool, per_sec: float, duration_sec: float = 60.0, **fields: Any) -> LoadStep:
    pool.next_step()
    meant = [number / per_sec for number in range(int(per_sec * duration_sec))]
    return of([pool.call(at, **fields) for at in meant], "rate", per_sec, duration_sec=duration_sec)


def burst(pool: Pool, number: int, **fields: Any) -> LoadStep:
    pool.next_step()
    return of([pool.call(0.0, delay=each * 0.0005, **fields) for each in range(number)], "burst", number)


def of(calls: Sequence[LoadCall], kind: StepKind = "users", value: float = 1, **fields: Any) -> LoadStep:
    return step(calls, kind=kind, value=value, **{**PRICE, **fields})


def failing(calls: Sequence[LoadCall], every: int, **why: Any) -> list[LoadCall]:
    """Return `calls` of which every so-manieth was turned away at once."""
    given: dict[str, Any] = {
        "cause": "queue_full",
        "error": "HTTP 429: modal-http: queue limit",
        "http_status": 429,
    }
    return [
        call
        if number % every
        else LoadCall(
            meant_sec=call.meant_sec, began_sec=call.began_sec, elapsed_sec=0.02, ok=False, **{**given, **why}
        )
        for number, call in enumerate(calls)
    ]


BUDGET = Budget(max_p95=Level(fail=5.0), max_errors=Level(fail=0.01))


def searched(budget: Budget = BUDGET) -> Load:
    """Return the load of an endpoint whose two containers take 2 s a call: steps of users, then a burst from zero."""
    pool = Pool()
    pool.call(0.0), pool.call(0.0)
    steps = [users(pool, number, 90.0) for number in (1, 2, 4, 8, 16)]
    return with_knees(
        Load(
            spec="users=1,2,4,8,16 duration=90; burst=20",
            steps=(*steps, burst(Pool(4), 20)),
            processes=2,
            engine="Locust 2.43",
        ),
        budget,
    )


def loaded(result: EndpointResult, load: Load | None = None) -> EndpointResult:
    result.load = searched() if load is None else load
    return result
