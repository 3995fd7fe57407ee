from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_modal_bench.model import Endpoint
from pytest_modal_bench.plugin.selection import possible

if TYPE_CHECKING:
    from project import Project, Service


def endpoint(path: str, category: str, app: str, *tags: str) -> Endpoint:
    return Endpoint(
        id=path.strip("/"), name=path, path=path, url="", pool=app, category=category, app=app, tags=tags
    )


ENDPOINTS = [
    endpoint("/flux", "Image", "flux-app", "fast"),
    endpoint("/flux-dev", "Image", "flux-app"),
    endpoint("/wan2", "Video Models", "wan-app", "slow"),
    endpoint("/chat", "Text", "chat-app"),
]


def selected(keyword: str = "", *args: str) -> list[str]:
    config = cast("pytest.Config", SimpleNamespace(args=[*args], option=SimpleNamespace(keyword=keyword)))
    return [each.id for each in possible(config, ENDPOINTS)]


@pytest.mark.parametrize(
    ("keyword", "ids"),
    [
        ("", ["flux", "flux-dev", "wan2", "chat"]),
        ("video", ["wan2"]),
        ("VIDEO-models", ["wan2"]),
        ("flux", ["flux", "flux-dev"]),
        ("flux and not dev", ["flux"]),
        ("fast or chat-app", ["flux", "chat"]),
        ("not image", ["wan2", "chat"]),
        ("not (image or text)", ["wan2"]),
        # No endpoint is called so: it may be the name of a test of one's own.
        ("quality", ["flux", "flux-dev", "wan2", "chat"]),
        ("not test_mine", ["flux", "flux-dev", "wan2", "chat"]),
        ("test_mine and video", ["wan2"]),
        ("test_mine and not other_test", ["flux", "flux-dev", "wan2", "chat"]),
        ("a1 or b2 or c3 or d4 or e5 or f6 or g7", ["flux", "flux-dev", "wan2", "chat"]),
        ("flux and", ["flux", "flux-dev", "wan2", "chat"]),
    ],
)
def test_what_a_keyword_may_select(keyword: str, ids: list[str]) -> None:
    assert selected(keyword) == ids


@pytest.mark.parametrize(
    ("args", "ids"),
    [
        (["endpoints.toml::test_endpoint[flux]"], ["flux"]),
        (["a.toml::test_endpoint[flux]", "tests/b.py::test_mine[wan2]"], ["flux", "wan2"]),
        (["endpoints.toml::test_endpoint[flux]", "endpoints.toml"], ["flux", "flux-dev", "wan2", "chat"]),
        (["endpoints.toml::test_endpoint"], ["flux", "flux-dev", "wan2", "chat"]),
        (["endpoints.toml"], ["flux", "flux-dev", "wan2", "chat"]),
    ],
)
def test_what_names_of_tests_may_select(args: list[str], ids: list[str]) -> None:
    assert selected("", *args) == ids


NAMES = st.sampled_from(["flux", "dev", "video", "slow", "app", "test_mine", "endpoint", "image"])
EXPRESSIONS: st.SearchStrategy[Any] = st.recursive(
    NAMES,
    lambda inner: st.one_of(
        st.builds("not ({})".format, inner),
        st.builds("({}) and ({})".format, inner, inner),
        st.builds("({}) or ({})".format, inner, inner),
    ),
    max_leaves=5,
)


@given(EXPRESSIONS)
def test_nothing_is_left_out_that_pytest_selects(keyword: str) -> None:
    from _pytest.mark.expression import Expression

    found = selected(keyword)
    for each in ENDPOINTS:
        # The names that its test has, as pytest gathers them, with words of the endpoint.
        test = f"test_endpoint[{each.id}]"
        names = ["endpoints.toml", test, each.path, each.name, each.category, str(each.app), *each.tags]
        lowered = [name.lower() for name in names]
        if Expression.compile(keyword).evaluate(lambda name, /, **_: any(name in word for word in lowered)):  # noqa: B023
            assert each.id in found


def test_auto_starts_no_worker_for_pools_that_are_not_selected(project: Project, service: Service) -> None:
    project.catalogue(service.url, "/ok1", "/ok2", "/ok3", apps=3)

    result = project.run("--modal-bench", "-n", "auto", "-k", "app1 or app2")

    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["created: 2/2 workers"])
