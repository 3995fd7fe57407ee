from __future__ import annotations

import io
import struct
import wave
from array import array

import pytest

from pytest_modal_bench.local.app.codec import BadInputError
from pytest_modal_bench.local.app.shapes import sound


def test_a_melody_follows_from_text_and_seed_alone() -> None:
    one = sound.melody("A train", 1)

    assert one == sound.melody("A train", 1)
    assert one.samples != sound.melody("A train", 2).samples
    assert one.samples != sound.melody("A tram", 1).samples


def test_it_lasts_as_long_as_its_text_asks_for_and_is_heard_throughout() -> None:
    made = sound.melody("a" * 30, 1)

    assert made.seconds == pytest.approx(10 * sound.NOTE_SEC)
    half = made.rate // 2
    for at in range(0, len(made.samples) - half, half):
        assert max(made.samples[at : at + half]) > 10_000


def test_a_silent_sound_lasts_as_long() -> None:
    made = sound.melody("A train", 1)
    silent = sound.silent(made)

    assert silent.seconds == made.seconds
    assert set(silent.samples) == {0}


def test_a_wav_is_read_by_others_and_states_its_length() -> None:
    made = sound.melody("A train", 1, 16_000)
    with wave.open(io.BytesIO(sound.wav(made))) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (16_000, 1, 2)
        assert file.getnframes() == len(made.samples)
        assert file.readframes(9**9) == sound.pcm(made.samples)


def test_the_header_of_a_stream_does_not_know_its_length() -> None:
    header = sound.header(24_000, None)

    assert len(header) == 44
    assert struct.unpack_from("<I", header, 4) == struct.unpack_from("<I", header, 40) == (0xFFFFFFFF,)


def test_what_is_written_is_read_again() -> None:
    made = sound.melody("A train", 1)

    assert sound.read_wav(sound.wav(made)) == made


def test_of_several_channels_the_first_is_read() -> None:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(array("h", [1, 9, 2, 9, 3, 9]).tobytes())

    assert sound.read_wav(buffer.getvalue()) == sound.Sound(array("h", [1, 2, 3]), 8000)


@pytest.mark.parametrize("data", [b"", b"RIFF", b"an MP3", sound.header(8000, 0)])
def test_what_is_no_sound_is_refused(data: bytes) -> None:
    with pytest.raises(BadInputError, match=r"^file "):
        sound.read_wav(data)


def test_the_notes_that_were_played_are_heard() -> None:
    tone = sound._note(220.0, sound.RATE) + sound._note(440.0 * 2 ** (3 / 12), sound.RATE)  # noqa: SLF001

    assert sound.notes(sound.Sound(array("h", tone), sound.RATE)) == ["A", "C"]
    assert sound.notes(sound.silent(sound.melody("A train", 1))) == []


def test_the_test_voice_is_the_one_that_is_shipped(shipped_voice: bytes) -> None:
    assert sound.voice_wav() == shipped_voice


@pytest.fixture
def shipped_voice() -> bytes:
    from project import ROOT

    return (ROOT / "fixtures" / "voice.wav").read_bytes()
