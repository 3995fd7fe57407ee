from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from project import Project, Service


def starts(project: Project) -> dict[str, list[str]]:
    return {each["path"]: [s["start"] for s in each["samples"]] for each in project.report()["results"]}


def test_by_default_a_pools_first_call_is_looked_at(project: Project, service: Service) -> None:
    project.catalogue(service.url, "/ok1", "/ok2")
    project.run("--modal-bench", "--modal-bench-rounds=1").assert_outcomes(passed=2)

    assert project.report()["cold"] == "observe"
    assert starts(project) == {"/ok1": ["cold", "warm"], "/ok2": ["first", "warm"]}
    assert project.report()["results"][0]["cold_verified"] is False, "nothing proves it"


def test_off_calls_nothing_cold(project: Project, service: Service) -> None:
    project.catalogue(service.url, "/ok1", "/ok2")
    project.run("--modal-bench", "--modal-bench-cold=off", "--modal-bench-rounds=1").assert_outcomes(passed=2)

    assert starts(project) == {"/ok1": ["first", "warm"], "/ok2": ["first", "warm"]}
    assert project.report()["results"][0]["cold_time_sec"] is None


def test_an_endpoint_can_leave_its_pools_cold_start_to_another(project: Project, service: Service) -> None:
    file = project.catalogue(service.url, "/ok1", "/ok2")
    file.write_text(file.read_text().replace('path = "/ok1"', 'path = "/ok1"\ncold = false'))
    project.run("--modal-bench", "--modal-bench-rounds=1").assert_outcomes(passed=2)

    assert starts(project) == {"/ok1": ["first", "warm"], "/ok2": ["first", "warm"]}, "it was called before"


@pytest.fixture
def forcing(project: Project, service: Service, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Asks for forced cold starts, and returns the error; nobody is called."""
    file = project.catalogue(service.url, "/ok1")
    file.write_text(file.read_text().replace("[apps.app0]", '[apps.app0]\nfunction = "web"'))

    def run(*args: str, **environ: str) -> str:
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        said = project.usage_error("--modal-bench", "--modal-bench-cold=force", *args)
        assert service.calls == []
        return said

    return run


def test_forcing_is_refused_unless_an_environment_is_named(forcing: Any) -> None:
    assert "name the environment with --modal-bench-environment=NAME" in forcing()


def test_forcing_without_a_token_says_which_variables_hold_it(forcing: Any) -> None:
    said = forcing("--modal-bench-environment=staging")

    assert "MODAL_TOKEN_ID" in said
    assert "MODAL_TOKEN_SECRET" in said


def test_forcing_without_the_sdk_says_how_to_install_it(forcing: Any, project: Project) -> None:
    project.pytester.makeconftest("import sys; sys.modules['modal'] = None")
    said = forcing("--modal-bench-environment=staging", MODAL_TOKEN_ID="ak-1", MODAL_TOKEN_SECRET="as-1")  # noqa: S106

    assert "pip install 'pytest-modal-bench[modal]'" in said


def test_forcing_where_nobody_listens_says_so(forcing: Any) -> None:
    said = forcing(
        "--modal-bench-environment=staging",
        MODAL_TOKEN_ID="ak-secretid",  # noqa: S106
        MODAL_TOKEN_SECRET="as-secretsecret",  # noqa: S106
        MODAL_SERVER_URL="http://127.0.0.1:9",
    )

    assert "http://127.0.0.1:9" in said
    assert "secret" not in said


def test_forcing_needs_to_know_the_function(project: Project, service: Service) -> None:
    project.catalogue(service.url, "/ok1")
    said = project.usage_error(
        "--modal-bench", "--modal-bench-cold=force", "--modal-bench-environment=staging"
    )

    assert said.startswith("endpoints.toml: apps.app0: function: missing")


def test_a_token_without_the_sdk_costs_the_proof_and_nothing_else(
    project: Project, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = project.catalogue(service.url, "/ok1")
    file.write_text(file.read_text().replace("[apps.app0]", '[apps.app0]\nfunction = "web"'))
    project.pytester.makeconftest("import sys; sys.modules['modal'] = None")
    monkeypatch.setenv("MODAL_TOKEN_ID", "ak-1")
    monkeypatch.setenv("MODAL_TOKEN_SECRET", "as-1")
    result = project.run("--modal-bench", "--modal-bench-rounds=1")

    result.assert_outcomes(passed=1)
    note = project.report()["notes"][0]
    assert note.startswith("cold starts stay unverified: ")
    assert "pip install 'pytest-modal-bench[modal]'" in note
    result.stdout.fnmatch_lines([f"*{note[:60]}*"])


def test_the_sdk_is_imported_by_nobody_who_does_not_ask(project: Project, service: Service) -> None:
    project.catalogue(service.url, "/ok1")
    project.pytester.makeconftest(
        """
        import sys
        def pytest_unconfigure():
            loaded = {name.partition(".")[0] for name in sys.modules}
            assert not loaded & {"modal", "modal_proto", "grpclib"}
        """
    )
    assert project.run("--modal-bench", fresh=True).ret == 0
    assert project.run("--modal-bench", "--modal-bench-quick", "-n", "1").ret == 0
