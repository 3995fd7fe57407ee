"""Routes of speech models: text to sound, whole and while it is made, and sound to text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import python_multipart  # noqa: F401 - FastAPI needs it for forms, and would say so only once a container starts
from fastapi import FastAPI, File, Form, HTTPException, Response
from pydantic import BaseModel, Field

from pytest_modal_bench.local.app.codec import BadInputError
from pytest_modal_bench.local.app.request_bodies import SEED
from pytest_modal_bench.local.app.shapes import sound
from pytest_modal_bench.local.app.shapes.forms import written
from pytest_modal_bench.local.app.shapes.route import JSON, Route
from pytest_modal_bench.local.app.shapes.streams import parts_of_file, streamed
from pytest_modal_bench.local.workspace.faults import Blank
from pytest_modal_bench.local.workspace.shape_faults import WrongRate

if TYPE_CHECKING:
    from pytest_modal_bench.local.app.shapes.sound import Sound
    from pytest_modal_bench.local.workspace.faults import AnyFault

WAV = "audio/wav"
PIECE_SEC = 0.24
"""How much of a sound one piece of its stream holds."""
LARGEST_BYTES = 16 * 2**20
"""Of a sound that is to be written down."""


class SpeechRequest(BaseModel):
    """A text that is to be spoken, as OpenAI's API has it."""

    model: str = "local-voice"
    input: Annotated[str, Field(min_length=1, max_length=4096)]
    voice: str = "alto"
    response_format: Literal["wav"] = "wav"
    seed: int = SEED


def add_speech(web: FastAPI, route: Route) -> None:
    """Add a route that answers with a whole WAV."""

    async def speak(body: SpeechRequest) -> Response:
        def work() -> bytes:
            return sound.wav(spoken(body, route.fault))

        # A silent or a slow sound is made as such, not changed once it is made.
        sounding = route._replace(fault=None) if isinstance(route.fault, Blank) else route
        return await sounding.answer(work, WAV)

    web.post(route.path, response_class=Response, responses={200: {"content": {WAV: {}}}})(speak)


def add_speech_stream(web: FastAPI, route: Route) -> None:
    """Add a route that answers with a WAV while it is made, of which the header does not say how long it is."""

    async def speak(body: SpeechRequest) -> Response:
        made = spoken(body, route.fault)
        length = round(PIECE_SEC * made.rate)
        pieces = [sound.pcm(made.samples[at : at + length]) for at in range(0, len(made.samples), length)]
        return streamed(route, parts_of_file(sound.header(made.rate, None), pieces, route.fault), WAV)

    web.post(route.path, response_class=Response, responses={200: {"content": {WAV: {}}}})(speak)


def spoken(body: SpeechRequest, fault: AnyFault | None) -> Sound:
    """The sound for a text, as the fault has it."""
    rate = sound.RATE // 2 if isinstance(fault, WrongRate) else sound.RATE
    made = sound.melody(body.input, body.seed, rate)
    return sound.silent(made) if isinstance(fault, Blank) else made


def add_transcription(web: FastAPI, route: Route) -> None:
    """Add a route that takes a WAV as a form's file, and says which notes are heard in it."""

    async def transcribe(
        file: Annotated[bytes, File(max_length=LARGEST_BYTES)], model: Annotated[str, Form()] = "local-ear"
    ) -> Response:
        try:
            heard = sound.read_wav(file)
        except BadInputError as error:
            raise HTTPException(400, str(error)) from error

        def work() -> bytes:
            text = f"{heard.seconds:.1f} seconds of sound: {' '.join(sound.notes(heard)) or 'silence'}"
            return written({"text": text, "duration": round(heard.seconds, 3), "model": model})

        return await route.answer(work, JSON)

    web.post(route.path, response_class=Response, responses={200: {"content": {JSON: {}}}})(transcribe)
