from __future__ import annotations

import io
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageChops, ImageStat

from pytest_modal_bench.local.app import codec, drawing


def opened(data: bytes) -> Image.Image:
    with Image.open(io.BytesIO(data)) as image:
        assert image.format == "PNG"
        image.load()
        return image


def test_portrait_is_a_png_that_is_not_blank() -> None:
    image = opened(drawing.portrait_png())
    assert image.size == (512, 512)
    assert min(ImageStat.Stat(image).stddev) > 20


def test_mask_is_black_and_white_over_the_face_and_is_not_the_portrait() -> None:
    image = opened(drawing.mask_png())
    assert (image.mode, image.size) == ("L", (512, 512))
    left, top, right, bottom = drawing.FACE
    assert image.getpixel(((left + right) // 2, (top + bottom) // 2)) == 255
    assert image.getpixel((5, 5)) == 0
    assert image.getextrema() == (0, 255)
    assert drawing.mask_png() != drawing.portrait_png()


def test_clip_is_a_second_of_moving_h264() -> None:
    frames = codec.read_video(drawing.clip_mp4(), "clip")
    assert len(frames) == drawing.CLIP_FRAMES
    assert (frames[0].width, frames[0].height) == (256, 256)
    assert 0.9 < len(frames) / drawing.CLIP_FPS < 1.2
    stills = [codec.to_picture(frame) for frame in frames]
    assert all(ImageStat.Stat(ImageChops.difference(a, b)).sum[0] for a, b in pairwise(stills))
    assert b"avc1" in drawing.clip_mp4()


def test_test_media_are_the_same_bytes_each_time() -> None:
    for draw in (drawing.portrait_png, drawing.mask_png, drawing.clip_mp4):
        assert draw() == draw()


@settings(max_examples=25, deadline=None)
@given(st.text(max_size=40), st.integers(), st.integers(16, 90), st.integers(16, 90))
def test_paintings_have_their_size_are_not_blank_and_repeat(
    words: str, seed: int, width: int, height: int
) -> None:
    first = drawing.paint(words, seed, (width, height))
    assert first.size == (width, height)
    assert max(ImageStat.Stat(first).stddev) > 3
    assert first.tobytes() == drawing.paint(words, seed, (width, height)).tobytes()
    assert first.tobytes() != drawing.paint(words, seed + 1, (width, height)).tobytes()
    assert first.tobytes() != drawing.paint(words + "!", seed, (width, height)).tobytes()


def test_drift_moves() -> None:
    frames = drawing.animate(drawing.paint("a", 1, (64, 64)), 5)
    assert len({frame.tobytes() for frame in frames}) == 5


def test_a_face_is_put_into_the_middle_and_leaves_the_rest() -> None:
    scene, person = Image.new("RGB", (80, 60), "black"), Image.new("RGB", (40, 40), "white")
    result = drawing.put_face(scene, person)
    assert result.getpixel((40, 30)) == (230, 230, 230)
    assert result.getpixel((2, 2)) == (0, 0, 0)
    assert scene.getpixel((40, 30)) == (0, 0, 0)
