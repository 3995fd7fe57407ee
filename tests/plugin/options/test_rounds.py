from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest
    from project import Project, Service


def test_rounds_are_warm_calls(project: Project, service: Service) -> None:
    project.catalogue(service.url, "/ok")

    result = project.run("--modal-bench", "--modal-bench-rounds=5")

    result.assert_outcomes(passed=1)
    report = project.report()
    assert report["rounds"] == 5
    assert [sample["start"] for sample in report["results"][0]["samples"]] == ["cold", *["warm"] * 5]
    assert len({sample["seed"] for sample in report["results"][0]["samples"]}) == 6, "a seed was sent twice"
    assert service.calls == ["/ok"] * 6


def test_a_bad_number_is_an_error(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project.catalogue("http://127.0.0.1:9", "/ok")
    expected = "expected a whole number from 1 on, got '0'"

    assert (
        project.usage_error("--modal-bench", "--modal-bench-rounds=0") == f"--modal-bench-rounds: {expected}"
    )
    monkeypatch.setenv("MODAL_BENCH_ROUNDS", "0")
    assert project.usage_error("--modal-bench") == f"MODAL_BENCH_ROUNDS: {expected}"
