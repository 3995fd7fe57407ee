from __future__ import annotations

import sys
from typing import Any

import media_corpus
import pytest
import sound_corpus
from hypothesis import given, settings
from hypothesis import strategies as st
from sound_corpus import FORMATS, RATE, SECONDS, encoded, float_wav, good, streamed_wav, tone, wav

from pytest_modal_bench.answers.decoding import limits
from pytest_modal_bench.answers.decoding.decoder import decode
from pytest_modal_bench.answers.decoding.sounds import SILENT_LEVEL

LOSSY = ("mp3", "bare-mp3", "aac", "m4a", "mp4")
CUTS = (0.1, 0.31, 0.51, 0.8, 0.95)
WITHOUT_AN_END = ("bare-mp3", "aac")
"""Frames one after another: where one ends, nothing says that there were more."""


@pytest.mark.parametrize("name", sound_corpus.GOOD)
def test_every_sample_of_a_sound_is_decoded_and_counted(name: str) -> None:
    found = decode(good(name))

    assert (found.kind, found.format, found.checked) == ("audio", FORMATS[name], True)
    assert (found.problem, found.unchecked, found.blank) == (None, None, False)
    assert (found.channels, found.width, found.frames) == (1, None, None)
    assert found.sample_rate == (48_000 if name in ("opus", "webm") else RATE)
    # Lossy codecs add part of a frame at either end.
    assert found.duration_sec == pytest.approx(SECONDS, abs=0.07 if name in LOSSY else 1e-9)


def test_the_duration_is_that_of_the_samples_whatever_the_rate() -> None:
    found = decode(wav(tone(0.5), rate=8000, channels=2))

    assert (found.sample_rate, found.channels) == (8000, 2)
    assert found.duration_sec == pytest.approx(0.5 * RATE / 2 / 8000)


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF, 0x7FFFF000], ids=hex)
@pytest.mark.parametrize("riff", [0, 0xFFFFFFFF, 0x7FFFF024, 36], ids=hex)
def test_a_wav_that_was_streamed_has_no_sizes_and_is_whole(size: int, riff: int) -> None:
    found = decode(streamed_wav(size, riff))

    assert (found.checked, found.problem, found.duration_sec) == (True, None, SECONDS)


@pytest.mark.parametrize("name", sound_corpus.GOOD)
def test_what_is_cut_off_anywhere_is_told(name: str) -> None:
    whole = good(name)
    for length in (*(int(len(whole) * cut) for cut in CUTS), len(whole) - 1):
        found = decode(whole[:length])

        assert found.problem is not None, f"{length} of {len(whole)} bytes"
        assert not found.checked
        assert "truncated" in found.problem


