"""Pictures for a page: previews as data URIs, as many as the page has room for, and sounds as drawn waveforms."""

from __future__ import annotations

import base64
import math
from typing import TYPE_CHECKING, NamedTuple

from pytest_modal_bench.model.formats import HEAD_BYTES, WEBP, identify
from pytest_modal_bench.report.escape import line
from pytest_modal_bench.report.html.scales import percent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markupsafe import Markup

    from pytest_modal_bench.model import Preview

BUDGET_BYTES = 3 * 2**19
"""1.5 MiB for all pictures of a page, as they stand in it, so that a page of usual length stays below 2 MiB."""
_FRAMES = 8
"""Of one video."""
_PEAKS = 240
_TEXT_CHARACTERS = 1500
_TEXT_LINES = 24
_LARGEST_SIDE = 1024
_USUAL_SIDE = 160


class Wave(NamedTuple):
    """One bar of a waveform, in per cent of width and height."""

    x: str
    y: str
    width: str
    height: str


class Shown(NamedTuple):
    """A preview as the page shows it."""

    kind: str
    frames: tuple[Markup, ...]
    """Data URIs, whole: what a template prints is cut unless it is markup."""
    width: int
    height: int
    waves: tuple[Wave, ...]
    lines: tuple[str, ...]
    """Of a text."""
    left_out: int
    """Frames that there was no room for, or that are no WebP images."""


class Budget:
    """Hands out the room that a page has for pictures, first frames first, so that each preview has one if it can."""

    def __init__(self, previews: Sequence[Preview], room_bytes: int = BUDGET_BYTES) -> None:
        from markupsafe import Markup

        self._uris: dict[tuple[int, int], Markup] = {}
        self.left_out = 0
        """Frames that there was no room for."""
        self.refused = 0
        """Frames whose bytes do not begin as a WebP image does."""
        wanted = sorted(
            (number, index)
            for index, preview in enumerate(previews)
            for number in range(len(preview.frames[:_FRAMES]))
        )
        for number, index in wanted:
            data = previews[index].frames[number]
            if identify(data[:HEAD_BYTES]) is not WEBP:
                self.refused += 1
            elif (length := 4 * math.ceil(len(data) / 3)) > room_bytes:
                self.left_out += 1
            else:
                room_bytes -= length
                # Base64 has no character that means anything in HTML.
                encoded = base64.b64encode(data).decode()
                self._uris[index, number] = Markup(f"data:image/webp;base64,{encoded}")  # noqa: S704

    def show(self, index: int, preview: Preview) -> Shown:
        """Return the preview that came as number `index`, with the frames that there is room for."""
        frames = [self._uris.get((index, number)) for number in range(len(preview.frames[:_FRAMES]))]
        kept = tuple(frame for frame in frames if frame is not None)
        return Shown(
            preview.kind,
            kept,
            _side(preview.width),
            _side(preview.height),
            waveform(preview.peaks),
            _lines(preview.text or ""),
            len(frames) - len(kept),
        )


def waveform(peaks: Sequence[float]) -> tuple[Wave, ...]:
    """Return bars around the middle, each as high as its part of the sound is loud (0 to 1)."""
    known = [min(max(peak, 0.0), 1.0) if math.isfinite(peak) else 0.0 for peak in peaks[:_PEAKS]]
    width = 100 / max(len(known), 1)
    return tuple(
        Wave(
            percent(index * width), percent(50 - 49 * peak), percent(width * 0.7), percent(max(98 * peak, 2))
        )
        for index, peak in enumerate(known)
    )


def _side(pixels: int | None) -> int:
    """Return the length of a picture's side, within reason whatever a report says."""
    return min(max(pixels or _USUAL_SIDE, 1), _LARGEST_SIDE)


def _lines(text: str) -> tuple[str, ...]:
    beginning = text[:_TEXT_CHARACTERS]
    lines = [line(each) for each in beginning.splitlines()]
    cut = len(text) > len(beginning) or len(lines) > _TEXT_LINES
    return (*lines[:_TEXT_LINES], *(["…"] if cut else []))
