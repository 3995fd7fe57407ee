"""Where the time of jobs went, from their submission to their result."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING, NamedTuple, get_args

from pytest_modal_bench.model import Start
from pytest_modal_bench.model.series import calls
from pytest_modal_bench.report.figures.units import count, doubted, seconds
from pytest_modal_bench.report.html.charts import bar
from pytest_modal_bench.report.html.scales import Scale, plottable
from pytest_modal_bench.safety.text import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_modal_bench.model import Job, Sample
    from pytest_modal_bench.report.html.charts import Bar
    from pytest_modal_bench.report.html.scales import Tick
    from pytest_modal_bench.report.html.sections.names import Named


class Jobs(NamedTuple):
    """Of each endpoint and start the median job, on one axis."""

    bars: tuple[Bar, ...]
    ticks: tuple[Tick, ...]


def jobs(endpoints: Sequence[Named]) -> Jobs:
    """Return a bar for every endpoint and start whose answers were asked for until they were there."""
    found = [
        (each, start, done)
        for each in endpoints
        for start in get_args(Start)
        if (done := [sample for sample in calls(each.result.samples, start) if sample.ok and sample.job])
    ]
    scale = Scale.of((sum(_medians(done).values()) for _, _, done in found), logarithmic=False)
    return Jobs(
        tuple(_bar(each, start, done, scale) for each, start, done in found if _medians(done)),
        tuple(scale.ticks()),
    )


def _bar(each: Named, start: Start, done: Sequence[Sample], scale: Scale) -> Bar:
    proven = start != "cold" or each.result.cold_verified
    written = {
        kind: (value, doubted(seconds(value), proven=proven)) for kind, value in _medians(done).items()
    }
    total = doubted(seconds(median(sample.elapsed_sec for sample in done)), proven=proven)
    known = _jobs(done)
    # How often it was asked for follows from how long it took.
    asked = doubted(count(median(job.asked for job in known)), proven=proven)
    resolution = [job.resolution_sec for job in known if job.resolution_sec is not None]
    earlier = f", done up to {seconds(median(resolution))} s earlier" if resolution else ""
    detail = f"{counted(len(done), 'job')}, asked {asked} times{earlier}"
    return bar(f"{each.name}, {start}", written, scale, f"{total} s", detail)


def _medians(done: Sequence[Sample]) -> dict[str, float]:
    """Return the median of each part in seconds, where it is known."""
    known = _jobs(done)
    values: dict[str, list[float | None]] = {
        "submit": [job.submit_sec for job in known],
        "waiting": [job.waiting_sec for job in known],
        "delivery": [job.delivery_sec for job in known],
    }
    numbers = {kind: [value for value in each if value is not None] for kind, each in values.items()}
    medians = {kind: median(each) for kind, each in numbers.items() if each}
    return {kind: value for kind, value in medians.items() if plottable(value)}


def _jobs(done: Sequence[Sample]) -> list[Job]:
    return [sample.job for sample in done if sample.job is not None]
