from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest
    from project import Project, Service


def test_quick_measures_no_cold_start(project: Project, service: Service) -> None:
    project.catalogue(service.url, "/ok-a", "/ok-b")

    result = project.run("--modal-bench", "--modal-bench-quick", "--benchmark-columns=median")

    result.assert_outcomes(passed=2)
    report = project.report()
    assert report["quick"] is True
    assert "test_endpoint[ok-a]:warm" in result.stdout.str()
    assert ":cold" not in result.stdout.str()
    for measured in report["results"]:
        assert measured["cold_time_sec"] is None
        assert measured["warm_time_sec"] > 0
        # The call before the warm ones may have found no container: it is none of them.
        assert [sample["start"] for sample in measured["samples"]] == ["first", "warm", "warm", "warm"]


def test_without_it_the_first_call_of_a_pool_is_cold_and_that_of_the_next_endpoint_is_not(
    project: Project, service: Service
) -> None:
    project.catalogue(service.url, "/ok-a", "/ok-b")

    project.run("--modal-bench", "--modal-bench-rounds=1")

    report = project.report()
    assert report["quick"] is False
    assert [[sample["start"] for sample in measured["samples"]] for measured in report["results"]] == [
        ["cold", "warm"],
        ["first", "warm"],
    ]
    assert [measured["cold_verified"] for measured in report["results"]] == [False, None]


def test_a_value_that_is_neither_on_nor_off_is_an_error(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.catalogue("http://127.0.0.1:9", "/ok")
    monkeypatch.setenv("MODAL_BENCH_QUICK", "2")

    assert project.usage_error("--modal-bench") == "MODAL_BENCH_QUICK: expected true or false, got '2'"
