from __future__ import annotations

import pytest

from pytest_modal_bench.init.draft import App, Draft
from pytest_modal_bench.init.hosts import label, with_workspace


def found(*urls: str, environment: str | None = None) -> tuple[str | None, str | None, list[str]]:
    apps = [App(name=str(number), url=url) for number, url in enumerate(urls)]
    workspace, named, written = with_workspace(Draft(apps=apps, environment=environment))
    return workspace, named, [*written.values()]


def test_hosts_of_one_workspace_share_it() -> None:
    assert found("https://ryla--flux-web.modal.run", "https://ryla--lora--x.modal.run/v1") == (
        "ryla",
        None,
        ["https://{workspace}--flux-web.modal.run", "https://{workspace}--lora--x.modal.run/v1"],
    )


@pytest.mark.parametrize(
    "urls",
    [
        ("https://a--flux.modal.run", "https://b--flux.modal.run"),
        ("https://a--flux.modal.run", "https://flux.example.com"),
        ("http://127.0.0.1:8000",),
        ("http://a--flux.modal.run",),
        ("https://a--flux.modal.direct",),
    ],
)
def test_other_hosts_stay_as_they_are(urls: tuple[str, ...]) -> None:
    assert found(*urls) == (None, None, [*urls])


def test_where_modal_says_which_environment_it_is_the_address_does_too() -> None:
    template = ["https://{workspace}{environment_suffix}--flux.modal.run"]
    assert found("https://ryla-dev--flux.modal.run", environment="dev") == ("ryla", "dev", template)
    assert found("https://ryla--flux.modal.run", environment="main") == ("ryla", "main", template)


@pytest.mark.parametrize("url", ["https://ryla-d--flux.modal.run", "https://-dev--flux.modal.run"])
def test_an_address_with_another_suffix_stays_as_it_is(url: str) -> None:
    assert found(url, environment="dev") == (None, "dev", [url])


def test_where_modal_was_not_asked_the_whole_is_the_workspace() -> None:
    assert found("https://ryla-dev--flux.modal.run")[0] == "ryla-dev"


def test_an_address_of_modals_names_the_function() -> None:
    assert label("https://ryla--flux-web.modal.run/v1") == "flux-web"
    assert label("https://example.com") is None
