from __future__ import annotations

import random

import media_corpus
import pytest
from PIL import Image, ImageDraw

from pytest_modal_bench.answers.decoding.blankness import is_blank

SIDE = 512


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


def test_a_speck_does_not_make_a_blank_picture_a_picture() -> None:
    image = media_corpus.flat(side=SIDE)
    ImageDraw.Draw(image).rectangle((100, 100, 114, 114), fill="white")

    assert is_blank(image)


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
