"""Which function adds the routes of which shape."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_modal_bench.local.app.shapes import chat, jobs, pictures, speech, vectors

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastapi import FastAPI

    from pytest_modal_bench.local.app.shapes.route import Route

SHAPES: dict[str, Callable[[FastAPI, Route], None]] = {
    "chat": chat.add_chat,
    "completion": chat.add_completion,
    "models": chat.add_models,
    "events": chat.add_events,
    "lines": chat.add_lines,
    "speech": speech.add_speech,
    "speech_stream": speech.add_speech_stream,
    "transcription": speech.add_transcription,
    "job": jobs.add_job,
    "located_job": jobs.add_located_job,
    "prediction": jobs.add_prediction,
    "task": jobs.add_task,
    "base64_image": pictures.add_base64_image,
    "base64_batch": pictures.add_base64_batch,
    "data_uris": pictures.add_data_uris,
    "image_urls": pictures.add_image_urls,
    "bundle": pictures.add_bundle,
    "embedding": vectors.add_embedding,
    "caption": vectors.add_caption,
}


def add_shape(web: FastAPI, route: Route) -> None:
    """Add the routes of a shape to an app."""
    SHAPES[route.endpoint.body](web, route)
