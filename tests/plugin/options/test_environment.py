from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest
    from project import Project, Service


def test_its_name_fills_the_catalogues_urls_and_the_report(
    project: Project, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.catalogue(f"{service.url}/{{environment}}", "/ok")
    project.pytester.makeini("[pytest]\naddopts = -W error\nmodal_bench_environment = main\n")

    for args, variable, environment in (
        ([], None, "main"),
        ([], "staging", "staging"),
        (["--modal-bench-environment", "dev", "-n", "1"], "staging", "dev"),
    ):
        if variable:
            monkeypatch.setenv("MODAL_BENCH_ENVIRONMENT", variable)
        service.calls.clear()
        project.run("--modal-bench", "--modal-bench-rounds=1", *args).assert_outcomes(passed=1)
        assert set(service.calls) == {f"/{environment}/ok"}
        assert project.report()["environment"] == environment


def test_a_url_without_an_environment_to_fill_in_is_an_error(project: Project) -> None:
    project.catalogue("https://{workspace}-{environment}.example", "/ok")

    assert project.usage_error("--modal-bench") == (
        'endpoints.toml: apps.app0: url: {environment} has no value; write environment = "…" at the top of the '
        "catalogue, or give --modal-bench-environment"
    )


def test_a_bad_name_is_an_error(project: Project) -> None:
    project.catalogue("http://127.0.0.1:9", "/ok")

    assert project.usage_error("--modal-bench", "--modal-bench-environment=a b") == (
        "--modal-bench-environment: expected a name of letters, digits, '-', '_' and '.', got 'a b'"
    )
