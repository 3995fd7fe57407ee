from __future__ import annotations

import media_corpus
import pytest
import sound_corpus

from pytest_modal_bench.answers.decoding.findings import Unusable
from pytest_modal_bench.answers.decoding.structure import check
from pytest_modal_bench.model import formats

WALKED = tuple(name for name in media_corpus.GOOD if name not in ("bmp", "tiff", "live-webm"))
"""Decoders themselves tell that a BMP or a TIFF is cut off; a live stream's structure says no length."""


def form(data: bytes) -> formats.Format:
    found = formats.identify(data[: formats.HEAD_BYTES])
    assert found is not None
    return found


@pytest.mark.parametrize("name", media_corpus.GOOD)
def test_whole_files_are_whole_whatever_follows_them(name: str) -> None:
    whole = media_corpus.good(name)

    check(whole, form(whole))
    if name not in ("webm", "vp9-webm", "live-webm", "matroska"):
        check(whole + b"and more", form(whole))


@pytest.mark.parametrize("name", WALKED)
@pytest.mark.parametrize("kept", [0.5, 0.9])
def test_what_is_cut_off_is_told_without_decoding(name: str, kept: float) -> None:
    whole = media_corpus.good(name)

    with pytest.raises(Unusable, match="truncated"):
        check(whole[: int(kept * len(whole))], form(whole))


@pytest.mark.parametrize("name", sound_corpus.GOOD)
def test_whole_sounds_are_whole_and_most_of_them_whatever_follows(name: str) -> None:
    whole = sound_corpus.good(name)

    check(whole, form(whole))
    if name not in ("webm", "matroska"):
        check(whole + b"and more", form(whole))


@pytest.mark.parametrize("name", [name for name in sound_corpus.GOOD if name != "flac"])
@pytest.mark.parametrize("kept", [0.51, 0.9])
def test_sound_that_is_cut_off_is_told_without_decoding(name: str, kept: float) -> None:
    whole = sound_corpus.good(name)

    with pytest.raises(Unusable, match="truncated"):
        check(whole[: int(kept * len(whole))], form(whole))


def test_an_ogg_that_ends_between_two_pages_is_cut_off_unless_every_stream_had_its_last_one() -> None:
    whole = sound_corpus.good("opus")
    last = whole.rindex(b"OggS")

    with pytest.raises(Unusable, match=r"^truncated: ends before the last page of its stream$"):
        check(whole[:last], formats.OPUS)
    check(whole + whole, formats.OPUS)


def test_a_wav_says_where_its_sound_is_however_many_chunks_come_before() -> None:
    whole = sound_corpus.wav()
    at = whole.index(b"data")
    other = b"LIST" + (5).to_bytes(4, "little") + b"INFO!\0"

    check(whole[:at] + other + whole[at:], formats.WAV)
    with pytest.raises(Unusable, match=r"^truncated: ends before its sound$"):
        check(whole[:at] + other, formats.WAV)


def test_an_mp3_without_xings_header_is_walked_frame_by_frame() -> None:
    whole = sound_corpus.good("bare-mp3")

    check(whole + b"TAG" + bytes(125), formats.MP3)
    with pytest.raises(Unusable, match="in the middle of a frame"):
        check(whole[:-1], formats.MP3)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"GIF89a" + bytes(7) + b"\x07", "corrupt: no block, 13 bytes in"),
        (b"\0\0\0\x10ftypisom\0\0\0\0" + b"\0\0\0\x04mdat", "corrupt: a box of 4 bytes, 16 bytes in"),
        (
            b"\0\0\0\x10ftypisom\0\0\0\0" + b"\0\0\0\x01mdat" + bytes(8),
            "corrupt: a box of 0 bytes, 16 bytes in",
        ),
        (b"\x1aE\xdf\xa3\x80" + b"\0", "corrupt: no element, 5 bytes in"),
    ],
)
def test_what_leads_nowhere_is_corrupt(data: bytes, message: str) -> None:
    with pytest.raises(Unusable) as caught:
        check(data, form(data))

    assert str(caught.value) == message
