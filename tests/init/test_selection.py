from __future__ import annotations

from typing import TYPE_CHECKING

from openapi_documents import answering, document, drafted, post

if TYPE_CHECKING:
    from pytest_modal_bench.init.openapi.references import Schema


def chosen(paths: Schema) -> tuple[list[str], list[str]]:
    draft = drafted(document(paths))
    return [f"{entry.method} {entry.path}" for entry in draft.entries], draft.apps[0].left_out


def get(*parameters: str, **operation: object) -> Schema:
    return {"get": {"parameters": [{"name": name, "in": "query"} for name in parameters], **operation}}


def test_routes_that_do_no_work_are_left_out_and_named() -> None:
    paths = {
        "/generate": post(),
        "/health": get(),
        "/docs": get(),
        "/static/{file}": get(),
        "/models": get(**answering("application/json")),
        "/": get(**answering("text/html")),
        "/image.png": get(**answering("image/png")),
        "/search": get("query", **answering("application/json")),
    }
    measured, left_out = chosen(paths)
    assert measured == ["POST /generate", "GET /image.png", "GET /search"]
    assert left_out == ["GET /health", "GET /docs", "GET /static/{file}", "GET /models", "GET /"]


def test_an_app_of_nothing_else_is_measured_by_what_it_has() -> None:
    assert chosen({"/health": get(), "/uuid": get()}) == (["GET /uuid"], ["GET /health"])


def test_a_route_that_asks_for_a_job_is_no_endpoint_nor_left_out() -> None:
    paths = {"/submit": post(**answering("application/json", {}, "202")), "/result/{call_id}": get()}
    assert chosen(paths) == (["POST /submit"], [])
