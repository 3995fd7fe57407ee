from __future__ import annotations

from typing import Any

import pytest

from pytest_modal_bench.answers.around_media import find_failure
from pytest_modal_bench.answers.expectation import problem
from pytest_modal_bench.answers.reported_failures import Failure
from pytest_modal_bench.model import Expect, Media

FILE = "QUJD" * 100
JSON = Media(kind="json", format="JSON", size_bytes=9, sha256="8" * 64, checked=True)


@pytest.mark.parametrize(
    ("content", "at", "failure"),
    [
        ({"images": [{"data": FILE}], "error": "oom"}, "images.*.data", ("error", "oom")),
        ({"images": [FILE], "errors": ["one", "two"]}, "images.*", ("errors", "one; two")),
        (
            {"images": [{"data": FILE}, {"data": FILE, "error": "nsfw"}]},
            "images.*.data",
            ("images.1.error", "nsfw"),
        ),
        ({"result": {"image": FILE, "status": "failed"}}, "result.image", ("result.status", "failed")),
        ({"image": FILE, "success": False}, "image", ("success", "")),
        ({"image": FILE, "text": "a lake", "data": {"x": 1}, "error": "oom"}, "image", ("error", "oom")),
        ([{"image": FILE, "error": "oom"}], "*.image", ("0.error", "oom")),
        ([{"image": FILE}, {"image": FILE, "error": "oom"}], "1.image", ("1.error", "oom")),
        ({"image": FILE, "status_code": 500}, "image", ("status_code", "500")),
    ],
)
def test_an_error_beside_media_is_a_failure(content: Any, at: str, failure: tuple[str, str]) -> None:
    assert find_failure(content, at) == Failure(*failure)
    said = problem(JSON, Expect(at=at), content=content)
    assert said is not None
    assert said.startswith(f"an error under status 200: JSON with `{failure[0]}`")


@pytest.mark.parametrize(
    "content",
    [
        {"images": [{"data": FILE, "seed": 1}], "error": None},
        {"images": [{"data": FILE}], "error": "", "errors": [], "success": True, "status": "succeeded"},
        {"images": [{"data": FILE}], "message": "done", "detail": "made in 3 s"},
        {"images": [{"data": FILE}], "id": "0123456789abcdef01234567", "job_id": "x", "created": 1},
        {"images": [{"data": FILE}], "timings": {"inference": 1.2}, "has_nsfw_concepts": [False]},
        {"images": "nothing of the kind", "seed": 1},
        {"images": [None, 7, {"data": FILE}]},
        [],
        None,
        "text",
    ],
)
def test_what_else_stands_beside_media_is_none(content: Any) -> None:
    assert find_failure(content, "images.*.data") is None


def test_a_field_for_errors_that_is_asked_for_is_none() -> None:
    assert find_failure({"image": FILE, "error": "as ordered"}, "image", ("error",)) is None


def test_an_id_beside_media_is_no_ticket_where_the_place_is_known() -> None:
    content = {"id": "0123456789abcdef01234567", "url": "https://a.test/x.png", "status": "success"}

    assert problem(JSON, Expect(at="url"), content=content) is None
    assert problem(JSON, None, content=content) is not None


def test_any_number_of_items_is_looked_at_up_to_a_limit() -> None:
    content = {"images": [{"data": FILE}] * 20_000 + [{"data": FILE, "error": "late"}]}

    assert find_failure(content, "images.*.data") is None
