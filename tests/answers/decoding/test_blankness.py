from __future__ import annotations

import random

import media_corpus
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms, ImageDraw

from pytest_modal_bench.answers.decoding.blankness import is_blank

SIDE = 512
SRGB, LAB = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")


def noisy(low: int, high: int) -> Image.Image:
    chance = random.Random(2)
    levels = bytes(chance.randint(low, high) for _ in range(SIDE * SIDE))
    return Image.frombytes("L", (SIDE, SIDE), levels).convert("RGB")


@pytest.mark.parametrize("colour", ["black", "white", "grey", "#123456"])
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P", "CMYK"])
def test_one_colour_is_blank_in_every_mode(colour: str, mode: str) -> None:
    assert is_blank(Image.new("RGB", (SIDE, SIDE), colour).convert(mode, palette=Image.Palette.ADAPTIVE))


@pytest.mark.parametrize("mode", ["I;16", "I", "F"])
def test_wide_pixels_are_blank_if_all_are_the_same(mode: str) -> None:
    depth = Image.new(mode, (SIDE, SIDE), 300)
    assert is_blank(depth)

    depth.putpixel((1, 1), 9000)
    assert not is_blank(depth)


def test_what_lossy_coding_makes_of_a_flat_field_is_blank() -> None:
    assert is_blank(noisy(100, 106))


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_scattered_specks_do_not_make_a_blank_picture_a_picture(mode: str) -> None:
    image, chance = media_corpus.flat(side=SIDE, mode=mode), random.Random(3)
    for _ in range(200):
        image.putpixel(
            (chance.randrange(SIDE), chance.randrange(SIDE)), 255 if mode == "L" else (255, 255, 255)
        )

    assert is_blank(image)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P", "1", "CMYK", "YCbCr", "LAB"])
@pytest.mark.parametrize("side", [5, 15])
def test_a_small_white_square_on_black_is_not_blank(mode: str, side: int) -> None:
    image = media_corpus.flat(side=SIDE)
    image.paste((255, 255, 255), (100, 100, 100 + side, 100 + side))
    converted = (
        ImageCms.profileToProfile(image, SRGB, LAB, outputMode="LAB")
        if mode == "LAB"
        else image.convert(mode)
    )

    assert converted is not None
    assert not is_blank(converted)


def test_of_a_frame_of_a_film_a_small_square_is_no_structure() -> None:
    image = media_corpus.flat(side=SIDE)
    image.paste((255, 255, 255), (100, 100, 110, 110))

    assert is_blank(image, still=False)


@pytest.mark.parametrize("mode", ["L", "P", "I", "I;16"])
@given(classes=st.integers(2, 7), side=st.integers(16, 200), first=st.integers(0, 3))
@settings(max_examples=15, deadline=None)
def test_a_mask_of_classes_is_not_blank_however_close_its_numbers(
    mode: str, classes: int, side: int, first: int
) -> None:
    mask = Image.new("P" if mode == "P" else "L", (SIDE, SIDE), first)
    for number in range(1, classes):
        at = number * 40
        mask.paste(first + number, (at, at, at + side, at + side))

    assert not is_blank(mask if mode in ("L", "P") else mask.convert("I").convert(mode))


@given(low=st.integers(0, 249), span=st.integers(0, 6), seed=st.integers(0, 99))
@settings(max_examples=15, deadline=None)
def test_noise_within_a_few_levels_is_blank_in_grey_too(low: int, span: int, seed: int) -> None:
    chance = random.Random(seed)
    noise = bytes(chance.randint(low, low + span) for _ in range(128 * 128))

    assert is_blank(Image.frombytes("L", (128, 128), noise))


@pytest.mark.parametrize("mode", ["I;16", "I;16L", "I;16B", "I;16N"])
def test_sixteen_bits_in_either_order_of_bytes_are_looked_at(mode: str) -> None:
    assert is_blank(Image.new(mode, (64, 64), 300))

    depth = Image.new(mode, (64, 64))
    depth.putpixel((3, 3), 9000)
    assert not is_blank(depth)


def test_a_dark_picture_with_structure_is_not_blank() -> None:
    assert not is_blank(noisy(0, 16))
    assert not is_blank(Image.linear_gradient("L").point(lambda level: level // 10))


def test_a_line_on_white_is_not_blank() -> None:
    image = media_corpus.flat("white", SIDE)
    ImageDraw.Draw(image).line((50, 50, 450, 400), fill="black", width=2)

    assert not is_blank(image)


def test_a_checkerboard_of_single_pixels_is_not_blank() -> None:
    board = Image.frombytes(
        "L", (SIDE, SIDE), (b"\0\xff" * (SIDE // 2) + b"\xff\0" * (SIDE // 2)) * (SIDE // 2)
    )

    assert not is_blank(board)


def test_two_colours_of_the_same_lightness_are_not_blank() -> None:
    image = media_corpus.flat((200, 0, 0), SIDE)
    image.paste((0, 102, 0), (0, 0, SIDE // 2, SIDE))

    assert not is_blank(image)


def test_what_is_transparent_is_blank_whatever_lies_beneath() -> None:
    assert is_blank(
        Image.merge("RGBA", (*media_corpus.picture().split(), media_corpus.flat("black", mode="L")))
    )


def test_a_black_drawing_on_nothing_is_not_blank() -> None:
    alpha = media_corpus.flat("black", SIDE, "L")
    ImageDraw.Draw(alpha).ellipse((100, 100, 200, 200), fill=255)

    assert not is_blank(Image.merge("RGBA", (*media_corpus.flat(side=SIDE).split(), alpha)))
