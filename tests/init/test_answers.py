from __future__ import annotations

from typing import Any

import pytest
from openapi_documents import answering, entry, fields, post

TEXT = {"type": "string"}


def of(kind: str, schema: object = None, body: object = None, status: str = "200") -> Any:
    return entry({"/work": post(body, **answering(kind, schema, status))})


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("image/png", "image"),
        ("image/*", "image"),
        ("video/mp4", "video"),
        ("audio/wav", "audio"),
        ("application/zip", "file"),
        ("application/octet-stream", "file"),
        ("model/gltf-binary", "file"),
    ],
)
def test_a_media_type_is_a_kind_to_expect(kind: str, expected: str) -> None:
    assert of(kind).fields["expect"] == {"kind": expected}


def test_a_drawing_in_xml_is_no_image() -> None:
    assert "expect" not in of("image/svg+xml").fields
    assert "expect" not in entry({"/image/svg": post(**answering("image/*"))}).fields


def test_media_beside_json_are_what_is_answered() -> None:
    responses: dict[str, Any] = {"200": {"content": {"application/json": {"schema": {}}, "image/png": {}}}}
    assert entry({"/work": post(responses=responses)}).fields["expect"] == {"kind": "image"}


def test_json_that_is_described_is_expected() -> None:
    assert of("application/json", fields({"score": {"type": "number"}})).fields["expect"] == {"kind": "json"}


@pytest.mark.parametrize("schema", [{}, {"title": "Response Work"}])
def test_json_that_is_not_described_is_not_believed(schema: object) -> None:
    made = of("application/json", schema)
    assert "expect" not in made.fields
    assert [(name, value) for _, name, value in made.suggested] == [("expect", {"kind": "image"})]


@pytest.mark.parametrize(
    ("schema", "at", "kind"),
    [
        (fields({"image": TEXT}), "image", "image"),
        (fields({"images": {"type": "array", "items": TEXT}}), "images.*", "image"),
        (fields({"images": {"type": "array", "items": fields({"data": TEXT})}}), "images.*.data", "image"),
        (fields({"result": fields({"video_url": TEXT})}), "result.video_url", "video"),
        (fields({"data": {"type": "array", "items": fields({"audio": TEXT})}}), "data.*.audio", "audio"),
    ],
)
def test_media_in_json_are_suggested(schema: object, at: str, kind: str) -> None:
    made = of("application/json", schema)
    assert "expect" not in made.fields
    assert [(name, value) for _, name, value in made.suggested] == [("expect", {"kind": kind, "at": at})]


def test_events_are_a_stream_and_its_switch_is_on() -> None:
    body = fields({"prompt": TEXT, "stream": {"type": "boolean", "default": False}})
    made = of("text/event-stream", body=body)
    assert made.fields["stream"] == "sse"
    assert made.fields["payload"]["stream"] is True
    assert of("application/x-ndjson").fields["stream"] == "ndjson"


def test_sound_that_can_stream_is_streamed_as_bytes() -> None:
    made = of("audio/mpeg", body=fields({"text": TEXT, "stream": {"type": "boolean"}}))
    assert made.fields["stream"] == "bytes"
    assert made.fields["payload"]["stream"] is True
    assert made.fields["expect"] == {"kind": "audio"}


def test_a_switch_alone_does_not_tell_how_it_is_streamed() -> None:
    made = of("application/json", {}, body=fields({"text": TEXT, "stream": {"type": "boolean"}}))
    assert "stream" not in made.fields
    assert made.fields["payload"]["stream"] is False
    assert ("stream", "sse") in [(name, value) for _, name, value in made.suggested]


def test_a_jobs_answer_is_that_of_the_route_that_asks_for_it() -> None:
    submitted = answering("application/json", fields({"call_id": TEXT}), "202")
    paths = {"/submit": post(**submitted), "/result/{call_id}": {"get": answering("video/mp4")}}
    made = entry(paths)
    assert made.fields == {
        "poll": {"path": "/result/{call_id}", "every": 1.0},
        "expect": {"kind": "video"},
    }
