"""What endpoints answered, by the bytes, and why those that failed did."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_modal_bench.report.cells import Cells, name_cell
from pytest_modal_bench.report.labels import Labels
from pytest_modal_bench.report.table import table
from pytest_modal_bench.report.units import UNKNOWN, seconds
from pytest_modal_bench.safety.text import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_modal_bench.model import EndpointResult, Media

_KIB = 1024


def answers(results: Sequence[EndpointResult]) -> str:
    """Return a row for every endpoint whose answer was looked at; nothing if none was."""
    cells = Cells()
    rows = [
        (
            name_cell(result.id),
            cells.text(result.media.format or result.media.kind, result.id),
            *_measures(result.media),
            cells.text(_checked(result), result.id),
        )
        for result in results
        if result.media is not None
    ]
    header = ("Endpoint", "Answer", "Pixels", "Frames", "Seconds", "KiB", "Checked")
    return cells.with_full_texts(table(header, rows)) if rows else ""


def causes(results: Sequence[EndpointResult]) -> str:
    """Return a row for every failed endpoint whose cause is known: what it means, and what to try."""
    cells = Cells()
    labels = Labels(results)
    rows = [
        (
            name_cell(labels.path(result)),
            result.cause.replace("_", " "),
            cells.text(result.meaning or "", labels.path(result)),
            cells.text(result.remedy or "", labels.path(result)),
        )
        for result in results
        if result.status == "failed" and result.cause is not None
    ]
    header = ("Endpoint", "Cause", "Meaning", "What to Try")
    return cells.with_full_texts(table(header, rows)) if rows else ""


def _measures(media: Media) -> tuple[str, ...]:
    size = UNKNOWN if None in (media.width, media.height) else f"{media.width} x {media.height}"
    return (
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
