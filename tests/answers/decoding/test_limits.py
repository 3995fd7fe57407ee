from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_modal_bench.answers.decoding import limits
from pytest_modal_bench.answers.decoding.findings import Unusable

sides = st.integers(1, 10_000) | st.integers(1, 2**31)


@pytest.mark.parametrize(
    ("width", "height", "frames"),
    [
        (1, 1, 1),
        (8000, 8000, 1),  # the largest frame
        (limits.MAX_FRAME_PIXELS, 1, 1),
        (8000, 8000, 62),
        (1920, 1080, 1800),  # a minute
        (1, 1, limits.MAX_FRAMES),
    ],
)
def test_what_generators_of_images_and_videos_make_is_decoded(width: int, height: int, frames: int) -> None:
    limits.check(width, height, frames)


@pytest.mark.parametrize(
    ("width", "height", "frames", "problem"),
    [
        (8000, 8001, 1, "too many pixels: 8000 x 8001"),
        (1, 1, 20_001, "too many frames: 20001, where 20000 are decoded at most"),
        (8000, 8000, 63, "too many pixels: 63 frames of 8000 x 8000"),
        (1920, 1080, 3_000, "too many pixels: 3000 frames of 1920 x 1080"),
    ],
)
def test_what_is_too_much_is_refused_by_what_is_too_much_of_it(
    width: int, height: int, frames: int, problem: str
) -> None:
    with pytest.raises(Unusable) as caught:
        limits.check(width, height, frames)
    assert str(caught.value) == problem


@given(sides, sides, sides)
def test_nothing_passes_that_is_over_one_of_the_three_limits(width: int, height: int, frames: int) -> None:
    over = (
        width * height > limits.MAX_FRAME_PIXELS
        or frames > limits.MAX_FRAMES
        or width * height * frames > limits.MAX_PIXELS
    )

    if over:
        with pytest.raises(Unusable, match=r"^too many "):
            limits.check(width, height, frames)
    else:
        limits.check(width, height, frames)
