"""Streams: when their first output came, how the others followed, and how fast their tokens came."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from msgspec import structs

from pytest_modal_bench.model.series import calls, series
from pytest_modal_bench.report.figures.units import UNKNOWN, cost, count, doubted, rate, seconds
from pytest_modal_bench.report.html.scales import Scale
from pytest_modal_bench.report.html.sections.times import lane

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_modal_bench.model import EndpointResult, Sample, Start
    from pytest_modal_bench.report.html.charts import Lane
    from pytest_modal_bench.report.html.scales import Tick
    from pytest_modal_bench.report.html.sections.names import Named


class Stream(NamedTuple):
    """One endpoint that answers with a stream; seconds, medians of the warm calls unless they are called otherwise."""

    endpoint: Named
    first_output: tuple[Lane, ...]
    """TTFT of each call."""
    between: tuple[Lane, ...]
    """ITL of each warm call, its median within the call."""
    ttft: str
    cold_ttft: str
    itl: str
    itl_p95: str
    longest: str
    output: str
    tokens_per_sec: str
    per_million: str
    reasons: str


class Streams(NamedTuple):
    """All of a run's, with an axis for each of the two charts."""

    rows: tuple[Stream, ...]
    ttft_ticks: tuple[Tick, ...]
    itl_ticks: tuple[Tick, ...]


def streams(endpoints: Sequence[Named]) -> Streams:
    """Return the endpoints that answered with a stream."""
    found = [each for each in endpoints if any(map(_answered, each.result.samples))]
    answers = [
        sample.stream
        for each in found
        for sample in each.result.samples
        if _answered(sample) and sample.stream
    ]
    first = Scale.of(stream.ttft_sec for stream in answers)
    between = Scale.of(stream.itl_sec for stream in answers)
    return Streams(
        tuple(_stream(each, first, between) for each in found), tuple(first.ticks()), tuple(between.ticks())
    )


def _answered(sample: Sample) -> bool:
    return sample.counts and sample.stream is not None


def _stream(each: Named, first: Scale, between: Scale) -> Stream:
    result = each.result
    starts: tuple[Start, ...] = ("cold", "first", "warm")
    ttft = [lane(result, start, _by(result, start, "ttft_sec"), first, start) for start in starts]
    itl = lane(result, "warm", _by(result, "warm", "itl_sec"), between, "warm")
    known = [sample.stream for sample in calls(result.samples, "warm") if sample.ok and sample.stream]
    mark = partial(_partly, result=result, start="warm")
    return Stream(
        each,
        tuple(found for found in ttft if found is not None),
        () if itl is None else (itl,),
        mark(seconds(result.ttft_sec)),
        doubted(
            _partly(seconds(result.cold_ttft_sec), result=result, start="cold"), proven=result.cold_verified
        ),
        mark(seconds(result.itl_sec)),
        mark(seconds(result.itl_p95_sec)),
        mark(
            seconds(
                max((stream.itl_max_sec for stream in known if stream.itl_max_sec is not None), default=None)
            )
        ),
        mark(count(result.output_tokens)),
        mark(rate(result.tokens_per_sec)),
        mark(cost(result.usd_per_million_tokens, result.cost_basis)),
        ", ".join(dict.fromkeys(stream.finish_reason for stream in known if stream.finish_reason)) or UNKNOWN,
    )


def _by(result: EndpointResult, start: Start, field: str) -> list[Sample]:
    """Return the calls of one start with a figure of their stream for their time; those without it are left out."""
    asked = calls(result.samples, start)
    found = [
        (sample, getattr(sample.stream, field)) for sample in asked if sample.ok and sample.stream is not None
    ]
    return [
        *(structs.replace(sample, elapsed_sec=value) for sample, value in found if value is not None),
        *(sample for sample in asked if not sample.ok and found),
    ]


def _partly(shown: str, *, result: EndpointResult, start: Start) -> str:
    return f"{shown}*" if shown != UNKNOWN and series(result, start).partial else shown
