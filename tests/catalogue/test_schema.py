from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_modal_bench.catalogue import App, Catalogue, CatalogueError, ResourcePaths
from pytest_modal_bench.model import Endpoint

apps_of_endpoints = st.lists(st.sampled_from("abcd"), max_size=8)


def catalogue(*app_of_each: str, without_url: str = "") -> Catalogue:
    """A catalogue with an endpoint for each app named; apps `a` to `d` exist, at a host of their own."""
    apps = {
        name: App(name=name, url=None if name in without_url else f"https://{name}.example/v1")
        for name in "abcd"
    }
    endpoints = tuple(
        Endpoint(
            id=f"{app}-{number}",
            name=f"{app} {number}",
            path=f"/{number}",
            app=app,
            url=f"https://{app}.example/v1",
            pool=f"https://{app}.example",
            category="All",
        )
        for number, app in enumerate(app_of_each)
    )
    return Catalogue(
        path=Path("/there/endpoints.toml"),
        workspace="acme",
        environment=None,
        apps=apps,
        endpoints=endpoints,
        resources=ResourcePaths(),
    )


@given(apps_of_endpoints)
def test_each_pool_is_listed_once_at_its_first_endpoint(apps: list[str]) -> None:
    pools = catalogue(*apps).pools

    assert set(pools) == {f"https://{app}.example" for app in apps}
    assert sorted(pools, key=[f"https://{app}.example" for app in apps].index) == list(pools)
    assert len(set(pools)) == len(pools)


def test_only_apps_with_an_endpoint_lack_a_url() -> None:
    made = catalogue("a", "b", "b", without_url="bc")

    assert [app.name for app in made.without_url] == ["b"]
    assert catalogue("a", "b").without_url == ()


@given(apps_of_endpoints)
def test_a_catalogue_served_elsewhere_has_the_same_endpoints_and_pools_at_other_urls(apps: list[str]) -> None:
    made = catalogue(*apps, without_url="d")
    served = made.with_urls({name: f"http://127.0.0.1:80{name}0/" for name in "dcba"})

    assert served.pools == made.pools
    assert [each.id for each in served.endpoints] == [each.id for each in made.endpoints]
    assert [each.url for each in served.endpoints] == [f"http://127.0.0.1:80{app}0" for app in apps]
    assert served.apps["d"].url == "http://127.0.0.1:80d0"
    assert served.without_url == ()


def test_an_app_without_endpoints_need_not_be_served_and_keeps_its_url() -> None:
    served = catalogue("a").with_urls({"a": "http://127.0.0.1:8000"})

    assert served.apps["a"].url == "http://127.0.0.1:8000"
    assert served.apps["b"].url == "https://b.example/v1"


@pytest.mark.parametrize(("urls", "served"), [({}, "no app"), ({"a": "http://127.0.0.1:1"}, "a")])
def test_an_app_that_is_not_served_is_named_with_its_file(urls: dict[str, str], served: str) -> None:
    with pytest.raises(CatalogueError) as caught:
        catalogue("a", "b").with_urls(urls)
    missing = "b" if urls else "a"
    assert str(caught.value) == (
        f"endpoints.toml: apps.{missing}: this workspace does not serve it; it serves {served}"
    )
