"""Ids and names that endpoints are given."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_modal_bench.catalogue.ids import Route, identify, title


def ids(*routes: tuple[str, str, str]) -> list[str]:
    return identify([Route(*route) for route in routes])


def test_an_id_is_the_path() -> None:
    assert ids(("a", "/flux", "POST"), ("a", "/wan2.6", "POST")) == ["flux", "wan2.6"]


def test_what_is_unfit_for_a_test_id_becomes_a_dash() -> None:
    assert ids(("a", "/v1/images:edit/", "POST"), ("a", "/a[b]", "POST")) == ["v1-images-edit", "a-b"]
    assert ids(("a", "/", "GET"), ("a", "/日本", "GET")) == ["a-root-get-1", "a-root-get-2"]


def test_endpoints_that_would_share_an_id_get_their_app_and_only_they() -> None:
    routes = ("x", "/generate", "POST"), ("y", "/generate", "POST"), ("y", "/edit", "POST")
    assert ids(*routes) == ["x-generate", "y-generate", "edit"]


def test_then_their_method_and_then_their_position() -> None:
    assert ids(("x", "/item", "GET"), ("x", "/item", "PUT")) == ["x-item-get", "x-item-put"]
    assert ids(("x", "/a/b", "GET"), ("x", "/a-b", "GET")) == ["x-a-b-get-1", "x-a-b-get-2"]


def test_an_id_with_its_app_does_not_take_that_of_another_path() -> None:
    routes = ("x", "/flux", "POST"), ("y", "/flux", "POST"), ("y", "/x-flux", "POST")
    assert ids(*routes) == ["x-flux-post", "y-flux", "y-x-flux"]


words = st.text("ab-/.1 é", max_size=4)
routes = st.builds(
    Route,
    app=st.text("ab-1", min_size=1, max_size=3),
    path=words.map("/{}".format),
    method=st.sampled_from(["GET", "POST"]),
)


@given(st.lists(routes, unique=True, max_size=12))
def test_ids_are_unique_fit_for_a_test_and_always_the_same(found: list[Route]) -> None:
    named = identify(found)
    assert len(set(named)) == len(found)
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+", each) for each in named)
    assert identify(found) == named


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/flux-dev-lora", "Flux Dev Lora"),
        ("/wan2.6-r2v", "Wan2.6 R2V"),
        ("/sdxl-instantid", "Sdxl Instantid"),
        ("/seedvr2", "Seedvr2"),
        ("/v1/image_edits/", "V1 Image Edits"),
        ("/", "/"),
    ],
)
def test_a_name_is_the_path_in_title_case(path: str, expected: str) -> None:
    assert title(path) == expected
