"""The contact sheet: what each endpoint answered, as a picture, a waveform or a text, beside what it was sent."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, NamedTuple

from pytest_modal_bench.report.escape import NAME_LIMIT, line
from pytest_modal_bench.report.figures.units import doubted, seconds
from pytest_modal_bench.report.html.pictures import Budget
from pytest_modal_bench.report.html.rows import Rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytest_modal_bench.model import Media, Preview, Run
    from pytest_modal_bench.report.html.pictures import Shown
    from pytest_modal_bench.report.html.sections.names import Named

_KIB = 1024


class Input(NamedTuple):
    """A test resource that was sent; its pictures are in the page once, and shown wherever it is named."""

    name: str
    number: int
    shown: Shown


class Card(NamedTuple):
    """One endpoint's last answer."""

    endpoint: Named
    previews: tuple[Shown, ...]
    form: str
    """Such as `PNG, 512 x 512, 184 KiB`."""
    cold: str
    warm: str
    sent: str | None
    inputs: tuple[Input, ...]


class ContactSheet(NamedTuple):
    """All answers that can be shown."""

    cards: Rows[Card]
    inputs: tuple[Input, ...]
    left_out: int
    """Pictures that there was no room for."""
    refused: int
    """Pictures that are none."""


def contact_sheet(run: Run, endpoints: Sequence[Named]) -> ContactSheet:
    """Return the answers of `endpoints` of which there are previews, and the inputs that they were sent."""
    showable = [each for each in endpoints if each.result.previews]
    needed = dict.fromkeys(need for each in showable for need in each.result.needs if need in run.inputs)
    previews: list[Preview] = [run.inputs[name] for name in needed]
    for each in showable:
        previews += each.result.previews
    budget = Budget(previews)
    inputs = {
        name: Input(line(name, NAME_LIMIT), number, budget.show(number - 1, run.inputs[name]))
        for number, name in enumerate(needed, start=1)
    }

    def cards() -> Iterator[Card]:
        numbers = count(len(needed))
        for each in showable:
            shown = tuple(budget.show(next(numbers), preview) for preview in each.result.previews)
            yield _card(each, shown, inputs)

    rows = Rows(cards, len(showable))
    return ContactSheet(rows, tuple(inputs.values()), budget.left_out, budget.refused)


def _card(each: Named, previews: tuple[Shown, ...], inputs: dict[str, Input]) -> Card:
    result = each.result
    return Card(
        each,
        previews,
        "" if result.media is None else _form(result.media),
        doubted(seconds(result.cold_time_sec), proven=result.cold_verified),
        seconds(result.warm_time_sec),
        result.sent,
        tuple(inputs[need] for need in result.needs if need in inputs),
    )


def _form(media: Media) -> str:
    parts = [
        media.format or media.kind,
        *([f"{media.width} x {media.height}"] if media.width and media.height else []),
        *([f"{media.frames} frames"] if media.frames and media.frames > 1 else []),
        *([f"{seconds(media.duration_sec)} s"] if media.duration_sec is not None else []),
        *([f"{media.sample_rate} Hz"] if media.sample_rate is not None else []),
        f"{seconds(media.size_bytes / _KIB)} KiB",
    ]
    return ", ".join(parts)
