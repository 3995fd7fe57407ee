from __future__ import annotations

from typing import get_args

import pytest
from shape_apps import SPACE, ShapeApp

from pytest_modal_bench.local.app.request_bodies import BODIES
from pytest_modal_bench.local.app.shapes.routes import SHAPES
from pytest_modal_bench.local.workspace.apps import KINDS, BodyName, ShapeName


def test_there_is_a_route_for_every_shape() -> None:
    assert list(SHAPES) == list(KINDS) == list(get_args(ShapeName))
    assert list(BODIES) == list(get_args(BodyName))


def test_the_workspace_has_an_endpoint_of_every_shape() -> None:
    used = {endpoint.body for app in SPACE.apps.values() for endpoint in app.endpoints.values()}

    assert set(get_args(ShapeName)) <= used


@pytest.mark.parametrize("name", SPACE.apps)
def test_every_endpoint_is_in_the_schema_of_its_app_with_its_method(name: str) -> None:
    paths = ShapeApp(name).play(lambda client: client.get("/openapi.json")).json()["paths"]

    for path, endpoint in SPACE.apps[name].endpoints.items():
        assert endpoint.method.lower() in paths[path]
