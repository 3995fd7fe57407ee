"""Routes that answer JSON alone: a text as a vector, and an image in words."""

from __future__ import annotations

import hashlib
import math
import struct
from typing import TYPE_CHECKING

from fastapi import FastAPI, HTTPException, Response
from pydantic import BaseModel

from pytest_modal_bench.local.app.codec import BadInputError, from_data_uri, read_image
from pytest_modal_bench.local.app.shapes import text
from pytest_modal_bench.local.app.shapes.forms import written
from pytest_modal_bench.local.app.shapes.route import JSON

if TYPE_CHECKING:
    from PIL import Image

    from pytest_modal_bench.local.app.shapes.route import Route

DIMENSIONS = 16
_COLOURS = ("red", "green", "blue")


class EmbeddingRequest(BaseModel):
    """A text that is to become a vector."""

    input: str


class CaptionRequest(BaseModel):
    """An image that is to be put into words."""

    image: str


def add_embedding(web: FastAPI, route: Route) -> None:
    """Add a route that answers the vector of a text, as OpenAI's API does."""

    async def embed(body: EmbeddingRequest) -> Response:
        def work() -> bytes:
            data = [{"index": 0, "object": "embedding", "embedding": vector(body.input)}]
            return written({"object": "list", "data": data})

        return await route.answer(work, JSON)

    web.post(route.path, response_class=Response, responses={200: {"content": {JSON: {}}}})(embed)


def add_caption(web: FastAPI, route: Route) -> None:
    """Add a route that says what an image shows, as far as its size and its colours go."""

    async def caption(body: CaptionRequest) -> Response:
        try:
            image = read_image(from_data_uri(body.image, "image"), "image")
        except BadInputError as error:
            raise HTTPException(400, str(error)) from error
        return await route.answer(lambda: written({"caption": words(image)}), JSON)

    web.post(route.path, response_class=Response, responses={200: {"content": {JSON: {}}}})(caption)


def vector(said: str) -> list[float]:
    """Sum up the hashes of a text's tokens, and scale them to a length of 1."""
    sums = [0.0] * DIMENSIONS
    for token in text.tokens(said) or [""]:
        digest = hashlib.sha256(token.encode()).digest()
        for number, value in enumerate(struct.unpack(f"<{DIMENSIONS}h", digest)):
            sums[number] += value
    length = math.hypot(*sums) or 1.0
    return [round(value / length, 6) for value in sums]


def words(image: Image.Image) -> str:
    """Say how large an image is, and which colour prevails."""
    levels = image.resize((1, 1)).getpixel((0, 0))
    assert isinstance(levels, tuple)  # noqa: S101 - it is RGB
    return f"An image of {image.width} x {image.height} pixels, mostly {_COLOURS[levels.index(max(levels))]}"
