from __future__ import annotations

from report_runs import reference_run, result, run

from pytest_modal_bench.report.sections.recommendations import recommendations


def test_every_recommendation_is_computed_from_the_run() -> None:
    assert recommendations(reference_run()) == [
        (
            "**Keep containers warm** for production - on 3 endpoints a warm call took 4.9s"
            " where a cold one took 24.1s; Flux saves the most, 42.3s a call"
        ),
        "**Use Flux** where speed matters most - fastest warm median of 6 measured: 2.1s",
        "**Batch Flux requests** - longest cold start of 3 measured: 44.4s",
        "**Pre-warm before peak hours** - one call to 3 pools takes 72.4s of cold starts away from users",
    ]


def test_nothing_measured_recommends_nothing() -> None:
    assert recommendations(run([result(status="skipped"), result(status="failed")])) == []


def test_one_endpoint_is_neither_fastest_nor_slowest() -> None:
    sentences = recommendations(run([result(cold_time_sec=4.0, warm_time_sec=1.0, cold_verified=True)]))
    assert [sentence.split("**")[1] for sentence in sentences] == [
        "Keep containers warm",
        "Pre-warm before peak hours",
    ]
    assert "on 1 endpoint " in sentences[0]
    assert "to 1 pool takes 4.0s" in sentences[1]


def test_a_pool_is_warmed_once() -> None:
    shared = [
        result(cold_time_sec=cold, warm_time_sec=1.0, pool="one", cold_verified=True) for cold in (4.0, 6.0)
    ]
    assert recommendations(run(shared))[-1].endswith(
        "one call to 1 pool takes 6.0s of cold starts away from users"
    )


def test_warm_containers_that_save_nothing_are_not_recommended() -> None:
    slower = [result(name, cold_time_sec=1.0, warm_time_sec=2.0) for name in ("A", "B")]
    assert [sentence.split("**")[1] for sentence in recommendations(run(slower))] == [
        "Use A",
        "Batch A requests",
    ]


def test_a_failed_endpoint_is_never_the_fastest() -> None:
    failed = result("Broken", status="failed", warm_time_sec=0.001)
    measured = [result("Flux", warm_time_sec=2.0), result("Wan", warm_time_sec=3.0)]
    assert recommendations(run([failed, *measured])) == [
        "**Use Flux** where speed matters most - fastest warm median of 2 measured: 2.0s"
    ]


def test_names_are_escaped() -> None:
    measured = [result("@team *x*", warm_time_sec=1.0), result("", warm_time_sec=2.0)]
    assert recommendations(run(measured))[0].startswith(r"**Use `@`team \*x\*** where")
