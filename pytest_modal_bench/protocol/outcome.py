"""What an endpoint's samples add up to, or what else became of it: one `EndpointResult`."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

from msgspec import structs

from pytest_modal_bench.call.causes import explain
from pytest_modal_bench.call.described import described
from pytest_modal_bench.model import Cause, Check, Endpoint, EndpointResult, Load, Sample, Start
from pytest_modal_bench.model.series import calls, reaches, sum_up

if TYPE_CHECKING:
    from collections.abc import Sequence


def summarise(  # noqa: PLR0913 - all but the first two are named where it is called
    endpoint: Endpoint,
    samples: Sequence[Sample],
    *,
    deadline_sec: float,
    cold_inconclusive: str | None = None,
    warm_inconclusive: str | None = None,
    min_success: float = 1.0,
) -> EndpointResult:
    """What `samples` add up to. One that failed is never a latency, one that was dropped stands in no figure.

    A median beyond which the calls timed out is not known. `min_success`: with at least this share of calls answered,
    and one of them, the endpoint has succeeded.
    """
    good = [sample for sample in samples if sample.counts]
    answered = [sample for sample in samples if sample.ok]
    bad = [sample for sample in samples if not sample.ok]
    counted = [sample for sample in samples if sample.dropped is None]
    enough = bool(answered) and reaches(sum(sample.ok for sample in counted), len(counted), min_success)
    colds = [sample for sample in good if sample.start == "cold"]
    gpus = {sample.gpu_type for sample in answered if sample.gpu_type}
    last = answered[-1].size_bytes if answered else None
    return structs.replace(
        not_run(endpoint),
        cold_time_sec=sum_up(calls(samples, "cold")).median,
        warm_time_sec=sum_up(calls(samples, "warm")).median,
        first_time_sec=sum_up(calls(samples, "first")).median,
        ttft_sec=_of_streams(samples, "warm", "ttft_sec"),
        itl_sec=_of_streams(samples, "warm", "itl_sec"),
        itl_p95_sec=_of_streams(samples, "warm", "itl_p95_sec"),
        tokens_per_sec=_of_streams(samples, "warm", "tokens_per_sec"),
        output_tokens=_of_streams(samples, "warm", "output_tokens"),
        cold_ttft_sec=_of_streams(samples, "cold", "ttft_sec"),
        cold_verified=all(sample.proof is not None for sample in colds) if colds else None,
        cold_inconclusive=cold_inconclusive,
        warm_inconclusive=warm_inconclusive,
        retaken=sum(sample.dropped is not None for sample in samples),
        load_sec=_load_sec(good),
        gpu_type=", ".join(sorted(gpus)) or None,
        size_kb=last / 1024 if last is not None else None,
        status="success" if enough else "failed",
        error=None if enough else bad[-1].error if bad else "No call was made",
        cause=None if enough else bad[-1].cause if bad else None,
        media=next((sample.media for sample in reversed(samples) if sample.media is not None), None),
        timeout_sec=deadline_sec,
        samples=list(samples),
    )


def with_load(result: EndpointResult, load: Load, checks: Sequence[Check]) -> EndpointResult:
    """Return a result with what its endpoint did under load. One that was called in no other way succeeds if any of
    those calls was answered.
    """
    known = structs.replace(result, load=load, checks=[*result.checks, *checks])
    if result.status != "not_run" or result.skipped_reason is not None:
        return known
    if any(step.answered for step in load.steps):
        return structs.replace(known, status="success")
    causes = [cause for step in load.steps for cause in step.errors]
    if not causes:
        return structs.replace(known, skipped_reason=load.stopped or "no call ended under load")
    failed = [call for step in load.steps for call in step.calls if call.error and not call.ok]
    return structs.replace(
        known,
        status="failed",
        error=failed[-1].error if failed else f"under load no call was answered: {causes[-1]}",
        cause=failed[-1].cause if failed else None,
    )


def _of_streams(samples: Sequence[Sample], start: Start, field: str) -> float | None:
    """Median of a field of `Streamed`; None also where half of the calls timed out, as the median of their times is."""
    meant = calls(samples, start)
    if sum_up(meant).censored_at is not None:
        return None
    streams = [sample.stream for sample in meant if sample.ok and sample.stream is not None]
    return _median([value for stream in streams if (value := getattr(stream, field)) is not None])


def _load_sec(samples: Sequence[Sample]) -> float | None:
    """Median execution in a new container, or else of first calls, less that of warm ones: seconds on one clock."""
    spans: dict[Start, list[float]] = {"cold": [], "first": [], "warm": []}
    for sample in samples:
        if sample.execution_part_sec is not None:
            spans[sample.start].append(sample.execution_part_sec)
    # An endpoint that has had a cold start has its model: its first call after that loads nothing.
    loading, warm = _median(spans["cold"] or spans["first"]), _median(spans["warm"])
    return None if loading is None or warm is None else max(loading - warm, 0.0)


def explained(result: EndpointResult, endpoint: Endpoint) -> EndpointResult:
    """Return a result with what its cause means, if it has one, and what to try."""
    if result.cause is None:
        return result
    # What to try are Modal's commands: they know the app by Modal's name.
    explanation = explain(result.cause, app=endpoint.deployed_app)
    return structs.replace(result, meaning=explanation.meaning, remedy=explanation.remedy)


def as_base(result: EndpointResult) -> EndpointResult:
    """Return a result as that of a base: without what its candidate says as well."""
    return structs.replace(
        result, description="", tags=(), sent=None, needs=(), previews=[], meaning=None, remedy=None
    )


def skipped(endpoint: Endpoint, reason: str) -> EndpointResult:
    """The result of an endpoint that was not called, and why."""
    return structs.replace(not_run(endpoint), status="skipped", skipped_reason=reason)


def failed(endpoint: Endpoint, error: str, cause: Cause | None = None) -> EndpointResult:
    """The result of an endpoint of which nothing but an error is known."""
    return structs.replace(not_run(endpoint), status="failed", error=error, cause=cause)


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
        case=endpoint.case,
        pool=endpoint.pool,
        method=endpoint.method,
        tags=endpoint.tags,
        sent=described(endpoint),
        needs=endpoint.needs,
        scaledown_window_sec=endpoint.scaledown_window,
    )


def _median(values: Sequence[float]) -> float | None:
    return statistics.median(values) if values else None
