from __future__ import annotations

from pathlib import Path

import pytest

from pytest_modal_bench.catalogue import load
from pytest_modal_bench.local.workspace import apps
from pytest_modal_bench.local.workspace.catalogue import NAMES, Name, is_own, named, own_catalogue


@pytest.mark.parametrize("name", NAMES)
def test_its_own_catalogues_are_of_the_apps_that_it_serves(name: Name) -> None:
    catalogue, space = load(own_catalogue(name)), apps.read(name)

    assert {(endpoint.app, endpoint.path) for endpoint in catalogue.endpoints} == {
        (app, path) for app, served in space.apps.items() for path in served.endpoints
    }
    assert apps.serving(catalogue.apps) == space.name == name


def test_the_catalogue_says_of_each_app_what_the_control_plane_says() -> None:
    catalogue, space = load(own_catalogue("shapes")), apps.read("shapes")

    for name, app in catalogue.apps.items():
        served = space.apps[name]
        assert (app.modal_app, app.function, app.gpu) == (served.modal_app, served.function, served.gpu)
        assert app.scaledown_window == served.scaledown_window


def test_the_shapes_have_cases_names_on_one_path_and_a_url_for_each_environment() -> None:
    main, staging = (load(own_catalogue("shapes"), environment=name) for name in ("main", "staging"))

    assert "large" in {endpoint.case for endpoint in main.endpoints}
    assert [each.name for each in main.endpoints if each.path == "/v1/chat/completions"] == [
        "Chat streamed",
        "Chat whole",
    ]
    assert all(each.url.startswith("https://acme--shapes-") for each in main.endpoints)
    assert all(each.url.startswith("https://acme-staging--shapes-") for each in staging.endpoints)
    assert len(main.pools) == 10


def test_a_catalogue_is_known_by_its_name() -> None:
    assert [named(name) for name in NAMES] == [own_catalogue(name) for name in NAMES]
    assert named("endpoints.toml") is None
    assert all(is_own(own_catalogue(name)) for name in NAMES)
    assert not is_own(Path("shapes.toml"))
