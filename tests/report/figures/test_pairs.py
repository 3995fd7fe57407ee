from __future__ import annotations

from typing import TYPE_CHECKING

from report_runs import reference_run, result, sample

from pytest_modal_bench.report.figures.pairs import averages, clear_pairs, paired

if TYPE_CHECKING:
    from pytest_modal_bench.model import EndpointResult


def test_only_endpoints_with_both_times_are_compared() -> None:
    pairs = paired(reference_run().results)
    assert [pair.result.path for pair in pairs] == ["/flux", "/qwen-image-2512", "/z-image-simple"]
    assert [round(seconds, 1) for seconds in averages(pairs)] == [24.1, 4.9]


def test_a_failed_endpoint_is_not_compared() -> None:
    assert paired([result(status="failed", cold_time_sec=9.0, warm_time_sec=1.0)]) == []


def test_what_is_saved_can_be_negative() -> None:
    (pair,) = paired([result(cold_time_sec=1.0, warm_time_sec=3.0)])
    assert pair.saved == -2.0


def test_a_pair_is_clear_where_noise_does_not_explain_that_the_cold_call_took_longer() -> None:
    def pair(cold: float) -> EndpointResult:
        samples = [sample("cold", cold), *(sample("warm", each) for each in (2.0, 2.1, 2.2))]
        return result(cold_time_sec=cold, warm_time_sec=2.1, samples=samples)

    assert [each.cold for each in clear_pairs([pair(44.4), pair(2.6), pair(1.0)])] == [44.4]
    assert clear_pairs([result(cold_time_sec=44.4, warm_time_sec=2.1)]) == [], "nobody knows how they scatter"
