"""Decodes sound with PyAV, every sample of it."""

from __future__ import annotations

import math
from collections import Counter
from typing import IO, TYPE_CHECKING, Any

from pytest_modal_bench.answers.decoding import limits
from pytest_modal_bench.answers.decoding.findings import Findings, Undecodable, Unusable
from pytest_modal_bench.model.formats import AAC, AIFF, FLAC, M4A, MP3, OGG, OPUS, WAV

if TYPE_CHECKING:
    from pytest_modal_bench.answers.previews.maker import PreviewMaker
    from pytest_modal_bench.model.formats import Format

SILENT_LEVEL = 0.001
"""Of full scale, -60 dBFS: sound whose level never moves further from its middle is silent. FFmpeg's `silencedetect`
draws the line there, too. It is 33 steps of 16 bits: dither, and what lossy coding makes of silence, stay below."""

# The demuxer is named, and may open nothing else: others of FFmpeg's follow references to files and URLs.
_DEMUXERS = {
    WAV: "wav",
    MP3: "mp3",
    FLAC: "flac",
    OGG: "ogg",
    OPUS: "ogg",
    AAC: "aac",
    M4A: "mov",
    AIFF: "aiff",
}
# FFmpeg has decoders for hundreds of forgotten codecs; these are the ones that generators of sound write.
_CODECS = frozenset(
    ("mp3", "mp3float", "flac", "vorbis", "libvorbis", "opus", "libopus", "aac", "aac_fixed", "alac")
)
_PCM = "pcm_"
_FLOATS = ("f", "d")
# FFmpeg's samples by name: how `memoryview.cast` calls them, and what is full scale.
_SAMPLES = {
    "u8": ("B", 1 << 7),
    "s16": ("h", 1 << 15),
    "s32": ("i", 1 << 31),
    "s64": ("q", 1 << 63),
    "flt": ("f", 1),
    "dbl": ("d", 1),
}
_LEAST_STEPS = 2
"""From the lowest to the highest level of silence there may be as many steps of a sample, which are wide in 8 bits."""
_MP3_JUNK = 0.1
"""Of an MP3's packets, so many may be none: tags and headers lie between pieces that were joined."""
_WITHOUT_GAPS = (OGG, OPUS, FLAC)
"""Formats whose sound goes on without a gap; in WebM nothing may stand for silence."""
_LONGEST_GAP_SEC = 0.1


def decode(file: IO[bytes], form: Format, maker: PreviewMaker | None = None) -> Findings:
    """Decode a file of sound, and show it to `maker`.

    Raises Undecodable without PyAV and for pictures in it, else as `play` does.
    """
    av = library(form)
    declared = _declared_samples(file) if form is FLAC else None
    try:
        with av.open(file, format=_DEMUXERS[form], options={"protocol_whitelist": "none"}) as container:
            if form is OGG and container.streams.best("video") is not None:
                raise Undecodable("no decoder for OGG with pictures")
            return play(container, form, declared, maker=maker)
    except av.FFmpegError as error:
        raise Unusable(f"can't be decoded: {error.strerror}") from None


def _declared_samples(file: IO[bytes]) -> int | None:
    """How many samples a FLAC says that it has (RFC 9639, section 8.2); None: it does not say."""
    head = file.read(26)
    file.seek(0)
    return (int.from_bytes(head[18:26]) & (1 << 36) - 1) or None


def library(form: Format) -> Any:
    """Return PyAV. Raises Undecodable without it."""
    try:
        import av
    except ImportError:
        raise Undecodable(
            f"{form.name} is not decoded without the extra `video`: pip install 'pytest-modal-bench[video]'"
        ) from None
    return av


def play(
    container: Any, form: Format, declared: int | None = None, *, maker: PreviewMaker | None = None
) -> Findings:
    """Decode the sound of an open file, which says that it has so many samples of each channel.

    Raises Unusable for what is wrong with it, and what FFmpeg raises for bytes that it can't read.
    """
    stream = container.streams.best("audio")
    if stream is None:
        return Findings(
            kind="other", format=form.name, unchecked=f"{form.name} without a track of pictures or sound"
        )
    codec = stream.codec_context
    if codec is None or not (codec.name in _CODECS or codec.name.startswith(_PCM)):
        name = "an unknown codec" if codec is None else f"the codec {codec.name}"
        return Findings(kind="audio", format=form.name, unchecked=f"no decoder for {form.name} with {name}")
    # Or what is damaged is patched up, and goes unnoticed.
    codec.options = {"err_detect": "crccheck+bitstream+buffer+explode"}
    codec.thread_count = 1  # so that the same bytes end the same way each time
    sound = _Sound(form, maker)
    _decode_packets(container, stream, sound, library(form).FFmpegError)
    if declared is not None and sound.samples < declared:
        raise Unusable(f"truncated: holds {sound.samples} of {declared} samples")
    return sound.findings()


