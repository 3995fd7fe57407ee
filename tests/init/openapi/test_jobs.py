from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from openapi_documents import URL, answering, document, fields, post

from pytest_modal_bench.init.openapi import documents, jobs
from pytest_modal_bench.init.openapi.references import References, Schema
from pytest_modal_bench.init.openapi.routes import routes

if TYPE_CHECKING:
    from pytest_modal_bench.init.openapi.jobs import Asking

GET: Schema = {"get": {"responses": {}}}


def found(paths: Schema) -> dict[str, Asking]:
    content = document(paths)
    references = References(content)
    asked_for, used = jobs.find([*routes(documents.read(content, URL), references)], references)
    assert {asking.answers for asking in asked_for.values()} <= used
    return {route.path: asking for route, asking in asked_for.items()}


def submitting(*names: str, status: str = "200") -> Schema:
    schema = fields({name: {"type": "string"} for name in names})
    return post(**answering("application/json", schema, status))


@pytest.mark.parametrize(
    ("submit", "field", "asking", "path"),
    [
        ("/submit", "call_id", "/result/{call_id}", "/result/{call_id}"),
        ("/submit", "callId", "/result/{call_id}", "/result/{callId}"),
        ("/jobs", "id", "/jobs/{job_id}", "/jobs/{id}"),
        ("/predictions", "id", "/predictions/{prediction_id}", "/predictions/{id}"),
        ("/render", "task_id", "/tasks/{task_id}/status", "/tasks/{task_id}/status"),
    ],
)
def test_a_get_that_takes_what_a_post_answers_asks_for_its_job(
    submit: str, field: str, asking: str, path: str
) -> None:
    (only,) = found({submit: submitting(field), asking: GET}).values()
    assert (only.path, only.result, only.told) == (path, None, True)


def test_a_result_may_be_another_route_than_the_state() -> None:
    paths = {"/submit": submitting("job_id"), "/jobs/{job_id}/output": GET, "/jobs/{job_id}": GET}
    (only,) = found(paths).values()
    assert (only.path, only.result) == ("/jobs/{job_id}", "/jobs/{job_id}/output")
    (only,) = found({"/submit": submitting("id"), "/result/{job_id}": GET, "/status/{job_id}": GET}).values()
    assert (only.path, only.result) == ("/status/{id}", "/result/{id}")


@pytest.mark.parametrize(
    "submit", [post(**answering("application/json", {}, "202")), post(summary="Submit a film")]
)
def test_where_the_answer_is_not_described_a_route_that_only_submits_is_guessed(submit: Schema) -> None:
    (only,) = found({"/work": submit, "/result/{call_id}": GET}).values()
    assert (only.path, only.told) == ("/result/{call_id}", False)


def test_a_guess_prefers_the_routes_below_the_submissions_own() -> None:
    paths = {
        "/submit": post(summary="Submit"),
        "/videos": post(),
        "/tasks": post(),
        "/result/{call_id}": GET,
        "/videos/{job_id}": GET,
        "/tasks/{job_id}": GET,
        "/tasks/{job_id}/image": GET,
    }
    asked = found(paths)
    assert {path: (each.path, each.result) for path, each in asked.items()} == {
        "/submit": ("/result/{call_id}", None),
        "/videos": ("/videos/{job_id}", None),
        "/tasks": ("/tasks/{job_id}", "/tasks/{job_id}/image"),
    }
    assert not any(each.told for each in asked.values())


@pytest.mark.parametrize(
    "paths",
    [
        {"/generate": post(), "/result/{call_id}": GET},
        {"/generate": submitting("image"), "/result/{call_id}": GET},
        {"/users": submitting("id"), "/users/{user_id}": GET},
        {"/submit": submitting("job_id"), "/jobs/{job_id}/{part}": GET},
        {"/submit": submitting("job_id"), "/jobs/{job_id}": {"delete": {}}},
        {"/submit": post(summary="Submit"), "/result/{call_id}": GET, "/jobs/{job_id}": GET},
    ],
)
def test_all_else_is_no_job(paths: Schema) -> None:
    assert found(paths) == {}
