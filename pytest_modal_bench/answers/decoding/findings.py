"""What decoding finds out about bytes, and the two ways in which it finds out nothing."""

from __future__ import annotations

import msgspec

from pytest_modal_bench.answers.previews.limits import ANSWER_BYTES, FRAMES, PEAKS
from pytest_modal_bench.model import Decoded, Media, Preview


class Findings(Decoded, frozen=True, kw_only=True):
    """What the decoding process answers."""

    preview: Preview | None = None
    """What people are shown of the bytes."""

    def __post_init__(self) -> None:
        """Raise ValueError for what no honest decoding process answers."""
        if self.preview is not None:
            _check(self.preview)
        said = [line for line in (self.unchecked, self.problem) if line is not None]
        if (said and self.checked) or not all(line.isprintable() for line in said):
            raise ValueError("findings that contradict themselves, or can't be printed")

    def media(self, size_bytes: int, sha256: str) -> Media:
        """These findings, of bytes of that size and hash."""
        known = msgspec.structs.asdict(self)
        del known["preview"]
        return Media(size_bytes=size_bytes, sha256=sha256, **known)


def _check(preview: Preview) -> None:
    """Raise ValueError for a preview that is none: who reads it later trusts that it is small, and WebP."""
    frames, peaks = preview.frames, preview.peaks
    if preview.text is not None or preview.started_at is not None or preview.kind == "text":
        raise ValueError("a preview of the decoding process that is a text")
    if len(frames) > FRAMES or sum(map(len, frames)) > ANSWER_BYTES or len(peaks) > PEAKS:
        raise ValueError("a preview that is too large")
    if any(frame[:4] != b"RIFF" or frame[8:12] != b"WEBP" for frame in frames):
        raise ValueError("a preview that is no WebP")
    if not all(0 <= peak <= 1 for peak in peaks):
        raise ValueError("a preview with peaks beyond full scale")


class Unusable(Exception):
    """Something is wrong with the bytes; the message is one line."""


class Undecodable(Exception):
    """Nothing is known to be wrong with the bytes, but there is no decoder for them; the message is one line."""
