from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pytest_modal_bench.local.app.shapes import sound
from pytest_modal_bench.local.workspace import shape_faults as faults
from pytest_modal_bench.local.workspace.faults import AnyFault, Blank, Empty, JsonError, TruncateMedia

if TYPE_CHECKING:
    import httpx
    from shape_apps import ShapeApp

STREAMED, WHOLE, HEARD = "/v1/audio/speech", "/speech", "/v1/audio/transcriptions"
ASKED = {"input": "The train leaves in five minutes", "seed": 1}


def samples(answer: httpx.Response) -> bytes:
    assert answer.headers["content-type"] == "audio/wav"
    return answer.content[44:]


def test_speech_is_the_same_sound_streamed_and_whole(speech: ShapeApp) -> None:
    streamed, whole = speech.post(STREAMED, ASKED), speech.post(WHOLE, ASKED)
    made = sound.melody("The train leaves in five minutes", 1)

    assert samples(streamed) == samples(whole) == sound.pcm(made.samples)
    assert whole.content == sound.wav(made)
    assert streamed.content[:44] == sound.header(sound.RATE, None)
    assert "content-length" not in streamed.headers


@pytest.mark.parametrize("path", [STREAMED, WHOLE])
def test_it_can_be_silent_or_at_another_rate(speech: ShapeApp, path: str) -> None:
    right, silent, slow = (
        samples(speech.post(path, ASKED, fault)) for fault in (None, Blank(), faults.WrongRate())
    )

    assert silent == bytes(len(right))
    assert len(slow) == len(right) // 2
    rate = speech.post(path, ASKED, faults.WrongRate()).content[24:28]
    assert int.from_bytes(rate, "little") == 12_000


@pytest.mark.parametrize(
    ("path", "fault", "size"),
    [
        (STREAMED, faults.NoOutput(), 44),
        (STREAMED, Empty(), 0),
        (WHOLE, Empty(), 0),
        (WHOLE, TruncateMedia(keep=0.5), (44 + 2 * 11 * 2880) // 2),
    ],
)
def test_it_can_end_early(speech: ShapeApp, path: str, fault: AnyFault, size: int) -> None:
    assert len(speech.post(path, ASKED, fault).content) == size


@pytest.mark.parametrize("path", [STREAMED, WHOLE])
def test_it_can_be_an_error_with_status_200(speech: ShapeApp, path: str) -> None:
    answer = speech.post(path, ASKED, JsonError())

    assert (answer.status_code, answer.json()["type"]) == (200, "OutOfMemoryError")


def hear(speech: ShapeApp, data: bytes, **faults_: AnyFault) -> httpx.Response:
    files = {"file": ("voice.wav", data, "audio/wav")}
    answer: httpx.Response = speech.play(lambda client: client.post(HEARD, files=files), **faults_)
    return answer


def test_a_transcription_says_what_is_heard_in_the_file(speech: ShapeApp) -> None:
    voice = hear(speech, sound.voice_wav()).json()
    other = hear(speech, sound.wav(sound.melody("Another", 7))).json()

    assert voice["text"].startswith("2.3 seconds of sound: ")
    assert voice["duration"] == pytest.approx(2.28)
    assert voice["text"] != other["text"]
    assert hear(speech, sound.wav(sound.silent(sound.melody("x" * 30, 1)))).json()["text"].endswith("silence")


@pytest.mark.parametrize("data", [b"no sound", b""])
def test_a_file_that_is_no_sound_is_refused(speech: ShapeApp, data: bytes) -> None:
    assert hear(speech, data).status_code in {400, 422}


def test_the_schema_says_that_a_file_is_wanted(speech: ShapeApp) -> None:
    described: Any = speech.play(lambda client: client.get("/openapi.json")).json()
    content = described["paths"][HEARD]["post"]["requestBody"]["content"]

    assert list(content) == ["multipart/form-data"]


@pytest.mark.parametrize("body", [{}, {"input": ""}, {"input": "x", "response_format": "mp3"}])
def test_a_request_that_it_cannot_fulfil_is_refused(speech: ShapeApp, body: object) -> None:
    assert speech.post(WHOLE, body).status_code == 422
