from __future__ import annotations

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


def results() -> Results:
    kept = Results()
    kept.select([A, B])
    return kept


def test_what_has_not_been_run_says_so_in_catalogue_order() -> None:
    assert [(result.id, result.status) for result in results().settled()] == [
        ("a", "not_run"),
        ("b", "not_run"),
    ]


def test_order_is_the_catalogues_whatever_comes_first() -> None:
    kept = results()
    kept.add("test[b]", success(B), [{"name": "b"}])
    kept.add("test[a]", success(A), [{"name": "a"}])

    assert [result.id for result in kept.settled()] == ["a", "b"]
    assert kept.records() == [{"name": "a"}, {"name": "b"}]


def test_a_rerun_replaces_what_its_test_gave_before() -> None:
    kept = results()
    kept.add("test[a]", outcome.failed(A, "boom"), [{"name": "old"}])
    settled = kept.add("test[a]", success(A), [{"name": "new"}])

    assert settled.status == "success"
    assert kept.records() == [{"name": "new"}]


def test_an_endpoint_with_several_tests_has_failed_if_one_has() -> None:
    kept = results()
    kept.add("test_endpoint[a]", success(A), [])
    failed = structs.replace(success(A), status="failed", error="too small")
    kept.add("test_size[a]", failed, [])
    settled = kept.add("test_again[a]", success(A), [])

    assert (settled.status, settled.error) == ("failed", "too small")


def test_a_skipped_check_does_not_hide_a_measurement() -> None:
    kept = results()
    kept.add("test_endpoint[a]", success(A, 2.0), [])
    settled = kept.add("test_size[a]", outcome.skipped(A, "not today"), [])

    assert (settled.status, settled.warm_time_sec) == ("success", 2.0)
