from __future__ import annotations

from pytest_modal_bench.catalogue import load
from pytest_modal_bench.local.workspace import apps
from pytest_modal_bench.local.workspace.catalogue import own_catalogue


def test_its_own_catalogue_is_of_the_apps_that_it_serves() -> None:
    catalogue = load(own_catalogue())

    assert {endpoint.path for endpoint in catalogue.endpoints} == apps.read().paths()
