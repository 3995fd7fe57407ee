"""Decodes videos with PyAV, every frame of them; sound is looked at only where there are no pictures."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Any

from pytest_modal_bench.answers.decoding import limits, sounds
from pytest_modal_bench.answers.decoding.blankness import is_blank
from pytest_modal_bench.answers.decoding.findings import Findings, Undecodable, Unusable
from pytest_modal_bench.model.formats import MATROSKA, WEBM

if TYPE_CHECKING:
    from pytest_modal_bench.answers.previews.maker import PreviewMaker
    from pytest_modal_bench.model.formats import Format

# FFmpeg has decoders for hundreds of forgotten formats; these are the ones that generators of videos write.
_CODECS = frozenset(
    (
        "h264",
        "hevc",
        "vp8",
        "libvpx",
        "vp9",
        "libvpx-vp9",
        "av1",
        "libdav1d",
        "mpeg4",
        "mjpeg",
        "prores",
        "theora",
    )
)
_ATTACHED_PICTURE = 0x400  # FFmpeg's AV_DISPOSITION_ATTACHED_PIC
# A frame is judged by at most this many of its pixels a side, taken as they are: averages would hide structure.
_SAMPLE_SIDE = 256


def decode(file: IO[bytes], form: Format, maker: PreviewMaker | None = None) -> Findings:
    """Decode every frame of a video, and show it to `maker`.

    It is blank if all of its frames are: one that shows something among many makes it not blank as a whole.
    Raises Undecodable without PyAV and for codecs that are not decoded, Unusable for what is wrong with it.
    """
    av = sounds.library(form)
    # The demuxer is named, and may open nothing else: others of FFmpeg's follow references to files and URLs.
    demuxer = "matroska" if form in (WEBM, MATROSKA) else "mov"
    try:
        with av.open(file, format=demuxer, options={"protocol_whitelist": "none"}) as container:
            stream = container.streams.best("video")
            if stream is None or _is_cover(stream):
                return sounds.play(container, form, maker=maker)
            return _play(container, stream, form, maker)
    except av.FFmpegError as error:
        raise Unusable(f"can't be decoded: {error.strerror}") from None


def _play(container: Any, stream: Any, form: Format, maker: PreviewMaker | None) -> Findings:
    codec = stream.codec_context
    if codec is None or codec.name not in _CODECS:
        name = "an unknown codec" if codec is None else f"the codec {codec.name}"
        raise Undecodable(f"no decoder for {form.name} with {name}")
    limits.check(codec.width, codec.height, stream.frames or 1)
    if maker is not None:
        maker.expect(stream.frames)
    codec.options = {"err_detect": "explode"}  # or damaged frames are patched up and go unnoticed
    codec.thread_count = 1  # so that the same bytes end the same way each time
    size, spans, pixels, blank = None, _Spans(), 0, True
    for frame in container.decode(stream):
        if frame.is_corrupt:
            raise Unusable(f"corrupt: frame {spans.frames + 1} is damaged")
        spans.add(frame)
        pixels += frame.width * frame.height
        limits.check(frame.width, frame.height, spans.frames)
        if pixels > limits.MAX_PIXELS:
            raise Unusable(f"too many pixels: more than {limits.MAX_PIXELS} in {spans.frames} frames")
        size = size or _displayed(frame)
        if maker is not None:
            maker.see_frame(frame, spans.latest_sec)
        # One frame that shows something settles it.
        blank = blank and is_blank(_sample(frame), still=False)
    if size is None:
        raise Unusable("holds no frame that can be decoded")
    return Findings(
        kind="video",
        format=form.name,
        width=size[0],
        height=size[1],
        frames=spans.frames,
        duration_sec=spans.total_sec(stream.average_rate),
        blank=blank,
        checked=True,
    )


def _is_cover(stream: Any) -> bool:
    """Whether it is the picture on a record's cover."""
    return bool(int(getattr(stream, "disposition", 0)) & _ATTACHED_PICTURE)


class _Spans:
    """When frames are shown, in seconds."""

    def __init__(self) -> None:
        self.frames = 0
        self.latest_sec = 0.0
        """Of the latest frame; where it has no time, its number."""
        self._first: float | None = None
        self._last = 0.0
        self._last_span = 0.0

    def add(self, frame: Any) -> None:
        """Count a frame in."""
        self.frames += 1
        if frame.pts is None or frame.time_base is None:
            self.latest_sec = float(self.frames)
            return
        at = self.latest_sec = float(frame.pts * frame.time_base)
        self._first = at if self._first is None else min(self._first, at)
        if at >= self._last:
            # PyAV tells a frame's duration since its version 15.
            self._last, self._last_span = at, float((getattr(frame, "duration", 0) or 0) * frame.time_base)

    def total_sec(self, rate: Any) -> float | None:
        """From the first frame's beginning to the last one's end; `rate`, frames a second, serves if need be."""
        per_frame = 1 / float(rate) if rate else None
        if self._first is None:
            return None if per_frame is None else self.frames * per_frame
        return self._last - self._first + (self._last_span or per_frame or 0.0)


def _displayed(frame: Any) -> tuple[int, int]:
    """Width and height, turned as the container says that the frame is to be shown."""
    # PyAV tells it since its version 14.
    quarter_turned = getattr(frame, "rotation", 0) % 180 == 90  # noqa: PLR2004 - degrees
    return (frame.height, frame.width) if quarter_turned else (frame.width, frame.height)


def _sample(frame: Any) -> Any:
    width, height = min(frame.width, _SAMPLE_SIDE), min(frame.height, _SAMPLE_SIDE)
    return frame.reformat(width=width, height=height, format="rgb24", interpolation="POINT").to_image()
