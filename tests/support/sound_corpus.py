"""Makes the sounds and archives that tests look at: small, deterministic, and none of them committed."""

from __future__ import annotations

import gzip
import io
import math
import random
import struct
import wave
import zipfile
from array import array
from functools import cache
from typing import TYPE_CHECKING, Any

import av
from media_corpus import SIDE, picture

if TYPE_CHECKING:
    from collections.abc import Callable

RATE = 24_000
SECONDS = 1.0


@cache
def tone(seconds: float = SECONDS, rate: int = RATE, level: float = 0.3) -> bytes:
    """A tone with some noise, in samples of 16 bits; `level` of full scale."""
    chance = random.Random(7)
    steps = level * 32767
    return array(
        "h",
        (
            round(steps * (0.9 * math.sin(2 * math.pi * 440 * at / rate) + 0.1 * chance.uniform(-1, 1)))
            for at in range(round(seconds * rate))
        ),
    ).tobytes()


def wav(samples: bytes | None = None, rate: int = RATE, channels: int = 1, width: int = 2) -> bytes:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(tone() if samples is None else samples)
    return buffer.getvalue()


def float_wav(*samples: float, rate: int = RATE) -> bytes:
    """A WAV of 32-bit numbers, of which the wave module knows nothing."""
    data = struct.pack(f"<{len(samples)}f", *samples)
    head = struct.pack("<4sIHHIIHH", b"fmt ", 16, 3, 1, rate, 4 * rate, 4, 32)
    body = b"WAVE" + head + struct.pack("<4sI", b"data", len(data)) + data
    return struct.pack("<4sI", b"RIFF", len(body)) + body


def streamed_wav(size: int, riff: int | None = None) -> bytes:
    """A WAV as a server writes it that does not know yet how long it gets."""
    whole = wav()
    at = whole.index(b"data") + 4
    head = whole[:4] + struct.pack("<I", size if riff is None else riff) + whole[8:at]
    return head + struct.pack("<I", size) + whole[at + 4 :]


def encoded(
    container: str,
    codec: str,
    *,
    samples: bytes | None = None,
    rate: int = RATE,
    cover: bool = False,
    **mux: str,
) -> bytes:
    """Sound in that container, by that codec, of one channel; `cover`: with a picture on it."""
    samples = tone(rate=rate) if samples is None else samples
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container, options=mux) as output:
        stream: Any = output.add_stream(codec, rate=rate, layout="mono")
        art: Any = output.add_stream("png", rate=1) if cover else None
        if art is not None:
            art.pix_fmt, art.width, art.height = "rgb24", SIDE, SIDE
            art.disposition = 0x400
        frame = av.AudioFrame(format="s16", layout="mono", samples=len(samples) // 2)
        frame.planes[0].update(samples)
        frame.sample_rate, frame.pts = rate, 0
        context = stream.codec_context
        resampler = av.AudioResampler(
            format=context.format, layout="mono", rate=rate, frame_size=context.frame_size or None
        )
        for part in [*resampler.resample(frame), *(resampler.resample(None) if context.frame_size else [])]:
            output.mux(stream.encode(part))
        output.mux(stream.encode(None))
        if art is not None:
            image: Any = av.VideoFrame.from_image(picture())  # type: ignore[no-untyped-call]  # PyAV leaves it untyped
            output.mux(art.encode(image))
            output.mux(art.encode(None))
    return buffer.getvalue()


_GOOD: dict[str, Callable[[], bytes]] = {
    "wav": wav,
    "wav-24": lambda: encoded("wav", "pcm_s24le"),
    "wav-float": lambda: encoded("wav", "pcm_f32le"),
    "wav-8": lambda: encoded("wav", "pcm_u8"),
    "wav-mulaw": lambda: encoded("wav", "pcm_mulaw"),
    "rf64": lambda: encoded("wav", "pcm_s16le", rf64="always"),
    "mp3": lambda: encoded("mp3", "libmp3lame"),
    "bare-mp3": lambda: encoded("mp3", "libmp3lame", id3v2_version="0", write_xing="0"),
    "flac": lambda: encoded("flac", "flac"),
    "ogg-flac": lambda: encoded("ogg", "flac"),
    "opus": lambda: encoded("ogg", "libopus", rate=48_000),
    "aac": lambda: encoded("adts", "aac"),
    "m4a": lambda: encoded("ipod", "aac"),
    "alac": lambda: encoded("ipod", "alac"),
    "aiff": lambda: encoded("aiff", "pcm_s16be"),
    "mp4": lambda: encoded("mp4", "aac"),
    "webm": lambda: encoded("webm", "libopus", rate=48_000),
    "matroska": lambda: encoded("matroska", "flac"),
}
GOOD = tuple(_GOOD)
FORMATS = {
    "wav": "WAV",
    "wav-24": "WAV",
    "wav-float": "WAV",
    "wav-8": "WAV",
    "wav-mulaw": "WAV",
    "rf64": "WAV",
    "mp3": "MP3",
    "bare-mp3": "MP3",
    "flac": "FLAC",
    "ogg-flac": "OGG",
    "opus": "OPUS",
    "aac": "AAC",
    "m4a": "M4A",
    "alac": "M4A",
    "aiff": "AIFF",
    "mp4": "MP4",
    "webm": "WEBM",
    "matroska": "MATROSKA",
}


@cache
def good(name: str) -> bytes:
    """One of the whole files `GOOD`: a second of sound."""
    return _GOOD[name]()


def archive(files: dict[str, bytes] | None = None, how: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A ZIP."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", how) as file:
        for name, content in (
            files or {"a.txt": b"a text", "b.bin": random.Random(3).randbytes(5000)}
        ).items():
            file.writestr(name, content)
    return buffer.getvalue()


def packed(content: bytes = b"a text, over and over. " * 100) -> bytes:
    """A GZIP."""
    return gzip.compress(content, mtime=0)
