"""Damaged files through the real decoders, in this process: an example is damaged up to four times, each looked at.

Files are of some hundred bytes, so that 1000 examples, about 2500 damaged files a format, take seconds.
"""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING

import media_corpus
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_modal_bench.answers.decoding.decoder import decode

if TYPE_CHECKING:
    from collections.abc import Callable

    Damage = Callable[[bytes], bytes]

SIDE = 16
DONORS = (
    media_corpus.still("PNG", media_corpus.picture(SIDE)),
    media_corpus.animation("WEBP", media_corpus.film(3, SIDE)),
    media_corpus.video("mp4", "libx264", media_corpus.film(3, SIDE)),
)
PNGS = (DONORS[0], media_corpus.animation("PNG", media_corpus.film(3, SIDE)))
WEBPS = (DONORS[1], media_corpus.still("WEBP", media_corpus.picture(SIDE), lossless=True))
MP4S = (DONORS[2],)
EXAMPLES = settings(max_examples=1000, deadline=None)

places = st.floats(0, 1, exclude_max=True)


def flipped(place: float, bit: int) -> Damage:
    def damage(data: bytes) -> bytes:
        at = int(place * len(data))
        return data[:at] + bytes((data[at] ^ 1 << bit,)) + data[at + 1 :] if data else data

    return damage


def cut(place: float) -> Damage:
    return lambda data: data[: int(place * len(data))]


def spliced(place: float, donor: bytes, from_place: float, length: int) -> Damage:
    def damage(data: bytes) -> bytes:
        at, start = int(place * len(data)), int(from_place * len(donor))
        return data[:at] + donor[start : start + length] + data[at + length :]

    return damage


def stuffed(place: float, chunk: bytes) -> Damage:
    def damage(data: bytes) -> bytes:
        at = int(place * len(data))
        return data[:at] + chunk + data[at:]

    return damage


damages = st.lists(
    st.one_of(
        st.builds(flipped, places, st.integers(0, 7)),
        st.builds(cut, places),
        st.builds(spliced, places, st.sampled_from(DONORS), places, st.integers(1, 64)),
        st.builds(stuffed, places, st.binary(min_size=1, max_size=32)),
    ),
    min_size=1,
    max_size=4,
)


def assert_told_soundly(data: bytes) -> None:
    found = decode(data)

    assert not (found.checked and (found.problem or found.unchecked))
    assert found.checked or found.problem or found.unchecked
    assert decode(data) == found


def look_at_each(whole: bytes, done: list[Damage]) -> None:
    for data in list(accumulate(done, lambda data, damage: damage(data), initial=whole))[1:]:
        assert_told_soundly(data)


@EXAMPLES
@given(st.sampled_from(PNGS), damages)
def test_damaged_png_is_told(whole: bytes, done: list[Damage]) -> None:
    look_at_each(whole, done)


@EXAMPLES
@given(st.sampled_from(PNGS), damages)
def test_damaged_png_with_the_right_checksums_is_told(whole: bytes, done: list[Damage]) -> None:
    look_at_each(whole, [*done, media_corpus.reseal_png])


@EXAMPLES
@given(st.sampled_from(WEBPS), damages)
def test_damaged_webp_is_told(whole: bytes, done: list[Damage]) -> None:
    look_at_each(whole, done)


@EXAMPLES
@given(st.sampled_from(MP4S), damages)
def test_damaged_mp4_is_told(whole: bytes, done: list[Damage]) -> None:
    look_at_each(whole, done)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(media_corpus.GOOD), damages)
def test_damage_to_every_other_format_is_told(name: str, done: list[Damage]) -> None:
    look_at_each(media_corpus.good(name), done)


@given(st.binary(max_size=200))
def test_any_bytes_are_told(data: bytes) -> None:
    assert_told_soundly(data)
