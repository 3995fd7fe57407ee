from __future__ import annotations

from typing import TYPE_CHECKING

from project import SHIPPED_CATALOGUE

from pytest_modal_bench.plugin.settings.session_inputs import catalogue, pools

if TYPE_CHECKING:
    from project import Project


def test_what_is_read_once_stays(one: Project) -> None:
    config = one.pytester.parseconfig()

    assert catalogue(config) is catalogue(config)


def test_workspace_and_environment_of_the_session_win_over_the_catalogues(project: Project) -> None:
    project.catalogue("https://{workspace}-{environment}--shop.modal.run", "/ok", more='environment = "main"')

    def url(*args: str) -> str:
        return catalogue(project.pytester.parseconfig(*args)).endpoints[0].url

    assert url() == "https://acme-main--shop.modal.run"
    assert url("--modal-bench-workspace=local") == "https://acme-main--shop.modal.run"
    assert (
        url("--modal-bench-workspace=other", "--modal-bench-environment=dev")
        == "https://other-dev--shop.modal.run"
    )


def test_pools_of_the_shipped_catalogue(project: Project) -> None:
    assert pools(project.pytester.parseconfig(f"--modal-bench-catalogue={SHIPPED_CATALOGUE}")) == 8
