"""The protocol: which calls an endpoint gets, in which order, under which start, and what they add up to."""

from __future__ import annotations

import math
import random
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from msgspec import structs

from pytest_modal_bench.measure.request import Request, build
from pytest_modal_bench.model import Endpoint, EndpointResult, Resource, Sample, Start

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pytest_modal_bench.measure.client import Answer, Client

# Not the global generator: whoever seeds that one would make every run send the same seeds, and so measure caches.
_seeds = random.SystemRandom()
_LARGEST_SEED = 2**31 - 1


class CallFailed(Exception):
    """A call failed; its message is the sample's error. Ends the endpoint's measurement."""


class Recorder(Protocol):
    """Who runs the timed calls of one endpoint, such as pytest-benchmark."""

    def run(
        self, start: Start, call: Callable[[Request], None], prepare: Callable[[], Request], rounds: int
    ) -> None:
        """Call `call(prepare())` `rounds` times; only `call` is timed."""

    def add(self, start: Start, seconds: Sequence[float]) -> None:
        """Keep calls that were timed elsewhere."""

    def records(self, extra_info: Callable[[Start], dict[str, Any]]) -> list[dict[str, Any]]:
        """What was kept, as built-in types, with `extra_info` of each record's start."""


class PlainRecorder:
    """Runs the calls and keeps nothing: the samples have their own times."""

    def run(
        self, start: Start, call: Callable[[Request], None], prepare: Callable[[], Request], rounds: int
    ) -> None:
        """See `Recorder.run`."""
        del start
        for _ in range(rounds):
            call(prepare())

    def add(self, start: Start, seconds: Sequence[float]) -> None:
        """See `Recorder.add`."""

    def records(self, extra_info: Callable[[Start], dict[str, Any]]) -> list[dict[str, Any]]:
        """See `Recorder.records`."""
        del extra_info
        return []


@dataclass(frozen=True)
class Step:
    """`rounds` calls that share a start."""

    start: Start
    rounds: int


def plan(*, pool_called: bool, answered: bool, quick: bool, rounds: int) -> tuple[Step, ...]:
    """Which calls an endpoint gets.

    Only the first call that a pool gets can find no container. The next endpoint's first call finds the
    container but not its model (`first`); neither is a warm time. Someone else may have woken the pool before,
    so a cold start observed like this is unverified. `quick` asks for warm calls alone: the call that comes
    before them is then a `first` whatever it found.
    """
    warm = Step("warm", rounds)
    if answered:
        return (warm,)
    if pool_called or quick:
        return (Step("first", 1), warm)
    return (Step("cold", 1), warm)


def measure(  # noqa: PLR0913 - all but the first two are named where it is called
    endpoint: Endpoint,
    steps: Sequence[Step],
    *,
    client: Client,
    recorder: Recorder,
    resources: Mapping[str, Resource | str],
    environ: Mapping[str, str],
    deadline_sec: float,
    samples: list[Sample],
) -> None:
    """Make the calls of `steps`, each under `deadline_sec` seconds, and append what comes of them to `samples`.

    Raises `CallFailed` at the first call that fails: what would follow costs as much again and says no more.
    """
    seed = 0

    def prepare() -> Request:
        nonlocal seed
        seed = _seeds.randint(0, _LARGEST_SEED)
        return build(endpoint, resources, seed=seed, environ=environ)

    for step in steps:

        def call(request: Request, start: Start = step.start) -> None:
            # A new container has no connection to keep; warm calls of a real client reuse theirs.
            answer = client.call(request, deadline_sec=deadline_sec, fresh=start == "cold")
            sample = as_sample(answer, start=start, seed=seed)
            samples.append(sample)
            if not sample.ok:
                raise CallFailed(sample.error)

        recorder.run(step.start, call, prepare, step.rounds)


def as_sample(answer: Answer, *, start: Start, seed: int | None) -> Sample:
    """What is kept of an answer; what the endpoint says of itself in headers is believed only if it is a number."""
    headers = answer.headers
    return Sample(
        start=start,
        ok=answer.ok,
        elapsed_sec=answer.elapsed_sec,
        started_at=answer.started_at,
        seed=seed,
        http_status=answer.status,
        error=answer.error,
        size_bytes=len(answer.body) if answer.ok else None,
        content_type=_label(headers.get("content-type")),
        redirects=answer.redirects,
        held_sec=answer.held_sec,
        phases=answer.phases,
        cost_usd=_amount(headers.get("x-cost-usd")),
        execution_sec=_amount(headers.get("x-execution-time-sec")),
        gpu_type=_label(headers.get("x-gpu-type")),
    )


def summarise(endpoint: Endpoint, samples: Sequence[Sample], *, deadline_sec: float) -> EndpointResult:
    """What `samples` add up to. A sample that failed is never a latency."""
    good = [sample for sample in samples if sample.ok]
    bad = [sample for sample in samples if not sample.ok]
    colds = [sample for sample in good if sample.start == "cold"]
    gpus = {sample.gpu_type for sample in good if sample.gpu_type}
    return structs.replace(
        not_run(endpoint),
        cold_time_sec=_median_time(good, "cold"),
        warm_time_sec=_median_time(good, "warm"),
        first_time_sec=_median_time(good, "first"),
        cold_verified=all(sample.proof is not None for sample in colds) if colds else None,
        cost_usd=_median([s.cost_usd for s in good if s.start == "warm" and s.cost_usd is not None]),
        gpu_type=", ".join(sorted(gpus)) or None,
        size_kb=good[-1].size_bytes / 1024 if good and good[-1].size_bytes is not None else None,
        status="success" if good and not bad else "failed",
        error=bad[-1].error if bad else None if good else "No call was made",
        timeout_sec=deadline_sec,
        samples=list(samples),
    )


def skipped(endpoint: Endpoint, reason: str) -> EndpointResult:
    """The result of an endpoint that was not called, and why."""
    return structs.replace(not_run(endpoint), status="skipped", skipped_reason=reason)


def failed(endpoint: Endpoint, error: str) -> EndpointResult:
    """The result of an endpoint of which nothing but an error is known."""
    return structs.replace(not_run(endpoint), status="failed", error=error)


def not_run(endpoint: Endpoint) -> EndpointResult:
    """The result of an endpoint whose turn has not come."""
    return EndpointResult(
        endpoint=endpoint.name,
        path=endpoint.path,
        category=endpoint.category,
        description=endpoint.description,
        status="not_run",
        id=endpoint.id,
        app=endpoint.app,
        pool=endpoint.pool,
        method=endpoint.method,
        tags=endpoint.tags,
    )


def _median_time(samples: Sequence[Sample], start: Start) -> float | None:
    return _median([sample.elapsed_sec for sample in samples if sample.start == start])


def _median(values: Sequence[float]) -> float | None:
    return statistics.median(values) if values else None


def _amount(text: str | None) -> float | None:
    try:
        value = float(text) if text is not None else math.nan
    except ValueError:
        return None
    return value if math.isfinite(value) and value >= 0 else None


_LONGEST_LABEL = 100


def _label(text: str | None) -> str | None:
    return " ".join(text.split())[:_LONGEST_LABEL] or None if text is not None else None
