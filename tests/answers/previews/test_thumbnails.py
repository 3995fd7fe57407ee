from __future__ import annotations

import io
import random
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from pytest_modal_bench.answers.previews import limits, thumbnails
from pytest_modal_bench.answers.previews.thumbnails import Moments

MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr", "HSV", "I", "F", "I;16", "I;16B")
DARK, BRIGHT = 60, 195


def opened(data: bytes) -> Image.Image:
    with Image.open(io.BytesIO(data), formats=("WEBP",)) as image:
        image.load()
        return image


def shown(picture: Image.Image, form: str | None = None, **options: Any) -> Image.Image:
    """What people are shown of a picture, as it is or written as a file and read again."""
    if form is not None:
        buffer = io.BytesIO()
        picture.save(buffer, form, **options)
        picture = Image.open(io.BytesIO(buffer.getvalue()))
        picture.load()
    made = thumbnails.encoded([thumbnails.small(picture, thumbnails.ONE_SIDE)])
    assert made is not None
    return opened(made.frames[0])


def halves(left: Any, right: Any, mode: str = "RGB", side: int = 400) -> Image.Image:
    picture = Image.new(mode, (side, side // 2), left)
    picture.paste(right, (side // 2, 0, side, side // 2))
    return picture


def halves_of_16_bits(left: int, right: int, side: int = 400) -> Image.Image:
    row = left.to_bytes(2, "little") * (side // 2) + right.to_bytes(2, "little") * (side // 2)
    return Image.frombytes("I;16", (side, side // 2), row * (side // 2))


def light(picture: Image.Image, x: float, y: float = 0.5) -> int:
    level: Any = picture.convert("L").getpixel((int(picture.width * x), int(picture.height * y)))
    return int(level)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(MODES),
    st.integers(1, 500),
    st.integers(1, 500),
    st.integers(1, limits.FRAMES),
    st.sampled_from(["noise", "flat"]),
)
def test_whatever_the_picture_each_frame_is_a_webp_of_the_size_that_is_said(
    mode: str, width: int, height: int, count: int, content: str
) -> None:
    picture = Image.new("RGB", (width, height), "teal")
    if content == "noise":
        picture = Image.frombytes("RGB", (width, height), random.Random(1).randbytes(3 * width * height))
    picture = picture.convert("I").convert(mode) if mode in thumbnails.WIDE else picture.convert(mode)
    small = thumbnails.small(picture, thumbnails.ONE_SIDE)
    made = thumbnails.encoded([small] * count)

    assert max(small.size) <= thumbnails.ONE_SIDE
    assert made is not None
    assert len(made.frames) == count
    for frame in made.frames:
        assert opened(frame).size == (made.width, made.height)
        assert len(frame) <= (limits.ONE_BYTES if count == 1 else limits.SOME_BYTES)


@pytest.mark.parametrize(
    ("picture", "options"),
    [
        (halves_of_16_bits(4_000, 61_000), {"form": "PNG"}),
        (halves_of_16_bits(4_000, 61_000), {"form": "TIFF"}),
        (halves(-2.5, 40.0, "F"), {"form": "TIFF"}),
        (halves(7, 90_000, "I"), {"form": "TIFF"}),
        (halves(0, 1, "1"), {"form": "PNG"}),
        (halves("black", "white").convert("CMYK"), {"form": "JPEG"}),
        (halves("black", "white").convert("P"), {"form": "GIF"}),
        (halves("black", "white").convert("YCbCr"), {"form": "JPEG"}),
        (halves((0, 255), (255, 255), "LA"), {"form": "PNG"}),
    ],
    ids=["16 bits", "16-bit TIFF", "floats", "32 bits", "1 bit", "CMYK", "palette", "YCbCr", "LA"],
)
def test_dark_is_dark_and_bright_is_bright_in_every_mode(picture: Image.Image, options: Any) -> None:
    seen = shown(picture, **options)

    assert light(seen, 0.2) < DARK
    assert light(seen, 0.8) > BRIGHT


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_what_is_transparent_stays_so(mode: str) -> None:
    picture = halves((255, 0, 0, 255), (0, 0, 255, 0), "RGBA").convert(mode)
    alpha = shown(picture, "PNG").getchannel("A")

    assert light(alpha, 0.2) > BRIGHT
    assert light(alpha, 0.8) < DARK


@pytest.mark.parametrize("form", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_a_picture_is_shown_upright(form: str) -> None:
    exif = Image.Exif()
    exif[thumbnails.ORIENTATION] = 6  # a quarter turn clockwise shows it upright
    seen = shown(halves("black", "white"), form, exif=exif)

    assert seen.size == (thumbnails.ONE_SIDE // 2, thumbnails.ONE_SIDE)
    assert light(seen, 0.5, 0.2) < DARK
    assert light(seen, 0.5, 0.8) > BRIGHT


def test_nothing_that_a_file_holds_beside_its_pixels_is_in_a_preview() -> None:
    mark = b"hunter2 was here"
    exif = Image.Exif()
    exif[0x010E] = mark.decode()
    buffer = io.BytesIO()
    Image.new("RGB", (300, 300), "teal").save(
        buffer, "WEBP", exif=exif, xmp=b"<x>" + mark + b"</x>", icc_profile=mark * 20
    )
    picture = Image.open(buffer)
    picture.load()
    assert mark in buffer.getvalue()
    made = thumbnails.encoded([thumbnails.small(picture, thumbnails.ONE_SIDE)])

    assert made is not None
    assert mark not in made.frames[0]
    assert {"exif", "xmp", "icc_profile"}.isdisjoint(opened(made.frames[0]).info)


def test_a_thin_picture_and_a_small_one_keep_their_shape() -> None:
    assert shown(Image.new("RGB", (9000, 3))).size == (thumbnails.ONE_SIDE, 1)
    assert shown(Image.new("RGB", (40, 30))).size == (40, 30)


@given(st.integers(1, 400), st.integers(0, 800))
def test_frames_are_chosen_evenly_over_the_time_whatever_their_number_was_said_to_be(
    count: int, said: int
) -> None:
    moments = Moments()
    moments.expect(said)
    for number in range(count):
        if moments.wants_next():
            moments.add(number / 10, Image.new("L", (1, 1), number % 256))
    chosen: list[Any] = [picture.getpixel((0, 0)) for picture in moments.pictures()]

    assert chosen[0] == 0
    assert len(chosen) <= limits.FRAMES
    if said in (0, count) and 8 <= count <= 256:
        steps = [after - before for before, after in pairwise(chosen)]
        assert len(chosen) == limits.FRAMES
        assert min(steps) >= count / 10
        assert max(steps) <= count / 2


@given(st.integers(1, 400))
def test_of_frames_whose_number_is_known_no_more_than_twice_those_shown_are_made_small(count: int) -> None:
    moments = Moments()
    moments.expect(count)
    assert sum(moments.wants_next() for _ in range(count)) <= 2 * limits.FRAMES


def test_a_frame_that_is_shown_for_long_counts_for_its_time_not_once() -> None:
    moments = Moments()
    for number, at in enumerate([0.0, 0.1, 0.2, 0.3, 10.0, 20.0, 30.0]):
        assert moments.wants_next()
        moments.add(at, Image.new("L", (1, 1), number))

    assert [picture.getpixel((0, 0)) for picture in moments.pictures()] == [0, 4, 5, 6]
