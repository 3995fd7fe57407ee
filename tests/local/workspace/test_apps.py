from __future__ import annotations

import pytest

from pytest_modal_bench.local.app.gpu import USD_PER_SEC
from pytest_modal_bench.local.workspace import apps as workspace

SPACE = workspace.read()
SHAPES = workspace.read("shapes")


def test_it_has_the_reference_apps_and_endpoints_in_catalogue_order() -> None:
    assert SPACE.workspace == "ryla"
    assert list(SPACE.apps) == [
        "ryla-flux",
        "ryla-lora",
        "ryla-instantid",
        "ryla-qwen-image",
        "ryla-qwen-edit",
        "ryla-z-image",
        "ryla-wan26",
        "ryla-seedvr2",
    ]
    assert len(SPACE.paths()) == 21
    assert sum(len(app.endpoints) for app in SPACE.apps.values()) == 21


@pytest.mark.parametrize(
    ("app", "path", "cold", "first", "warm"),
    [
        ("ryla-flux", "/flux", 44.4, None, 2.1),
        ("ryla-flux", "/flux-dev", None, 29.7, None),
        ("ryla-qwen-image", "/qwen-image-2512", 15.0, None, 10.3),
        ("ryla-qwen-image", "/qwen-image-2512-fast", None, 12.4, None),
        ("ryla-z-image", "/z-image-simple", 13.0, None, 2.2),
        ("ryla-z-image", "/z-image-danrisi", None, 2.3, None),
    ],
)
def test_times_add_up_to_those_of_the_reference_report(
    app: str,
    path: str,
    cold: float | None,
    first: float | None,
    warm: float | None,
) -> None:
    endpoint = SPACE.apps[app].endpoints[path]
    if cold is not None:
        assert SPACE.apps[app].enter + endpoint.load + endpoint.inference == pytest.approx(cold)
    if first is not None:
        assert endpoint.load + endpoint.inference == pytest.approx(first)
    if warm is not None:
        assert endpoint.inference == pytest.approx(warm)


def test_containers_behave_as_the_reference_apps_are_deployed() -> None:
    for app in SPACE.apps.values():
        assert (app.scaledown_window, app.timeout, app.concurrent_inputs) == (300, 1800, 5)
        assert (app.min_containers, app.max_containers, app.buffer_containers) == (0, 3, 0)


def test_the_shapes_are_a_workspace_of_their_own_with_six_functions_of_one_app() -> None:
    functions = {name: app for name, app in SHAPES.apps.items() if app.modal_app == "shapes-functions"}

    assert not SHAPES.apps.keys() & SPACE.apps.keys()
    assert len(functions) == len({app.function for app in functions.values()}) == 6
    assert len({app.gpu for app in functions.values()}) == 6
    assert {path for app in functions.values() for path in app.endpoints} == {"/"}
    assert {app.gpu for space in (SPACE, SHAPES) for app in space.apps.values()} <= USD_PER_SEC.keys()


@pytest.mark.parametrize(
    ("key", "found"),
    [
        ("/generate", [("images", "/generate")]),
        ("images:/generate", [("images", "/generate")]),
        ("draw:/", [("draw", "/")]),
        ("chat:/generate", []),
        ("/nowhere", []),
        ("", []),
    ],
)
def test_an_endpoint_is_found_by_its_path_or_by_app_and_path(key: str, found: list[tuple[str, str]]) -> None:
    assert SHAPES.find(key) == found


def test_a_path_of_several_apps_is_found_in_each() -> None:
    assert [app for app, _ in SHAPES.find("/")] == ["draw", "animate", "retouch", "speak", "embed", "caption"]


@pytest.mark.parametrize(
    ("apps", "name"),
    [
        (["ryla-flux"], "endpoints"),
        (["chat"], "shapes"),
        (["chat", "mine"], "shapes"),
        (["mine"], "endpoints"),
        ([], "endpoints"),
    ],
)
def test_a_catalogue_is_served_by_the_workspace_that_has_its_apps(apps: list[str], name: str) -> None:
    assert workspace.serving(apps) == name


def test_the_reference_answers_pictures_and_takes_posts() -> None:
    endpoints = [endpoint for app in SPACE.apps.values() for endpoint in app.endpoints.values()]

    assert {endpoint.kinds for endpoint in endpoints} == {frozenset({"picture"})}
    assert {endpoint.method for endpoint in endpoints} == {"POST"}