@pytest.mark.parametrize("name", [name for name in sound_corpus.GOOD if name not in WITHOUT_AN_END])
def test_no_beginning_of_a_sound_passes_for_the_whole(name: str) -> None:
    whole = good(name)
    for length in range(1, len(whole), max(1, len(whole) // 50)):
        found = decode(whole[:length])

        assert not found.checked or found.kind == "text", f"{length} of {len(whole)} bytes"


def test_frames_that_are_missing_from_a_flac_or_an_ogg_are_missed() -> None:
    flac, opus = (
        encoded("flac", "flac", samples=tone(4)),
        encoded("ogg", "libopus", samples=tone(4, 48_000), rate=48_000),
    )
    for whole in (flac, opus):
        middle = len(whole) // 2
        said = decode(whole[:middle] + bytes((whole[middle] ^ 1,)) + whole[middle + 1 :]).problem

        assert said is not None
        assert "s are missing, " in said or "can't be decoded" in said


def test_a_flac_that_ends_between_two_frames_is_told_by_its_number_of_samples() -> None:
    whole = encoded("flac", "flac", samples=tone(4))
    # Every frame begins so (RFC 9639, section 9.1); what looks like one inside of another is cut off all the same.
    ends = [at for at in range(100, len(whole)) if whole[at : at + 2] == b"\xff\xf8"]
    said = decode(whole[: ends[len(ends) // 2]]).problem

    assert said is not None
    assert said.startswith("truncated: ")


def test_damage_to_frames_of_aac_is_corrupt() -> None:
    whole = good("m4a")
    middle = len(whole) // 2

    assert "packets can't be decoded" in (
        decode(whole[:middle] + bytes(300) + whole[middle + 300 :]).problem or ""
    )


@pytest.mark.parametrize("name", ["mp3", "bare-mp3", "flac", "ogg-flac", "opus", "aac"])
def test_pieces_that_were_joined_are_one_sound(name: str) -> None:
    found = decode(good(name) * 3)

    assert (found.checked, found.problem) == (True, None)
    assert found.duration_sec == pytest.approx(3 * SECONDS, abs=0.25)


@pytest.mark.parametrize(
    ("level", "silent"),
    [(0.0, True), (1 / 32767, True), (0.9 * SILENT_LEVEL, True), (1.3 * SILENT_LEVEL, False), (0.01, False)],
)
@pytest.mark.parametrize("name", ["wav", "flac", "mp3", "opus", "m4a"])
def test_sound_below_60_decibels_of_full_scale_is_silent(name: str, level: float, silent: bool) -> None:
    rate = 48_000
    samples = tone(0.5, rate, level)
    made: dict[str, Any] = {
        "wav": lambda: wav(samples, rate),
        "flac": lambda: encoded("flac", "flac", samples=samples, rate=rate),
        "mp3": lambda: encoded("mp3", "libmp3lame", samples=samples, rate=rate),
        "opus": lambda: encoded("ogg", "libopus", samples=samples, rate=rate),
        "m4a": lambda: encoded("ipod", "aac", samples=samples, rate=rate),
    }
    found = decode(made[name]())

    assert (found.checked, found.blank) == (True, silent)


def test_a_constant_level_is_silent_and_a_sound_at_its_very_end_is_heard() -> None:
    silence = bytes(2 * RATE)

    assert decode(float_wav(*[0.5] * 2000)).blank
    assert decode(wav(bytes([128, 127, 129, 128] * 500), width=1)).blank, "one step of eight bits"
    assert decode(encoded("wav", "pcm_s64le", samples=silence)).blank
    assert not decode(encoded("wav", "pcm_s64le", samples=tone(0.1))).blank
    assert not decode(wav(silence + tone(0.01))).blank
    assert not decode(wav(tone(0.01) + silence)).blank


def test_silence_of_two_channels_is_silent_and_a_sound_in_one_is_heard() -> None:
    one, other = bytes(2), b"\0\x20"

    assert decode(wav((one + one) * 1000, channels=2)).blank
    assert not decode(wav((one + one) * 500 + (one + other) * 500, channels=2)).blank


@pytest.mark.parametrize("wrong", [float("nan"), float("inf"), float("-inf")])
def test_samples_that_are_no_numbers_are_corrupt_wherever_they_stand(wrong: float) -> None:
    for samples in ([wrong] * 100, [0.5, -0.5] * 4000 + [wrong], [0.0] * 4000 + [wrong]):
        assert decode(float_wav(*samples)).problem == "corrupt: holds samples that are no numbers"


def test_a_file_without_a_sample_is_no_sound() -> None:
    assert decode(wav(b"")).problem == "holds no sound that can be decoded"


def test_a_sound_over_the_limit_is_not_decoded_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_SAMPLES", RATE - 1)

    assert decode(good("flac")).problem == f"too long: more than {RATE - 1} samples over all channels"
    monkeypatch.setattr(limits, "MAX_SAMPLES", RATE)
    assert decode(good("flac")).checked


@pytest.mark.parametrize("container", ["mp4", "mp3", "flac"])
def test_a_picture_on_the_cover_makes_no_video(container: str) -> None:
    codec = {"mp4": "aac", "mp3": "libmp3lame", "flac": "flac"}[container]
    found = decode(encoded(container, codec, cover=True))

    assert (found.kind, found.frames, found.checked) == ("audio", None, True)


@pytest.mark.parametrize("name", ["wav", "mp3", "opus", "mp4"])
def test_without_pyav_a_sound_is_unchecked_and_the_extra_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    found = decode(good(name))

    assert (found.checked, found.problem) == (False, None)
    assert found.unchecked == (
        f"{FORMATS[name]} is not decoded without the extra `video`: pip install 'pytest-modal-bench[video]'"
    )


def test_a_cut_off_sound_is_told_without_pyav(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)

    assert decode(good("wav")[:-4]).problem == "truncated: holds 47996 of 48000 bytes of sound"


def test_a_codec_that_generators_do_not_write_is_sound_and_unchecked() -> None:
    found = decode(encoded("wav", "adpcm_ms"))

    assert (found.kind, found.checked, found.problem) == ("audio", False, None)
    assert found.unchecked == "no decoder for WAV with the codec adpcm_ms"


def test_an_ogg_with_pictures_is_unchecked() -> None:
    found = decode(media_corpus.video("ogg", "libvpx"))

    assert (found.kind, found.unchecked) == ("audio", "no decoder for OGG with pictures")


def test_a_playlist_in_place_of_a_sound_opens_no_other_file() -> None:
    found = decode(b"RIFF\x24\0\0\0WAVEffconcat version 1.0\nfile '/etc/passwd'\n")

    assert found.problem is not None
    assert not found.checked


places = st.floats(0, 1, exclude_max=True)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(sound_corpus.GOOD), places, places, st.binary(max_size=64))
def test_any_damage_is_told_soundly(name: str, cut: float, place: float, stuffed: bytes) -> None:
    whole = good(name)
    at = int(place * len(whole))
    for data in (whole[: int(cut * len(whole))], whole[:at] + stuffed + whole[at + len(stuffed) :]):
        found = decode(data)

        assert found.checked + (found.problem is not None) + (found.unchecked is not None) == 1
        assert decode(data) == found
