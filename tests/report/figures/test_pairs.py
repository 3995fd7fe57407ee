from __future__ import annotations

from report_runs import reference_run, result

from pytest_modal_bench.report.figures.pairs import averages, paired


def test_only_endpoints_with_both_times_are_compared() -> None:
    pairs = paired(reference_run().results)
    assert [pair.result.path for pair in pairs] == ["/flux", "/qwen-image-2512", "/z-image-simple"]
    assert [round(seconds, 1) for seconds in averages(pairs)] == [24.1, 4.9]


def test_a_failed_endpoint_is_not_compared() -> None:
    assert paired([result(status="failed", cold_time_sec=9.0, warm_time_sec=1.0)]) == []


def test_what_is_saved_can_be_negative() -> None:
    (pair,) = paired([result(cold_time_sec=1.0, warm_time_sec=3.0)])
    assert pair.saved == -2.0
