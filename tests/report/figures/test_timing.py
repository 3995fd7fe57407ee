from __future__ import annotations

from report_runs import sample

from pytest_modal_bench.model import Phases
from pytest_modal_bench.report.figures.timing import Timing


def test_a_failed_sample_counts_and_is_no_latency() -> None:
    times = Timing.of([sample("warm", 3.0), sample("warm", 600.0, ok=False), sample("warm", 1.0)])
    assert (times.ok, times.n, times.median, times.low, times.high) == (2, 3, 2.0, 1.0, 3.0)


def test_failures_alone_have_no_times() -> None:
    times = Timing.of([sample("warm", 600.0, ok=False, phases=Phases(wait_sec=600.0))])
    assert (times.ok, times.n, times.median, times.interval, times.low, times.high) == (0, 1, *[None] * 4)
    assert times.phases == Phases()


def test_phases_are_medians_over_the_samples_that_had_them() -> None:
    connected = sample(phases=Phases(connect_sec=0.3, wait_sec=1.0))
    kept = [sample(phases=Phases(wait_sec=seconds)) for seconds in (2.0, 9.0)]
    assert Timing.of([connected, *kept]).phases == Phases(connect_sec=0.3, wait_sec=2.0)


def test_a_timeout_is_a_time_beyond_its_deadline() -> None:
    known = [sample(elapsed_sec=seconds) for seconds in (1.0, 2.0, 3.0)]
    late = sample("warm", 9.0, ok=False, cause="timeout")

    assert (Timing.of([*known, late]).median, Timing.of([*known, late]).censored_at) == (2.5, None)
    assert (Timing.of([*known, *[late] * 3]).median, Timing.of([*known, *[late] * 3]).censored_at) == (
        None,
        9.0,
    )
    assert Timing.of([late]).censored_at == 9.0


def test_a_share_of_successes_has_an_interval() -> None:
    success = Timing.of([sample(), sample("warm", 1.0, ok=False)]).success
    assert success is not None
    assert success[0] < 0.5 < success[1]


def test_outliers_are_flagged_and_counted() -> None:
    times = Timing.of([sample(elapsed_sec=seconds) for seconds in (1.0, 1.1, 0.9, 1.0, 1.05, 9.0)])
    assert (times.outliers, times.high) == ((9.0,), 9.0)
