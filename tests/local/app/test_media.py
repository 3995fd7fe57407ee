from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageChops

from pytest_modal_bench.local.app import codec, drawing
from pytest_modal_bench.local.app.media import decode

PICTURE = drawing.paint("a lake", 1, (64, 48))
FRAMES = drawing.animate(PICTURE, 5)
FILES = {
    "png": codec.png(PICTURE),
    "webp": codec.webp(FRAMES, 16),
    "mp4": codec.mp4(FRAMES, PICTURE.size, 16),
}
KINDS = pytest.mark.parametrize("kind", FILES)

frame_rates = st.integers(1, 60)


def difference(one: Image.Image, other: Image.Image) -> int:
    """The largest difference of two pictures in any pixel and channel, of 255."""
    return max(high for _, high in ImageChops.difference(one, other).getextrema())  # type: ignore[misc]


@pytest.mark.parametrize(("kind", "frames", "fps"), [("png", 1, 1), ("webp", 5, 16), ("mp4", 5, 16)])
def test_a_file_is_decoded_into_its_kind_its_frames_and_their_rate(kind: str, frames: int, fps: int) -> None:
    media = decode(FILES[kind])

    assert (media.kind, len(media.frames), media.fps, media.size) == (kind, frames, fps, (64, 48))
    assert {frame.mode for frame in media.frames} == {"RGB"}


def test_a_png_is_decoded_to_its_exact_pixels() -> None:
    assert difference(decode(FILES["png"]).frames[0], PICTURE) == 0


@KINDS
def test_encoding_makes_a_file_of_the_same_kind_size_length_and_rate(kind: str) -> None:
    media = decode(FILES[kind])
    again = decode(media.encode())

    assert (again.kind, again.size, again.fps) == (media.kind, media.size, media.fps)
    assert len(again.frames) == len(media.frames)


@KINDS
def test_frames_can_be_exchanged_before_encoding(kind: str) -> None:
    media = decode(FILES[kind])
    white = Image.new("RGB", (32, 32), "white")
    again = decode(media._replace(frames=[white, white]).encode())

    assert again.size == (32, 32)
    assert difference(again.frames[0], white) < 10


def test_a_video_of_one_frame_is_decoded() -> None:
    media = decode(codec.mp4([PICTURE], PICTURE.size, 16))

    assert (media.kind, len(media.frames), media.fps) == ("mp4", 1, 1)


@KINDS
def test_half_a_file_is_not_decoded(kind: str) -> None:
    with pytest.raises((OSError, codec.BadInputError)):
        decode(FILES[kind][: len(FILES[kind]) // 2])


@given(st.binary(max_size=64))
def test_what_is_no_image_and_no_video_is_not_decoded(data: bytes) -> None:
    with pytest.raises((OSError, codec.BadInputError)):
        decode(data)
