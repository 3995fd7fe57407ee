"""What endpoints answered, by the bytes, and why those that failed did."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_modal_bench.report.escape import NAME_LIMIT, code, text
from pytest_modal_bench.report.table import table
from pytest_modal_bench.report.units import UNKNOWN, seconds
from pytest_modal_bench.safety.text import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_modal_bench.model import EndpointResult, Media

_KIB = 1024


def answers(results: Sequence[EndpointResult]) -> str:
    """Return a row for every endpoint whose answer was looked at; nothing if none was."""
    rows = [
        (code(result.id), *_described(result.media), text(_checked(result)))
        for result in results
        if result.media is not None
    ]
    return (
        table(("Endpoint", "Answer", "Pixels", "Frames", "Seconds", "KiB", "Checked"), rows) if rows else ""
    )


def causes(results: Sequence[EndpointResult]) -> str:
    """Return a row for every failed endpoint whose cause is known: what it means, and what to try."""
    rows = [
        (
            code(result.path),
            result.cause.replace("_", " "),
            text(result.meaning or ""),
            text(result.remedy or ""),
        )
        for result in results
        if result.status == "failed" and result.cause is not None
    ]
    return table(("Endpoint", "Cause", "Meaning", "What to Try"), rows) if rows else ""


def _described(media: Media) -> tuple[str, ...]:
    size = UNKNOWN if None in (media.width, media.height) else f"{media.width} x {media.height}"
    return (
        text(media.format or media.kind, NAME_LIMIT),
        size,
        UNKNOWN if media.frames is None else str(media.frames),
        seconds(media.duration_sec),
        f"{media.size_bytes / _KIB:.1f}",
    )


def _checked(result: EndpointResult) -> str:
    media = result.media
    if media is None or result.cause == "invalid_output":
        return "failed"
    if media.checked:
        looked = sum(sample.media is not None for sample in result.samples)
        return f"decoded whole ({counted(looked, 'answer')})"
    return f"unchecked: {media.unchecked or 'nobody knows how'}"
