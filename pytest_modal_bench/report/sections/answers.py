"""What endpoints answered, by the bytes."""

from __future__ import annotations

from collections import Counter
from statistics import median
from typing import TYPE_CHECKING

from msgspec import structs

from pytest_modal_bench.report.cells import Cells, name_cell
from pytest_modal_bench.report.figures.units import UNKNOWN, seconds
from pytest_modal_bench.report.table import table
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
            cells.text(_form(result.media, parts), result.id),
            *_measures(_common(result.media, parts)),
            cells.text(_checked(result), result.id),
        )
        for result in results
        if result.media is not None
        for parts in (_parts(result),)
    ]
    header = ("Endpoint", "Answer", "Pixels", "Frames", "Seconds", "KiB", "Checked")
    return cells.with_full_texts(table(header, rows)) if rows else ""


def _parts(result: EndpointResult) -> Sequence[Media]:
    """The media inside the last answer that was looked at."""
    looked = [sample for sample in result.samples if sample.media is not None]
    return looked[-1].parts if looked else ()


def _form(media: Media, parts: Sequence[Media]) -> str:
    """What an answer is, such as `PNG`, `WAV of 24000 Hz`, or `4 PNG in JSON`."""
    count = Counter(map(_named, parts))
    inside = ", ".join(f"{number} {form}" for form, number in count.items())
    return f"{inside} in {_named(media)}" if inside else _named(media)


def _named(media: Media) -> str:
    form = media.format or media.kind
    return form if media.sample_rate is None else f"{form} of {media.sample_rate} Hz"


def _common(media: Media, parts: Sequence[Media]) -> Media:
    """An answer with what all of its parts have in common; its size is its own."""
    fields = ("width", "height", "frames", "duration_sec")
    values = {name: {getattr(part, name) for part in parts} for name in fields}
    same = {name: found.pop() for name, found in values.items() if len(found) == 1}
    return structs.replace(media, **same)


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
    looked = [sample for sample in result.samples if sample.media is not None]
    # Whatever the cause: what an answer links to may time out.
    if media is None or result.cause == "invalid_output" or any(not sample.ok for sample in looked[-1:]):
        return "failed"
    if media.checked:
        doubtful = next(
            (part.unchecked for sample in looked for part in sample.parts if part.unchecked), None
        )
        if doubtful is not None:
            return f"unchecked: {doubtful}"
        parts = sum(len(sample.parts) for sample in looked)
        inside = f"{counted(parts, 'part')} of " if parts else ""
        times = [sample.fetched_sec for sample in looked if sample.fetched_sec is not None]
        fetched = f", fetched in {seconds(median(times))} s" if times else ""
        return f"decoded whole ({inside}{counted(len(looked), 'answer')}){fetched}"
    return f"unchecked: {media.unchecked or 'nobody knows how'}"
