from __future__ import annotations

import asyncio
import math
import statistics
import threading
import time

import pytest

from pytest_modal_bench.local.app.gpu import CACHED_SEC, JITTER, Gpu, Job
from pytest_modal_bench.local.workspace.apps import Endpoint
from pytest_modal_bench.local.workspace.pauses import Pauses

ENDPOINTS = {
    "/a": Endpoint(body="picture", load=30.0, inference=2.0, content_type="image/png"),
    "/b": Endpoint(body="picture", load=10.0, inference=4.0, content_type="image/png"),
}


def gpu(seed: int = 1) -> Gpu:
    return Gpu(ENDPOINTS, time_scale=0, seed=seed)


def near(seconds: float) -> object:
    return pytest.approx(seconds, rel=JITTER)


def test_each_endpoint_loads_its_model_on_its_first_call() -> None:
    async def calls() -> list[float]:
        card = gpu()
        order = [("/a", "1"), ("/a", "2"), ("/b", "1"), ("/a", "3"), ("/b", "2")]
        return [(await card.run(path, request, lambda: b"")).seconds for path, request in order]

    assert asyncio.run(calls()) == [near(32), near(2), near(14), near(2), near(4)]


def test_times_vary_from_call_to_call_and_repeat_from_run_to_run() -> None:
    async def calls(seed: int) -> list[float]:
        card = gpu(seed)
        return [(await card.run("/a", str(n), lambda: b"")).seconds for n in range(6)]

    first = asyncio.run(calls(1))
    assert len(set(first)) == 6
    assert first == asyncio.run(calls(1))
    assert first != asyncio.run(calls(2))


def test_an_identical_request_gets_the_same_bytes_from_the_cache_without_work() -> None:
    made = iter([b"one", b"two", b"three"])

    async def calls() -> list[Job]:
        card = gpu()
        return [await card.run("/a", request, lambda: next(made)) for request in ("x", "x", "y", "x")]

    first, again, other, later = asyncio.run(calls())
    assert again == Job(b"one", CACHED_SEC)
    assert (first.body, other.body) == (b"one", b"two")
    assert later.body == b"three"  # only the last workflow is remembered


def test_times_can_vary_exponentially_about_their_mean() -> None:
    async def calls() -> list[float]:
        card = Gpu(ENDPOINTS, time_scale=0, seed=1, service="exponential")
        await card.run("/a", None, lambda: b"")
        return [(await card.run("/a", None, lambda: b"")).seconds for _ in range(1000)]

    times = asyncio.run(calls())
    # Of 1,000 draws mean and standard deviation are within four of their standard errors.
    assert statistics.fmean(times) == pytest.approx(2.0, rel=0.13)
    assert statistics.stdev(times) == pytest.approx(2.0, rel=0.25)
    assert sum(each > 2.0 for each in times) / 1000 == pytest.approx(math.exp(-1), abs=0.06)


@pytest.mark.parametrize("at_once", [1, 2])
def test_so_many_jobs_are_worked_on_at_once_but_a_model_is_loaded_once(at_once: int) -> None:
    working = 0
    most = 0

    def work() -> bytes:
        nonlocal working, most
        with lock:
            working += 1
            most = max(most, working)
        time.sleep(0.02)
        with lock:
            working -= 1
        return b""

    async def calls() -> list[float]:
        card = Gpu(ENDPOINTS, time_scale=0, seed=1, jobs_at_once=at_once)
        return [job.seconds for job in await asyncio.gather(*(card.run("/a", None, work) for _ in range(6)))]

    lock = threading.Lock()
    assert sorted(asyncio.run(calls())) == [*[near(2)] * 5, near(32)]
    assert most == at_once


def test_nothing_is_done_in_a_pause() -> None:
    pauses = Pauses(every=100, sec=80)

    async def work() -> None:
        card = Gpu(ENDPOINTS, time_scale=0.001, seed=1, pauses=pauses)
        for _ in range(12):
            begin = time.monotonic()
            await card.infer("/a")
            assert time.monotonic() >= pauses.scaled(0.001).end(begin, 0.002 * (1 - JITTER))

    asyncio.run(work())


def test_work_that_fails_leaves_nothing_in_the_cache() -> None:
    async def calls() -> bytes:
        card = gpu()
        with pytest.raises(ZeroDivisionError):
            await card.run("/a", "x", lambda: bytes([1 // 0]))
        return (await card.run("/a", "x", lambda: b"fine")).body

    assert asyncio.run(calls()) == b"fine"


def test_one_job_runs_at_a_time() -> None:
    running = 0
    most = 0
    lock = threading.Lock()

    def work() -> bytes:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.005)
        with lock:
            running -= 1
        return b""

    async def calls() -> None:
        card = gpu()
        await asyncio.gather(*(card.run("/a", str(n), work) for n in range(5)))

    asyncio.run(calls())
    assert most == 1


def test_simulated_seconds_are_slept_at_scale() -> None:
    async def call() -> float:
        card = Gpu(ENDPOINTS, time_scale=0.001, seed=1)
        begun = time.monotonic()
        job = await card.run("/a", "x", lambda: b"")
        return (time.monotonic() - begun) / job.seconds

    assert asyncio.run(call()) >= 0.00099


def test_a_job_costs_its_seconds_on_an_l40s() -> None:
    assert Job(b"", 10.0).cost_usd == pytest.approx(0.00542)
    assert Job(b"", 10.0, cost_factor=3).cost_usd == pytest.approx(0.01626)
