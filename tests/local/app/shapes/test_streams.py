from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pytest

from pytest_modal_bench.local.app.gpu import Gpu
from pytest_modal_bench.local.app.shapes import streams
from pytest_modal_bench.local.app.shapes.forms import Answer, Chunks, Events
from pytest_modal_bench.local.app.shapes.route import Route
from pytest_modal_bench.local.app.shapes.streams import Part, parts_of_file, parts_of_text
from pytest_modal_bench.local.workspace import shape_faults as faults
from pytest_modal_bench.local.workspace.apps import Endpoint
from pytest_modal_bench.local.workspace.faults import Blank

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_modal_bench.local.workspace.faults import AnyFault

TOKENS = ["a", " b", " c", " d"]


def text(fault: AnyFault | None, form: str = "openai") -> list[Part]:
    answer = Answer(1, TOKENS, "stop")
    made = Chunks(answer, include_usage=False) if form == "openai" else Events(answer)
    return parts_of_text(made, TOKENS, fault)


def body(parts: Sequence[Part]) -> bytes:
    return b"".join(part.body for part in parts)


def test_a_sound_text_has_an_output_for_each_token() -> None:
    for fault in (None, Blank()):
        parts = text(fault)
        assert [part.is_output for part in parts] == [False, *[True] * 4, False, False]
        assert all(part.then is None for part in parts)
        assert body(parts).endswith(b"data: [DONE]\n\n")


@pytest.mark.parametrize(("at", "kept"), [("start", 0), ("middle", 2), ("end", 4)])
def test_an_error_takes_the_place_of_a_token_and_the_stream_ends_as_it_should(at: str, kept: int) -> None:
    parts = text(faults.StreamError(at=at, message="lost"))  # type: ignore[arg-type]

    assert sum(part.is_output for part in parts) == kept + 1
    assert b'"message":"lost"' in parts[1 + kept].body
    assert parts[-1].body == b"data: [DONE]\n\n"


def test_an_unfinished_text_lacks_all_that_says_it_is_complete() -> None:
    made = body(text(faults.Unfinished()))

    assert b'" d"' in made
    assert b"[DONE]" not in made
    assert b'"stop"' not in made
    assert b'"done":true' not in body(text(faults.Unfinished(), "events"))


def test_a_cut_text_ends_inside_an_event() -> None:
    whole, cut = body(text(None, "events")), body(text(faults.CutEvent(), "events"))

    assert whole.startswith(cut)
    assert not cut.endswith(b"\n")


def test_a_text_without_output_begins_and_ends_as_it_should() -> None:
    parts = text(faults.NoOutput())

    assert not any(part.is_output for part in parts)
    assert b'"role":"assistant"' in parts[0].body
    assert parts[-1].body == b"data: [DONE]\n\n"


@pytest.mark.parametrize(("fault", "then"), [(faults.Stall(), "stall"), (faults.Dies(), "die")])
def test_a_stream_can_stop_in_its_middle(fault: AnyFault, then: str) -> None:
    assert [part.then for part in text(fault)] == [None, None, None, then, None, None, None]
    assert [part.then for part in parts_of_file(b"head", [b"1", b"2"], fault)] == [None, None, then]


def test_a_file_is_its_header_and_then_its_pieces() -> None:
    assert body(parts_of_file(b"head", [b"1", b"2"], None)) == b"head12"
    assert body(parts_of_file(b"head", [b"1", b"2"], faults.NoOutput())) == b"head"


def moments(parts: Sequence[Part], endpoint: Endpoint, seconds: float = 10) -> list[tuple[bytes, float]]:
    """When each part comes, in seconds since the route was asked; whatever has not come by the end is left out."""
    gpu = Gpu({"/": endpoint}, time_scale=1, seed=1)
    came: list[tuple[bytes, float]] = []

    async def listen() -> None:
        began = time.monotonic()
        pieces = streams._paced(Route("/", endpoint, gpu, None), parts)  # noqa: SLF001 - its pace
        async for piece in pieces:
            came.append((piece, time.monotonic() - began))  # noqa: PERF401 - what has come, should it be cut off

    async def run() -> None:
        try:
            async with asyncio.timeout(seconds):
                await listen()
        except TimeoutError:
            assert seconds < 10, "it should have ended"

    asyncio.run(run())
    return came


def test_what_comes_before_the_first_output_waits_for_nothing_and_the_rest_keeps_pace() -> None:
    endpoint = Endpoint(body="chat", load=0.2, inference=0.2, step=0.1)
    came = moments(
        [Part(b"head"), Part(b"1", is_output=True), Part(b"2", is_output=True), Part(b"end")], endpoint
    )
    (_, head), (_, first), (_, second), (_, end) = came

    assert [piece for piece, _ in came] == [b"head", b"1", b"2", b"end"]
    assert head < 0.2
    assert first >= 0.38  # both vary by a few per cent
    assert second - first >= 0.1
    assert end - second < 0.1


def test_a_stream_that_stalls_keeps_still() -> None:
    came = moments(
        [Part(b"head"), Part(b"1", is_output=True, then="stall"), Part(b"2", is_output=True)],
        Endpoint(body="chat", load=0, inference=0),
        seconds=0.2,
    )

    assert [piece for piece, _ in came] == [b"head", b"1"]
