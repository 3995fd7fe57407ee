"""The workspace `shapes` as its clients see it: streams come bit by bit, and break as real ones do."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
import requests

from pytest_modal_bench.local.launch import LocalWorkspace, launch

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("prepared_programs")

SCALE = 0.05
"""A token comes each millisecond, and a sound's piece each four."""
TRIAL = """
summary = "what happens between a container and its client"
[resources]
image = true
video = true
mask = true
lora = true
[faults]
"/v1/chat/completions" = { kind = "stall" }
"/v1/completions" = { kind = "reset" }
"/events" = { kind = "dies" }
"/api/generate" = { kind = "truncate" }
"embed:/" = { kind = "kill" }
"""
PROMPT = {"prompt": "Say a few words about a lake"}
CHAT = {"messages": [{"role": "user", "content": PROMPT["prompt"]}], "stream": True}


@pytest.fixture(scope="module")
def healthy() -> Iterator[LocalWorkspace]:
    with launch("healthy", SCALE, catalogue="shapes") as workspace:
        yield workspace


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalWorkspace]:
    file: Path = tmp_path_factory.mktemp("scenario") / "trial.toml"
    file.write_text(TRIAL)
    with launch(str(file), 0.01, catalogue="shapes") as workspace:
        yield workspace


def post(  # noqa: PLR0913 - a call, and how it is received
    workspace: LocalWorkspace, app: str, path: str, body: Any, *, stream: bool = False, patience: float = 20
) -> requests.Response:
    return requests.post(workspace.urls[app] + path, json=body, stream=stream, timeout=patience)


def test_a_stream_reaches_its_client_token_by_token(healthy: LocalWorkspace) -> None:
    post(healthy, "chat", "/v1/chat/completions", CHAT)  # the container starts, and loads the model
    with post(healthy, "chat", "/v1/chat/completions", CHAT, stream=True) as answer:
        came = [time.monotonic() for line in answer.iter_lines(chunk_size=1) if line.startswith(b"data:")]

    # 42 tokens, one a millisecond; a busy machine adds to it.
    assert len(came) > 40
    assert came[-1] - came[0] > 0.03


def test_a_sound_begins_before_it_is_made(healthy: LocalWorkspace) -> None:
    body = {"input": "a" * 600}
    post(healthy, "speech", "/v1/audio/speech", body)
    began = time.monotonic()
    with post(healthy, "speech", "/v1/audio/speech", body, stream=True) as answer:
        assert len(answer.raw.read(44)) == 44
        header = time.monotonic() - began
        assert len(answer.raw.read()) == 2 * 24_000 * 24
        whole = time.monotonic() - began

    # 100 pieces, four milliseconds each.
    assert whole - header > 0.3


def test_the_addresses_in_an_answer_can_be_fetched(healthy: LocalWorkspace) -> None:
    answer = post(healthy, "images", "/v1/images/generations", PROMPT | {"width": 32, "height": 32})
    (item,) = answer.json()["data"]

    assert item["url"].startswith(healthy.urls["images"])
    assert requests.get(item["url"], timeout=60).content.startswith(b"\x89PNG")


def test_a_job_goes_on_while_its_client_is_away(healthy: LocalWorkspace) -> None:
    small = PROMPT | {"width": 32, "height": 32}
    call = post(healthy, "jobs", "/submit", small).json()["call_id"]
    url = f"{healthy.urls['jobs']}/result/{call}"
    deadline = time.monotonic() + 20
    while (answer := requests.get(url, timeout=60)).status_code == 202:
        assert time.monotonic() < deadline
        time.sleep(0.05)

    assert answer.content.startswith(b"\x89PNG")


def test_the_test_voice_is_good_for_the_endpoint_that_hears(healthy: LocalWorkspace) -> None:
    voice = healthy.resources["voice"]
    assert voice is not None
    url = healthy.urls["speech"] + "/v1/audio/transcriptions"
    answer = requests.post(url, files={"file": ("voice.wav", voice)}, timeout=20)

    assert "seconds of sound" in answer.json()["text"]


def test_a_client_that_leaves_a_stalled_stream_sets_its_container_free(trial: LocalWorkspace) -> None:
    with (
        post(trial, "chat", "/v1/chat/completions", CHAT, stream=True, patience=2) as answer,
        pytest.raises(requests.ConnectionError, match="timed out"),
    ):
        list(answer.iter_lines(chunk_size=1))
    whole = post(trial, "chat", "/v1/chat/completions", CHAT | {"stream": False})
    assert whole.json()["object"] == "chat.completion"


def test_a_connection_can_be_reset_in_the_middle_of_a_stream(trial: LocalWorkspace) -> None:
    with pytest.raises(requests.exceptions.ChunkedEncodingError, match="Connection reset by peer"):
        post(trial, "chat", "/v1/completions", PROMPT | {"stream": True})


def test_a_container_can_die_in_the_middle_of_a_stream(trial: LocalWorkspace) -> None:
    for _ in range(2):
        with post(trial, "chat", "/events", PROMPT, stream=True) as answer:
            assert answer.status_code == 200
            with pytest.raises(requests.exceptions.ChunkedEncodingError):
                list(answer.iter_lines(chunk_size=1))


def test_the_way_to_the_client_can_end_in_the_middle_of_a_stream(trial: LocalWorkspace) -> None:
    with pytest.raises(requests.exceptions.ChunkedEncodingError, match="IncompleteRead"):
        post(trial, "chat", "/api/generate", PROMPT)


def test_one_function_of_an_app_can_be_killed_and_the_others_answer(trial: LocalWorkspace) -> None:
    killed = post(trial, "embed", "/", {"input": "x"})

    assert (killed.status_code, killed.text) == (
        500,
        "modal-http: internal error: function was terminated by signal\n",
    )
    assert post(trial, "speak", "/", {"input": "x"}).headers["X-GPU-Type"] == "T4"