def _decode_packets(container: Any, stream: Any, sound: _Sound, error: type[Exception]) -> None:
    """Decode packet after packet. Raises Unusable where one can't be, but for an MP3 where some are none."""
    good = bad = 0
    last_is_bad = False
    for packet in container.demux(stream):
        try:
            frames = packet.decode()
        except error:
            bad, last_is_bad = bad + 1, True
            continue
        if packet.size:
            good, last_is_bad = good + 1, False
        for frame in frames:
            sound.add(frame)
    if bad > (good * _MP3_JUNK if sound.form is MP3 else 0):
        raise Unusable(
            "truncated: ends in the middle of a packet"
            if last_is_bad and bad == 1
            else f"corrupt: {bad} of {good + bad} packets can't be decoded"
        )


class _Sound:
    """What the frames of sound add up to."""

    def __init__(self, form: Format, maker: PreviewMaker | None) -> None:
        self.form = form
        self._maker = maker
        self.samples = 0
        """Of each channel."""
        self._by_rate: Counter[int] = Counter()
        """Samples of each channel by their rate, which may change."""
        self._first: Any = None
        self._ends_at: float | None = None
        self._level = _Level()

    def add(self, frame: Any) -> None:
        """Count a frame in. Raises Unusable for what is wrong with it."""
        if not frame.samples:
            return
        self._first = self._first or frame
        self._by_rate[frame.sample_rate] += frame.samples
        self.samples += frame.samples
        if self.samples * frame.layout.nb_channels > limits.MAX_SAMPLES:
            raise Unusable(f"too long: more than {limits.MAX_SAMPLES} samples over all channels")
        if self._maker is not None:
            self._maker.hear(frame)
        if self.form in _WITHOUT_GAPS:
            self._look_for_gap(frame)
        # Sound that was heard once is not silent, but a number that is none may come late.
        uncompressed = self.form in (WAV, AIFF)
        if self._level.silent or uncompressed:
            self._level.add(frame, check_numbers=uncompressed)

    def findings(self) -> Findings:
        """Return what it all comes to. Raises Unusable where there is nothing."""
        if self._first is None:
            raise Unusable("holds no sound that can be decoded")
        return Findings(
            kind="audio",
            format=self.form.name,
            duration_sec=sum(samples / rate for rate, samples in self._by_rate.items()),
            sample_rate=self._first.sample_rate,
            channels=self._first.layout.nb_channels,
            blank=self._level.silent,
            checked=True,
        )

    def _look_for_gap(self, frame: Any) -> None:
        """Raise Unusable where pages or frames are missing: FFmpeg leaves out those with a wrong checksum."""
        if frame.pts is None or frame.time_base is None:
            return
        at = float(frame.pts * frame.time_base)
        if self._ends_at is not None and at - self._ends_at > _LONGEST_GAP_SEC:
            raise Unusable(f"corrupt: {at - self._ends_at:.2f} s are missing, {self._ends_at:.2f} s in")
        self._ends_at = at + frame.samples / frame.sample_rate


class _Level:
    """How far the level of sound moves, as parts of full scale; a constant level is as silent as none."""

    def __init__(self) -> None:
        self.silent = True
        self._spans: dict[int, tuple[float, float]] = {}
        """By plane, which is a channel or all of them: the lowest and the highest level so far."""
        self._heard: dict[int, bytes] = {}
        """By plane: the samples that were looked at last. Silence mostly repeats them."""

    def add(self, frame: Any, *, check_numbers: bool) -> None:
        """Listen to a frame. Raises Unusable for samples that are no numbers, if they are checked."""
        kind = frame.format.packed.name
        code, full_scale = _SAMPLES[kind]
        size = frame.samples * frame.format.bytes
        size *= 1 if frame.format.is_planar else frame.layout.nb_channels
        for number, plane in enumerate(frame.planes):
            written = bytes(memoryview(plane).cast("B")[:size])
            if self._heard.get(number) == written:
                continue
            self._heard[number] = written
            levels: memoryview[float] = memoryview(written).cast(code)  # type: ignore[call-overload] # one of four codes
            if check_numbers and code in _FLOATS and not math.isfinite(sum(levels)):
                raise Unusable("corrupt: holds samples that are no numbers")
            if not self.silent:
                continue
            low, high = min(levels), max(levels)
            if number in self._spans:
                low, high = min(low, self._spans[number][0]), max(high, self._spans[number][1])
            self._spans[number] = low, high
            step = 0 if code in _FLOATS else _LEAST_STEPS
            self.silent = high - low <= max(2 * SILENT_LEVEL * full_scale, step)
