from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from measure_answers import endpoint

from pytest_modal_bench.protocol import routes

KNOWN = {"/v1/generate": ["post", "get"], "/upscale/": ["post"], "/items/{id}": ["get"], "/health": ["get"]}


def said(path: str, method: str = "POST", known: dict[str, list[str]] = KNOWN) -> list[str]:
    paths: routes.Paths = {route: {each: {} for each in methods} for route, methods in known.items()}
    return list(routes.missing(endpoint(path, method=method), paths))


@pytest.mark.parametrize(
    ("path", "way_out"),
    [
        ("/generate", "POST /v1/generate is there: did you mean /v1/generate?"),
        ("/api/v1/generate", "POST /v1/generate is there: did you mean /v1/generate?"),
        ("/v1/genrate", "POST /v1/generate is there: did you mean /v1/generate?"),
        ("/upscale", "POST /upscale/ is there: write the path with its slash"),
        ("/v1/generate/", "POST /v1/generate is there: write the path without the slash"),
        ("/zzz", "it has POST /v1/generate, POST /upscale/, GET /items/{id}, GET /health"),
    ],
)
def test_a_path_that_is_not_there_is_told_with_the_one_that_is(path: str, way_out: str) -> None:
    assert said(path) == [f"the app's /openapi.json knows no POST {path}: {way_out}"]


def test_a_method_that_is_not_there_is_told_with_those_that_are() -> None:
    assert said("/v1/generate", "PUT") == [
        'the app\'s /openapi.json knows no PUT /v1/generate: the route takes POST, GET: write method = "POST"'
    ]


def test_a_route_with_parameters_answers_the_paths_that_fit_it() -> None:
    assert said("/items/5", "GET") == []
    assert said("/items/5/6", "GET") != []
    assert said("/items/", "GET") != []


@given(
    st.text(), st.dictionaries(st.text(), st.lists(st.sampled_from(routes.METHODS), min_size=1), max_size=5)
)
def test_whatever_routes_there_are_a_line_says_what_is_missing(
    path: str, known: dict[str, list[str]]
) -> None:
    path = f"/{path}"
    assert len(said(path, known=known)) <= 1
    assert said(path, known=known | {path: ["post"]}) == []
