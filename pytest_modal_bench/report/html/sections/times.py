"""Cold against warm: every category's endpoints, each call a dot on the category's own axis."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple, get_args

from pytest_modal_bench.model import Start
from pytest_modal_bench.model.series import calls
from pytest_modal_bench.report.escape import NAME_LIMIT, line
from pytest_modal_bench.report.figures.timing import Timing
from pytest_modal_bench.report.figures.units import UNKNOWN, cost, doubted, savings, seconds
from pytest_modal_bench.report.html.charts import Dot, Lane, Span
from pytest_modal_bench.report.html.rows import Rows
from pytest_modal_bench.report.html.scales import Scale, percent, plottable
from pytest_modal_bench.safety.text import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_modal_bench.model import EndpointResult, Sample
    from pytest_modal_bench.report.html.scales import Tick
    from pytest_modal_bench.report.html.sections.names import Named


class Row(NamedTuple):
    """One endpoint."""

    endpoint: Named
    lanes: tuple[Lane, ...]
    saved: str
    """How much faster warm is than cold."""
    cost: str
    """US dollars of a warm call."""
    message: str
    """Why it has no times."""


class Category(NamedTuple):
    """Endpoints that share an axis."""

    name: str
    ticks: tuple[Tick, ...]
    logarithmic: bool
    rows: Rows[Row]


def categories(endpoints: Sequence[Named]) -> list[Category]:
    """Return all endpoints by category, in catalogue order."""
    groups: dict[str, list[Named]] = {}
    for each in endpoints:
        groups.setdefault(each.result.category, []).append(each)
    return [_category(name, group) for name, group in groups.items()]


def lane(
    result: EndpointResult, start: Start, asked: Sequence[Sample], scale: Scale, label: str
) -> Lane | None:
    """Return the calls `asked` of one start as a lane on `scale`, each at its `elapsed_sec`; None: there are none."""
    if not asked:
        return None
    timing = Timing.of(asked)
    ends = timing.interval
    return Lane(
        label,
        start,
        tuple(
            Dot(percent(scale.at(sample.elapsed_sec)), _title(sample), hollow=_doubtful(sample))
            for sample in asked
            if sample.ok and plottable(sample.elapsed_sec)
        ),
        *_figures(timing, proven=start != "cold" or result.cold_verified),
        None if timing.median is None or not plottable(timing.median) else percent(scale.at(timing.median)),
        None if ends is None else Span.of(scale, *ends),
        None if timing.low is None or timing.high is None else Span.of(scale, timing.low, timing.high),
    )


def _category(name: str, group: Sequence[Named]) -> Category:
    scale = Scale.of(sample.elapsed_sec for each in group for sample in each.result.samples if sample.counts)
    return Category(
        line(name, NAME_LIMIT) or "No category",
        tuple(scale.ticks()),
        scale.logarithmic,
        Rows(lambda: (_row(each, scale) for each in group), len(group)),
    )


def _row(each: Named, scale: Scale) -> Row:
    result = each.result
    samples = list(result.samples)
    asked = [(start, calls(samples, start)) for start in get_args(Start)]
    answered = any(sample.ok for _, its in asked for sample in its)
    lanes = [lane(result, start, its, scale, start) for start, its in asked] if answered else []
    return Row(
        each,
        tuple(found for found in lanes if found is not None),
        doubted(savings(result.cold_time_sec, result.warm_time_sec), proven=result.cold_verified),
        cost(result.cost_usd, result.cost_basis),
        (result.error if result.status == "failed" else result.skipped_reason) or "",
    )


def _doubtful(sample: Sample) -> bool:
    return sample.start == "cold" and sample.proof is None


def _title(sample: Sample) -> str:
    parts = [
        f"{doubted(seconds(sample.elapsed_sec), proven=not _doubtful(sample))} s, {sample.start}",
        *([f"seed {sample.seed}"] if sample.seed is not None else []),
        *([f"container {line(sample.container, NAME_LIMIT)}"] if sample.container else []),
        *(["unverified: nothing proves a new container"] if _doubtful(sample) else []),
    ]
    return ", ".join(parts)


def _figures(timing: Timing, *, proven: bool | None) -> tuple[str, str]:
    """Return the median in words, and of how many calls it is."""
    number = counted(timing.n, "call")
    partly = timing.ok < timing.n
    answered = f"{timing.ok} of {number} answered" if partly else number
    if timing.censored_at is not None:
        return f"> {seconds(timing.censored_at)} s", answered
    if timing.median is None:
        return UNKNOWN, answered
    mark = partial(doubted, proven=proven)
    ends = timing.interval
    interval = f"{mark(seconds(ends[0]))} to {mark(seconds(ends[1]))}, " if ends else ""
    return f"{mark(seconds(timing.median) + '*' * partly)} s", interval + answered
