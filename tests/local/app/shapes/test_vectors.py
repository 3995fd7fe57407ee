from __future__ import annotations

import base64
import math
from typing import TYPE_CHECKING

import pytest
from PIL import Image
from shape_apps import ShapeApp

from pytest_modal_bench.local.app import codec
from pytest_modal_bench.local.app.shapes import vectors
from pytest_modal_bench.local.workspace.shape_faults import Accepted

if TYPE_CHECKING:
    from collections.abc import Sequence


def angle(one: Sequence[float], other: Sequence[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))


def test_a_vector_has_a_length_of_1_and_likes_texts_that_share_words() -> None:
    lake, shore, other = map(vectors.vector, ("the lake at dawn", "the lake at noon", "zebras run"))

    assert math.hypot(*lake) == pytest.approx(1, abs=1e-5)
    assert angle(lake, shore) > angle(lake, other)
    assert len(vectors.vector("")) == vectors.DIMENSIONS


def test_a_text_becomes_a_vector() -> None:
    (item,) = ShapeApp("embed").post("/", {"input": "a lake"}).json()["data"]

    assert item["embedding"] == vectors.vector("a lake")


@pytest.mark.parametrize("colour", ["red", "green", "blue"])
def test_an_image_is_put_into_words(colour: str) -> None:
    image = base64.b64encode(codec.png(Image.new("RGB", (24, 16), colour))).decode()

    assert ShapeApp("caption").post("/", {"image": image}).json() == {
        "caption": f"An image of 24 x 16 pixels, mostly {colour}"
    }


def test_what_is_no_image_is_refused() -> None:
    assert ShapeApp("caption").post("/", {"image": "bm8gaW1hZ2U="}).status_code == 400


def test_any_function_can_accept_and_never_answer() -> None:
    for name, body in (("embed", {"input": "x"}), ("draw", {"prompt": "x", "width": 16, "height": 16})):
        answer = ShapeApp(name).post("/", body, Accepted())
        assert (answer.status_code, list(answer.json())) == (202, ["call_id"])
