from __future__ import annotations

from openapi_documents import URL, answering, document, fields, post

from pytest_modal_bench.init.openapi import documents
from pytest_modal_bench.init.openapi.references import References, Schema
from pytest_modal_bench.init.openapi.routes import MOST, Route, routes


def read(paths: Schema, **more: object) -> list[Route]:
    content = document(paths, **more)
    return [*routes(documents.read(content, URL), References(content))]


def test_methods_that_do_work_are_routes_in_the_documents_order() -> None:
    found = read({"/b": {"post": {}, "get": {}, "head": {}, "options": {}, "trace": {}}, "/a": {"put": {}}})
    assert [(route.method, route.path) for route in found] == [("POST", "/b"), ("GET", "/b"), ("PUT", "/a")]


def test_json_is_preferred_to_forms_and_forms_to_all_else() -> None:
    content = {
        "text/plain": {},
        "multipart/form-data": {},
        "application/json; charset=utf-8": {"schema": {"x": 1}},
    }
    (route,) = read({"/a": {"post": {"requestBody": {"content": content}}}})
    assert route.body is not None
    assert (route.body.media_type, route.body.kind, route.body.schema) == (
        "application/json",
        "payload",
        {"x": 1},
    )
    del content["application/json; charset=utf-8"]
    (route,) = read({"/a": {"post": {"requestBody": {"content": content}}}})
    assert route.body is not None
    assert route.body.kind == "form"
    (route,) = read({"/a": post({}, kind="text/plain")})
    assert route.body is not None
    assert route.body.kind is None


def test_only_answers_of_success_count() -> None:
    responses: Schema = {
        "200": {"content": {"Image/PNG": {}}},
        "422": {"content": {"text/html": {}}},
        "default": {},
    }
    (route,) = read({"/a": {"post": {"responses": responses}}})
    assert route.answers == {"image/png": None}
    assert not route.accepted
    (accepted,) = read({"/a": post(**answering("application/json", fields({"id": {}}), "202"))})
    assert accepted.accepted
    assert accepted.answers_json == fields({"id": {}})


def test_a_methods_own_parameters_win_over_its_paths() -> None:
    item = {
        "parameters": [{"name": "a", "in": "query", "example": 1}, {"name": "b", "in": "path"}],
        "get": {"parameters": [{"$ref": "#/components/parameters/A"}, "junk", {"in": "query"}]},
    }
    own = {"A": {"name": "a", "in": "query", "example": 2}}
    (route,) = read({"/x/{b}": item}, components={"parameters": own})
    assert [each.get("example") for each in route.parameters] == [2, None]
    assert route.path_parameters == ["b"]


def test_security_is_the_methods_own_or_the_documents_and_none_where_one_way_in_needs_nothing() -> None:
    assert read({"/a": {"post": {}}}, security=[{"key": []}])[0].security == ("key",)
    assert read({"/a": {"post": {"security": []}}}, security=[{"key": []}])[0].security == ()
    assert read({"/a": {"post": {"security": [{"key": []}, {}]}}})[0].security == ()


def test_there_are_so_many_routes_and_no_more() -> None:
    assert len(read({f"/a{number}": {"get": {}} for number in range(MOST + 10)})) == MOST
