"""Sound in place of a speech model's: a melody that depends on text and seed, as WAV; and what a WAV sounds like."""

from __future__ import annotations

import io
import math
import random
import struct
import sys
import wave
from array import array
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from pytest_modal_bench.local.app.codec import BadInputError

if TYPE_CHECKING:
    from collections.abc import Sequence

RATE = 24_000
"""Samples a second, as OpenAI's speech has them."""
NOTE_SEC = 0.12
LONGEST_SEC = 60.0
"""Of a sound that is listened to; the rest is ignored."""
_LETTERS_PER_NOTE = 3
_SCALE = (0, 2, 4, 7, 9, 12, 14, 16)
"""A pentatonic scale, in semitones."""
_A3 = 220.0
_SEMITONES = 12
_LOUDNESS = 0.6
_FADE = 0.1
"""The share of a note in which it comes and goes."""
_NAMES = ("A", "A#", "B", "C", "C#", "D", "D#", "E", "F", "F#", "G", "G#")
_UNKNOWN_SIZE = 0xFFFFFFFF
"""What a header says of a length that is not known yet, as FFmpeg writes it to a pipe."""
_HEADER = struct.Struct("<4sI8sIHHIIHH4sI")


class Sound(NamedTuple):
    """Samples of 16 bits, of one channel."""

    samples: array[int]
    rate: int

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return len(self.samples) / self.rate


def melody(text: str, seed: int, rate: int = RATE) -> Sound:
    """Play a note for every three letters of the text."""
    generator = random.Random(f"{seed}:{text}")  # noqa: S311 - a melody, not a secret
    samples = array("h")
    for _ in range(max(-(-len(text) // _LETTERS_PER_NOTE), 1)):
        samples.extend(_note(_A3 * 2 ** (generator.choice(_SCALE) / _SEMITONES), rate))
    return Sound(samples, rate)


@lru_cache(maxsize=64)
def _note(hertz: float, rate: int) -> array[int]:
    length = round(NOTE_SEC * rate)
    fade = max(round(length * _FADE), 1)
    turn = 2 * math.pi * hertz / rate
    peak = _LOUDNESS * 32767
    loudness = (peak * min(n, length - n, fade) / fade for n in range(length))
    return array("h", (round(loud * math.sin(turn * n)) for n, loud in enumerate(loudness)))


def silent(sound: Sound) -> Sound:
    """A sound of the same length in which nothing is heard."""
    return sound._replace(samples=array("h", bytes(2 * len(sound.samples))))


def header(rate: int, size: int | None) -> bytes:
    """The header of a WAV with `size` bytes of samples; None: not known yet."""
    riff, data = (_UNKNOWN_SIZE, _UNKNOWN_SIZE) if size is None else (36 + size, size)
    return _HEADER.pack(b"RIFF", riff, b"WAVEfmt ", 16, 1, 1, rate, 2 * rate, 2, 16, b"data", data)


def pcm(samples: Sequence[int]) -> bytes:
    """Samples as a WAV holds them, in little-endian order."""
    written = array("h", samples)
    if sys.byteorder == "big":
        written.byteswap()
    return written.tobytes()


def wav(sound: Sound) -> bytes:
    """A sound as a whole WAV."""
    written = pcm(sound.samples)
    return header(sound.rate, len(written)) + written


def voice_wav() -> bytes:
    """Make the test voice: about two seconds, 16 kHz."""
    return wav(melody("A voice to be heard, and what it says to be written down", 1, 16_000))


def read_wav(data: bytes) -> Sound:
    """Read the first channel of a WAV with samples of 16 bits. Raises `BadInputError`."""
    try:
        with wave.open(io.BytesIO(data)) as file:
            rate, channels, width = file.getframerate(), file.getnchannels(), file.getsampwidth()
            frames = file.readframes(int(LONGEST_SEC * rate)) if width == 2 else b""  # noqa: PLR2004 - bytes
    except (wave.Error, EOFError) as error:
        raise BadInputError(f"file is not a WAV: {error}") from error
    if not frames:
        raise BadInputError("file has no samples of 16 bits")
    samples = array("h", frames[: len(frames) - len(frames) % (2 * channels)])
    if sys.byteorder == "big":
        samples.byteswap()
    return Sound(samples[::channels], rate)


def notes(sound: Sound) -> list[str]:
    """Name the notes that are heard, by how often the samples go through zero in the length of a note."""
    length = round(NOTE_SEC * sound.rate)
    heard = []
    for at in range(0, len(sound.samples) - length + 1, length):
        piece = sound.samples[at : at + length]
        crossings = sum(before < 0 <= after for before, after in pairwise(piece))
        if crossings:
            semitones = round(_SEMITONES * math.log2(crossings / NOTE_SEC / _A3))
            heard.append(_NAMES[semitones % _SEMITONES])
    return heard
