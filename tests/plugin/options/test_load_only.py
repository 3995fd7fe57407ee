from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest
    from project import Project, Service


def test_without_a_load_there_is_nothing_to_be_done(project: Project, service: Service) -> None:
    project.catalogue(service.url, "/ok")

    assert project.usage_error("--modal-bench", "--modal-bench-load-only") == (
        "--modal-bench-load-only: no endpoint has a load: give one with --modal-bench-load=SPEC, or in the catalogue"
    )
    assert service.calls == []


def test_a_variable_says_it_as_well(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project.catalogue("http://127.0.0.1:9", "/ok")
    monkeypatch.setenv("MODAL_BENCH_LOAD_ONLY", "maybe")

    assert project.usage_error("--modal-bench").startswith("MODAL_BENCH_LOAD_ONLY: expected true or false")
