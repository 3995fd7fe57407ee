from __future__ import annotations

import datetime as dt

from msgspec import structs

from pytest_modal_bench.model import Endpoint, EndpointResult, Sample
from pytest_modal_bench.protocol import outcome
from pytest_modal_bench.run.results import Results


def endpoint(name: str) -> Endpoint:
    return Endpoint(id=name, name=name, path=f"/{name}", app="app", url="", pool="", category="Images")


A, B = endpoint("a"), endpoint("b")


def success(of: Endpoint, seconds: float = 1.0) -> EndpointResult:
    sample = Sample(start="warm", ok=True, elapsed_sec=seconds, started_at="2026-02-02T12:22:58+00:00")
    return outcome.summarise(of, [sample], deadline_sec=10)


def failure(of: Endpoint) -> EndpointResult:
    return outcome.failed(of, "HTTP 500: boom", "application")


def results() -> Results:
    kept = Results(strict=False, today=dt.date(2026, 2, 2))
    kept.select([A, B])
    return kept


def test_what_has_not_been_run_says_so_in_catalogue_order() -> None:
    assert [(each.id, each.status, each.verdict) for each in results().all()] == [
        ("a", "not_run", "SKIP"),
        ("b", "not_run", "SKIP"),
    ]


def test_order_is_the_catalogues_whatever_comes_first() -> None:
    kept = results()
    kept.keep(success(B))
    kept.keep(success(A))
    assert [each.id for each in kept.all()] == ["a", "b"]


def test_a_rerun_replaces_what_its_test_gave_before_and_how_it_ended() -> None:
    kept = results()
    kept.begin("a", "test[a]")
    kept.keep(failure(A))
    kept.end("a", "test[a]", "failed")
    assert kept.of("a").verdict == "FAIL"

    kept.begin("a", "test[a]")
    kept.keep(success(A))
    kept.end("a", "test[a]", "passed")
    assert (kept.of("a").status, kept.of("a").verdict) == ("success", "PASS")
    assert [each.outcome for each in kept.of("a").tests] == ["passed"]


def test_an_endpoint_fails_if_one_of_its_tests_does_and_keeps_what_it_did() -> None:
    kept = results()
    kept.keep(success(A, 2.0))
    kept.end("a", "test_endpoint[a]", "passed")
    kept.end("a", "test_size[a]", "failed", "too small")
    kept.end("a", "test_again[a]", "passed")

    known = kept.of("a")
    assert (known.status, known.error, known.warm_time_sec) == ("success", None, 2.0)
    assert (known.verdict, known.reasons) == ("FAIL", ["too small"])


def test_the_worst_part_of_a_test_is_how_it_ended() -> None:
    kept = results()
    kept.keep(success(A))
    kept.end("a", "test[a]", "failed", "first subtest")
    kept.end("a", "test[a]", "passed")
    kept.end("a", "test[a]", "error", "teardown")
    (test,) = kept.of("a").tests
    assert (test.outcome, test.message) == ("failed", "first subtest")


def test_a_skipped_check_does_not_hide_a_measurement() -> None:
    kept = results()
    kept.keep(success(A, 2.0))
    kept.keep(outcome.skipped(A, "not today"))
    kept.end("a", "test_size[a]", "skipped", "not today")

    assert (kept.of("a").status, kept.of("a").verdict, kept.of("a").warm_time_sec) == ("success", "PASS", 2.0)


def test_a_failure_is_not_hidden_by_a_skip_either() -> None:
    kept = results()
    kept.keep(failure(A))
    kept.keep(outcome.skipped(A, "not today"))
    assert kept.of("a").status == "failed"


def test_the_verdict_follows_what_comes_later() -> None:
    kept = results()
    kept.keep(success(A))
    assert kept.of("a").verdict == "PASS"
    kept.end("a", "test_late[a]", "error", "teardown")
    assert kept.of("a").verdict == "ERROR"


def test_under_strict_a_skip_is_a_failure_of_its_verdict_not_of_its_status() -> None:
    kept = Results(strict=True, today=dt.date(2026, 2, 2))
    kept.select([A])
    kept.keep(outcome.skipped(A, "Missing: LoRA file"))
    assert (kept.of("a").status, kept.of("a").verdict) == ("skipped", "FAIL")


def test_results_of_tests_are_not_those_of_the_measurement() -> None:
    measured = success(A)
    kept = results()
    kept.keep(measured)
    kept.end("a", "test[a]", "failed", "too dark")
    assert structs.replace(kept.of("a"), tests=[], verdict=None, reasons=[]) == measured
