from __future__ import annotations

import base64
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageChops, ImageSequence

from pytest_modal_bench.local.app import codec


def picture(colour: str = "red", size: tuple[int, int] = (64, 48)) -> Image.Image:
    return Image.new("RGB", size, colour)


@given(st.binary(max_size=200))
def test_data_uris_and_bare_base64_come_back_as_their_bytes(data: bytes) -> None:
    bare = base64.b64encode(data).decode()
    assert codec.from_data_uri(bare, "f") == data
    assert codec.from_data_uri(f"data:image/png;base64,{bare}", "f") == data


@given(st.text(max_size=80))
def test_anything_else_is_refused_by_the_name_of_its_field(uri: str) -> None:
    try:
        codec.from_data_uri(uri, "source_image")
    except codec.BadInputError as error:
        assert str(error).startswith("source_image ")  # noqa: PT017 - base64 by chance is no error


@pytest.mark.parametrize(
    "uri",
    ["data:image/png,plain", "https://example.com/a,b", "data:image/png;base64,***", "abc", "é"],
)
def test_malformed_uris_are_refused(uri: str) -> None:
    with pytest.raises(codec.BadInputError, match=r"^field "):
        codec.from_data_uri(uri, "field")


def test_png_keeps_every_pixel() -> None:
    source = picture()
    source.putpixel((3, 4), (1, 2, 3))
    back = codec.read_image(codec.png(source), "f")
    assert back.tobytes() == source.tobytes()


@settings(max_examples=50)
@given(st.binary(max_size=100))
def test_bytes_that_are_no_media_are_refused(data: bytes) -> None:
    with pytest.raises(codec.BadInputError, match=r"^f is not an image$"):
        codec.read_image(data, "f")
    with pytest.raises(codec.BadInputError, match=r"^f is not a video$"):
        codec.read_video(data, "f")


def test_a_broken_png_is_refused() -> None:
    with pytest.raises(codec.BadInputError, match="is not an image"):
        codec.read_image(codec.png(picture())[:-30], "f")


def test_a_picture_with_too_many_pixels_is_refused_unopened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codec, "MAX_PIXELS", 100)
    with pytest.raises(codec.BadInputError, match="more than 100 pixels"):
        codec.read_image(codec.png(picture()), "f")
    with pytest.raises(codec.BadInputError, match="more than 100 pixels a frame"):
        codec.read_video(codec.mp4([picture()], (64, 48), 8), "f")


def test_webp_is_animated() -> None:
    colours = ["red", "green", "blue"]
    with Image.open(io.BytesIO(codec.webp([picture(colour) for colour in colours], fps=20))) as image:
        assert (image.format, getattr(image, "n_frames", 1), image.size) == ("WEBP", 3, (64, 48))
        image.load()
        assert image.info["duration"] == 50


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 65), st.integers(1, 65), st.integers(2, 40), st.integers(1, 60))
def test_a_webp_has_each_of_its_frames_also_where_they_are_equal(
    width: int, height: int, length: int, fps: int
) -> None:
    still = picture().resize((width, height))
    with Image.open(io.BytesIO(codec.webp([still] * length, fps, lossless=True))) as image:
        assert (image.size, getattr(image, "n_frames", 1)) == ((width, height), length)
        for frame in ImageSequence.Iterator(image):
            assert ImageChops.difference(frame.convert("RGB"), still).getbbox() is None
            assert image.info["duration"] == round(1000 / fps)


def test_mp4_holds_its_frames_at_the_asked_size_made_even() -> None:
    frames = codec.read_video(codec.mp4([picture("red"), picture("blue")], (33, 21), fps=10), "f")
    assert [(frame.width, frame.height) for frame in frames] == [(34, 22)] * 2
    reds = [codec.to_picture(frame).resize((1, 1)).getpixel((0, 0)) for frame in frames]
    assert reds[0] != reds[1]


def test_mp4_is_the_same_bytes_each_time() -> None:
    assert codec.mp4([picture()], (64, 48), 8) == codec.mp4([picture()], (64, 48), 8)


def test_a_long_video_is_read_up_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codec, "MAX_FRAMES", 3)
    assert len(codec.read_video(codec.mp4([picture()] * 9, (64, 48), 8), "f")) == 3


def test_a_still_image_is_not_a_video() -> None:
    with pytest.raises(codec.BadInputError, match=r"^source_video is not a video$"):
        codec.read_video(codec.png(picture()), "source_video")
