from __future__ import annotations

import base64
import io
import zlib
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from pytest_modal_bench.local.app import codec, drawing, media
from pytest_modal_bench.local.app.faulty_answers import replacement, with_fault
from pytest_modal_bench.local.app.media import decode
from pytest_modal_bench.local.workspace.faults import (
    Blank,
    Bomb,
    Cached,
    Echo,
    Empty,
    Garbage,
    HostileText,
    Html,
    JsonError,
    Still,
    TruncateMedia,
    WrongSize,
)

if TYPE_CHECKING:
    from pytest_modal_bench.local.workspace.faults import AnyFault

PICTURE = drawing.paint("a lake", 1, (64, 48))
PNG = codec.png(PICTURE)
WEBP = codec.webp(drawing.animate(PICTURE, 5), 16)
MP4 = codec.mp4(drawing.animate(PICTURE, 5), PICTURE.size, 16)
ANSWERS = pytest.mark.parametrize("answer", [PNG, WEBP, MP4], ids=["png", "webp", "mp4"])
MOVING = pytest.mark.parametrize("answer", [WEBP, MP4], ids=["webp", "mp4"])


def levels(frames: media.Media) -> set[object]:
    """Darkest and lightest level of each frame."""
    return {frame.convert("L").getextrema() for frame in frames.frames}


@ANSWERS
@pytest.mark.parametrize("fault", [None, Cached(), Html()])
def test_sound_media_are_left_alone(answer: bytes, fault: AnyFault | None) -> None:
    assert with_fault(fault, answer, None) == answer


@ANSWERS
def test_a_blank_answer_is_like_the_real_one_but_black(answer: bytes) -> None:
    real, black = decode(answer), decode(with_fault(Blank(), answer, None))
    assert (black.kind, black.size, black.fps) == (real.kind, real.size, real.fps)
    assert len(black.frames) == len(real.frames)
    assert levels(black) == {(0, 0)}


@MOVING
def test_a_blank_answer_may_have_more_frames(answer: bytes) -> None:
    black = decode(with_fault(Blank(frames=33), answer, None))
    assert len(black.frames) == 33
    assert levels(black) == {(0, 0)}


@MOVING
def test_a_still_answer_is_the_first_frame(answer: bytes) -> None:
    with Image.open(io.BytesIO(with_fault(Still(), answer, None))) as image:
        assert getattr(image, "n_frames", 1) == 1
        assert image.size == PICTURE.size


@ANSWERS
def test_an_answer_of_the_wrong_size_is_whole_and_half_as_wide_and_high(answer: bytes) -> None:
    real, small = decode(answer), decode(with_fault(WrongSize(), answer, None))
    assert (small.kind, small.size, len(small.frames)) == (real.kind, (32, 24), len(real.frames))


@ANSWERS
@pytest.mark.parametrize("keep", [0, 0.5, 0.9])
def test_a_truncated_file_is_the_beginning_of_one_and_does_not_open(answer: bytes, keep: float) -> None:
    rest = with_fault(TruncateMedia(keep), answer, None)
    assert answer.startswith(rest)
    assert len(rest) == int(len(answer) * keep)
    with pytest.raises((OSError, codec.BadInputError)):
        decode(rest)


@ANSWERS
def test_garbage_has_the_same_length_and_no_meaning(answer: bytes) -> None:
    noise = with_fault(Garbage(), answer, None)
    assert len(noise) == len(answer)
    assert len(zlib.compress(noise)) >= len(noise)
    with pytest.raises(OSError):  # noqa: PT011 - whatever the socket says
        decode(noise)


def test_an_empty_answer_is_empty() -> None:
    assert with_fault(Empty(), PNG, None) == b""


def test_an_echo_is_the_requests_own_bytes() -> None:
    source = "data:video/mp4;base64," + base64.b64encode(MP4).decode()
    assert with_fault(Echo(), WEBP, source) == MP4


def test_a_bomb_is_small_and_has_more_pixels_than_pillow_unpacks() -> None:
    packed = with_fault(Bomb(), PNG, None)
    assert len(packed) < 200_000
    with pytest.raises(Image.DecompressionBombError, match="900000000 pixels"):
        Image.open(io.BytesIO(packed))


@pytest.mark.parametrize("side", [1, 9, 1001])
def test_a_bomb_is_a_whole_png(side: int) -> None:
    with Image.open(io.BytesIO(with_fault(Bomb(side), PNG, None))) as image:
        image.load()
        assert image.size == (side, side)
        assert image.getextrema() == (0, 0)


def test_replacements_are_pages_and_texts() -> None:
    page, error = replacement(Html()), replacement(JsonError())
    assert page is not None
    assert page[:2] == (200, "text/html")
    assert page.body.startswith(b"<!DOCTYPE html>")
    assert error is not None
    assert error[:2] == (200, "application/json")
    assert b'"error":' in error.body
    assert replacement(Blank()) is replacement(None) is None


@pytest.mark.parametrize("size", [1, 2_000, 10_000_000])
def test_hostile_text_is_as_long_as_asked_for(size: int) -> None:
    text = replacement(HostileText(size))
    assert text is not None
    assert text.status == 500
    assert len(text.body) == size


@pytest.mark.parametrize(
    "snippet",
    ["|", "```", "\n", "\r\n", "<script>", "@team", "#1", "\x1b[31m", "\0", "]]>", "::error::", "\u202e"],
)
def test_hostile_text_has_what_breaks_those_who_do_not_escape_it(snippet: str) -> None:
    text = replacement(HostileText())
    assert text is not None
    assert snippet.encode() in text.body
