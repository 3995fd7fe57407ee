from __future__ import annotations

from typing import Any

import pytest
from openapi_documents import answering, document, drafted, entry, fields, post

TEXT = {"type": "string"}


def get(path: str, *parameters: dict[str, Any], **operation: Any) -> Any:
    return entry({path: {"get": {"parameters": [*parameters], **operation}}})


def parameter(name: str, place: str, schema: object = None, **more: Any) -> dict[str, Any]:
    return {"name": name, "in": place, "schema": schema or TEXT, **more}


def test_category_and_description_are_the_routes_own() -> None:
    made = entry({"/work": post(tags=["Upscaling\n", "Other"], summary="Makes it larger\nand more")})
    assert (made.category, made.description) == ("Upscaling", "Makes it larger")
    assert entry({"/work": post(tags=["", " "])}).category == "trial"


def test_a_body_in_json_is_a_payload_and_one_in_a_form_is_a_form() -> None:
    schema = fields({"prompt": TEXT, "file": {"type": "string", "format": "binary"}}, "file")
    assert entry({"/work": post(schema)}).fields["payload"]["file"] == "{file}"
    assert entry({"/work": post(schema, kind="multipart/form-data")}).fields["form"]["file"] == "{file:bytes}"
    simple = entry({"/work": post(fields({"prompt": TEXT}), kind="application/x-www-form-urlencoded")})
    assert "form" in simple.fields


def test_a_multipart_form_without_a_file_says_that_it_is_sent_otherwise() -> None:
    made = entry({"/work": post(fields({"style": {"const": "a"}}, "style"), kind="multipart/form-data")})
    assert any("multipart/form-data" in note for note in made.unknown)


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ({"/a/{x}": post()}, "its path takes x, and the app gives no example of it"),
        ({"/a": post({}, kind="image/png")}, "it takes image/png, which no catalogue can send"),
        ({"/a": post({"type": "null"})}, "the app does not say what its body is"),
        ({"/a": {"delete": {}}}, "DELETE deletes what is there, and a benchmark calls it again and again"),
        ({"/a": {"put": {}}}, "PUT replaces what is there, and a benchmark calls it again and again"),
        ({"/a": {"patch": {}}}, "PATCH changes what is there, and a benchmark calls it again and again"),
        ({"/a": post(deprecated=True)}, "the app calls it deprecated"),
        ({"/a?b": post()}, "path: expected a path without ? and #; put a query in the field query"),
        ({"no-slash": post()}, "path: expected a path that begins with /"),
    ],
)
def test_what_cannot_be_called_as_it_is_is_not_measured_and_says_why(path: Any, reason: str) -> None:
    assert entry(path).off == reason


def test_an_example_that_is_too_long_is_left_out() -> None:
    made = entry({"/a": post(fields({f"f{i}": {"default": "x" * 3_000} for i in range(20)}))})
    assert made.off == "its example is too long for a catalogue"
    assert made.fields == {}


def test_examples_are_put_into_the_path() -> None:
    item = {"name": "a b", "in": "path", "schema": {"enum": ["x/y z"]}}
    assert entry({"/a/{a b}": post(parameters=[item])}).path == "/a/x%2Fy%20z"
    for dots in (".", ".."):
        assert get("/a/{x}", parameter("x", "path", example=dots)).off is not None


def test_of_the_query_what_must_be_given_or_has_a_value_is() -> None:
    made = get(
        "/a",
        parameter("size", "query", {"type": "integer", "default": 3}),
        parameter("style", "query"),
        parameter("model", "query", required=True),
        parameter("seed", "query", {"type": "integer"}),
        parameter("text", "query", example="hello"),
        parameter("image_url", "query"),
        parameter("mask_url", "query", required=True),
    )
    assert made.fields["query"] == {
        "size": 3,
        "model": "text",
        "seed": "{seed}",
        "text": "hello",
        "mask_url": "text",
    }
    assert made.unknown == [
        "query.model: the app gives no example",
        "query.mask_url: the app gives no example",
    ]


def test_what_the_app_gives_no_example_of_is_to_be_filled_in() -> None:
    made = entry({"/a": post(fields({f"f{i}": TEXT for i in range(10)}, *(f"f{i}" for i in range(10))))})
    (note,) = made.unknown
    assert note.startswith("payload.f0, payload.f1, ")
    assert note.endswith(" and 2 more: the app gives no example")
    assert entry({"/a": post({"type": "string"})}).unknown == ["payload: the app gives no example"]


def test_a_post_that_says_nothing_of_what_it_takes_may_take_something() -> None:
    assert entry({"/a": post()}).unknown == ["payload or form: the app does not say that it takes anything"]


def test_a_job_is_asked_for() -> None:
    submitted = post(**answering("application/json", fields({"id": TEXT})))
    paths = {"/jobs": submitted, "/jobs/{job_id}": {"get": {}}, "/jobs/{job_id}/result": {"get": {}}}
    made = entry(paths)
    assert made.fields["poll"] == {"path": "/jobs/{id}", "every": 1.0, "result": "/jobs/{id}/result"}
    guessed = entry({"/submit": post(fields({"a": {"const": 1}})), "/result/{call_id}": {"get": {}}})
    assert any("a guess" in note for note in guessed.unknown)


def test_two_routes_that_are_the_same_with_their_examples_are_one() -> None:
    paths = {"/a/x": post(), "/a/{name}": post(parameters=[parameter("name", "path", example="x")])}
    first, second = drafted(document(paths)).entries
    assert first.off is None
    assert second.off == "with these examples it is the same as another one above"


def test_a_chat_streams_whatever_the_app_says_of_it() -> None:
    made = entry({"/v1/chat/completions": post()})
    assert made.fields["stream"] == "openai"
    assert made.fields["payload"]["stream"] is True
    assert made.unknown == ["payload.model: which model the app serves (its /v1/models lists them)"]
