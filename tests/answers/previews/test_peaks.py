from __future__ import annotations

import struct
from typing import Any

import av
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_modal_bench.answers.previews.limits import PEAKS
from pytest_modal_bench.answers.previews.peaks import Peaks

FULL: dict[str, tuple[Any, int, int]] = {
    "u8": ("B", 127, 128),
    "s16": ("h", 32767, 0),
    "s32": ("i", 2**31 - 1, 0),
}
FULL |= {"flt": ("f", 1, 0), "dbl": ("d", 1, 0)}


def frame(levels: list[float], kind: str = "s16", channels: int = 1) -> Any:
    """A frame of sound of those levels, as parts of full scale; the second channel is silent."""
    code, full, middle = FULL[kind.removesuffix("p")]
    scaled = [middle + (level * full if code in "fd" else round(level * full)) for level in levels]
    silent: list[float] = [middle] * len(levels)
    made: Any = av.AudioFrame(format=kind, layout="stereo" if channels == 2 else "mono", samples=len(levels))
    planes: list[list[float]]
    if kind.endswith("p") and channels == 2:
        planes = [scaled, silent]
    elif channels == 2:
        planes = [[level for pair in zip(silent, scaled, strict=True) for level in pair]]
    else:
        planes = [scaled]
    for plane, values in zip(made.planes, planes, strict=True):
        data = struct.pack(f"={len(values)}{code}", *values)
        plane.update(data + bytes(plane.buffer_size - len(data)))
    return made


def peaks(*frames: Any) -> tuple[float, ...]:
    heard = Peaks()
    for each in frames:
        heard.add(each)
    return heard.values()


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("kind", ["u8", "s16", "s32", "flt", "dbl", "s16p", "s32p", "fltp"])
def test_the_loudest_of_all_channels_counts_up_and_down_in_every_format(kind: str, channels: int) -> None:
    loud, low = [0.0] * 63 + [0.5], [0.0] * 63 + [-0.75]

    assert peaks(frame(loud, kind, channels), frame(low, kind, channels)) == pytest.approx(
        (0.5, 0.75), abs=0.01
    )


@settings(deadline=None)
@given(st.lists(st.integers(1, 3000), min_size=1, max_size=30), st.data())
def test_there_are_never_too_many_and_none_of_the_loud_moments_is_lost(sizes: list[int], data: Any) -> None:
    total = sum(sizes)
    at = data.draw(st.integers(0, total - 1))
    levels = [0.9 if place == at else 0.0 for place in range(total)]
    starts = [sum(sizes[:number]) for number in range(len(sizes))]
    made = peaks(*(frame(levels[start : start + size]) for start, size in zip(starts, sizes, strict=True)))

    assert 1 <= len(made) <= PEAKS
    assert sum(peak > 0 for peak in made) == 1
    where = next(number for number, peak in enumerate(made) if peak)
    # Within a block of 64 samples, and as much again where the last one, which is not full, counts as one.
    assert where / len(made) == pytest.approx(at / total, abs=0.05 + 2 * 64 / total)


def test_sound_that_gets_louder_rises() -> None:
    made = peaks(*(frame([number / 400] * 480) for number in range(400)))

    assert list(made) == sorted(made)
    assert made[0] < 0.05
    assert made[-1] > 0.95
    assert PEAKS / 2 <= len(made) <= PEAKS


def test_numbers_beyond_full_scale_and_no_numbers_are_no_peaks() -> None:
    assert peaks(frame([7.0] * 64, "flt"), frame([float("nan")] * 64, "flt")) == (1.0, 0.0)
    assert peaks() == ()
