from __future__ import annotations

from typing import Any

from pytest_modal_bench.model import Endpoint, Provider, Sample, Start, Streamed
from pytest_modal_bench.protocol import outcome

ENDPOINT = Endpoint(
    id="flux",
    name="Flux",
    path="/flux",
    app="ryla-flux",
    url="http://127.0.0.1:9",
    pool="http://127.0.0.1:9",
    category="Flux",
)


def sample(start: Start, elapsed: float, *, ok: bool = True, **more: Any) -> Sample:
    return Sample(
        start=start,
        ok=ok,
        elapsed_sec=elapsed,
        started_at="2026-02-02T12:22:58+00:00",
        error=None if ok else "Timeout",
        size_bytes=2048 if ok else None,
        **more,
    )


def test_a_result_has_the_median_of_each_start() -> None:
    samples = [sample("cold", 44.0), sample("warm", 3.0), sample("warm", 1.0), sample("warm", 2.0)]
    result = outcome.summarise(ENDPOINT, samples, deadline_sec=600.0)

    assert (result.cold_time_sec, result.first_time_sec, result.warm_time_sec) == (44.0, None, 2.0)
    assert (result.status, result.error, result.size_kb) == ("success", None, 2.0)
    assert result.cold_verified is False


def test_a_cold_start_is_verified_only_if_every_one_is_proven() -> None:
    proven, unproven = sample("cold", 1.0, proof="first request"), sample("cold", 2.0)

    assert outcome.summarise(ENDPOINT, [proven], deadline_sec=1).cold_verified is True
    assert outcome.summarise(ENDPOINT, [proven, unproven], deadline_sec=1).cold_verified is False
    assert outcome.summarise(ENDPOINT, [sample("warm", 1.0)], deadline_sec=1).cold_verified is None


def test_a_failed_sample_is_never_a_latency() -> None:
    samples = [sample("first", 1.0), sample("warm", 2.0), sample("warm", 600.0, ok=False)]
    result = outcome.summarise(ENDPOINT, samples, deadline_sec=600.0)

    assert (result.status, result.error) == ("failed", "Timeout")
    assert result.warm_time_sec == 2.0
    assert len(result.samples) == 3


def test_an_endpoint_without_a_single_call_has_not_succeeded() -> None:
    assert outcome.summarise(ENDPOINT, [], deadline_sec=1).status == "failed"


def test_the_gpu_is_what_the_endpoint_says_not_what_the_catalogue_hopes() -> None:
    unknown = outcome.summarise(ENDPOINT, [sample("warm", 1.0)], deadline_sec=1)
    known = outcome.summarise(ENDPOINT, [sample("warm", 1.0, gpu_type="L40S")], deadline_sec=1)

    assert (unknown.gpu_type, known.gpu_type) == (None, "L40S")


def test_a_dropped_sample_stands_in_no_figure() -> None:
    samples = [
        sample("first", 9.0, asked="cold", dropped="its container had served 2 requests before"),
        sample("warm", 1.0),
        sample("warm", 8.0, dropped="the container changed"),
    ]
    result = outcome.summarise(ENDPOINT, samples, deadline_sec=1)

    assert (result.cold_time_sec, result.first_time_sec, result.warm_time_sec) == (None, None, 1.0)
    assert (result.status, result.retaken, result.cold_verified) == ("success", 2, None)
    assert result.size_kb == 2.0


def test_the_load_is_what_a_first_execution_takes_longer_than_a_warm_one() -> None:
    samples = [
        sample("cold", 45.0, provider=Provider(execution_sec=34.0)),
        sample("warm", 3.0, handler_sec=2.0),
        sample("warm", 3.0, handler_sec=2.5),
        sample("warm", 3.0, handler_sec=3.0),
    ]

    assert outcome.summarise(ENDPOINT, samples, deadline_sec=1).load_sec == 31.5
    assert outcome.summarise(ENDPOINT, samples[:1], deadline_sec=1).load_sec is None
    assert outcome.summarise(ENDPOINT, samples[1:], deadline_sec=1).load_sec is None


def test_a_first_call_after_a_cold_start_loads_nothing() -> None:
    samples = [
        sample("cold", 45.0, handler_sec=34.0),
        sample("first", 3.0, handler_sec=2.0),
        sample("warm", 3.0, handler_sec=2.0),
    ]

    assert outcome.summarise(ENDPOINT, samples, deadline_sec=1).load_sec == 32.0
    assert outcome.summarise(ENDPOINT, samples[1:], deadline_sec=1).load_sec == 0.0


def test_seconds_longer_than_their_call_are_no_part_of_it() -> None:
    samples = [sample("cold", 0.5, execution_sec=34.0), sample("warm", 0.1, execution_sec=2.0)]

    assert outcome.summarise(ENDPOINT, samples, deadline_sec=1).load_sec is None


def streamed(start: Start, ttft: float, *, ok: bool = True, tokens: int | None = 41, **more: Any) -> Sample:
    stream = Streamed(
        ttft_sec=ttft,
        itl_sec=ttft / 10,
        itl_p95_sec=ttft / 5,
        chunks=41,
        output_tokens=tokens,
        tokens_per_sec=None if tokens is None else 10 / ttft,
    )
    return sample(start, 2.0, ok=ok, stream=stream, **more)


def test_a_result_has_the_medians_of_its_warm_streams_and_the_first_output_of_its_cold_ones() -> None:
    samples = [
        streamed("cold", 9.0),
        streamed("first", 5.0),
        *(streamed("warm", at) for at in (0.5, 0.1, 0.2)),
    ]
    result = outcome.summarise(ENDPOINT, samples, deadline_sec=60)

    assert (result.ttft_sec, result.itl_sec, result.itl_p95_sec) == (0.2, 0.02, 0.04)
    assert (result.tokens_per_sec, result.output_tokens, result.cold_ttft_sec) == (50.0, 41, 9.0)


def test_streams_that_do_not_count_stand_in_no_figure() -> None:
    samples = [streamed("warm", 0.2), streamed("warm", 9.0, dropped="another container")]
    spoiled = [*samples, streamed("warm", 9.0, ok=False, cause="invalid_output")]

    assert outcome.summarise(ENDPOINT, spoiled, deadline_sec=60, min_success=0.1).ttft_sec == 0.2


def test_tokens_that_no_server_counts_are_unknown_and_the_times_are_not() -> None:
    result = outcome.summarise(ENDPOINT, [streamed("warm", 0.2, tokens=None)], deadline_sec=60)

    assert (result.output_tokens, result.tokens_per_sec, result.ttft_sec) == (None, None, 0.2)


def test_what_is_no_stream_has_no_figures_of_one() -> None:
    result = outcome.summarise(ENDPOINT, [sample("cold", 9.0), sample("warm", 1.0)], deadline_sec=60)

    assert (result.ttft_sec, result.itl_sec, result.output_tokens, result.cold_ttft_sec) == (None,) * 4


def test_where_half_of_the_calls_timed_out_no_median_is_known() -> None:
    late = sample("warm", 60.0, ok=False, cause="timeout")
    result = outcome.summarise(ENDPOINT, [streamed("warm", 0.2), late], deadline_sec=60, min_success=0.1)

    assert (result.warm_time_sec, result.ttft_sec) == (None, None)
