"""Where the time of jobs went, from their submission to their result."""

from __future__ import annotations

from functools import partial
from statistics import median
from typing import TYPE_CHECKING, get_args

from pytest_modal_bench.model import Start
from pytest_modal_bench.model.series import calls
from pytest_modal_bench.report.cells import name_cell
from pytest_modal_bench.report.figures.units import count, doubted, seconds
from pytest_modal_bench.report.table import table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_modal_bench.model import EndpointResult, Sample

_LEGEND = (
    "Seconds on the client's clock, medians over the calls that succeeded. Waiting ends with the answer that said that"
    " the job was done; it may have been done earlier, by the resolution at most. The total is what Timing Detail has"
    " as the call's time. Asked is how often the client asked for the result."
)

_COLUMNS = (
    *("Endpoint", "Start", "Jobs", "Submit", "Waiting", "Resolution", "Delivery", "Total"),
    "Asked",
)


def jobs(results: Sequence[EndpointResult]) -> str:
    """Return a row for every endpoint and start whose answers were asked for; nothing if none was."""
    rows = [
        _row(result, start, done)
        for result in results
        for start in get_args(Start)
        if (done := [each for each in calls(result.samples, start) if each.ok and each.job is not None])
    ]
    return f"{_LEGEND}\n\n{table(_COLUMNS, rows)}" if rows else ""


def _row(result: EndpointResult, start: Start, done: Sequence[Sample]) -> tuple[str, ...]:
    known = [sample.job for sample in done if sample.job is not None]
    mark = partial(doubted, proven=start != "cold" or result.cold_verified)
    return (
        name_cell(result.id),
        start,
        str(len(known)),
        mark(_median([job.submit_sec for job in known])),
        mark(_median([job.waiting_sec for job in known])),
        _median([job.resolution_sec for job in known]),
        mark(_median([job.delivery_sec for job in known])),
        mark(_median([sample.elapsed_sec for sample in done])),
        count(median(job.asked for job in known)),
    )


def _median(values: Sequence[float | None]) -> str:
    known = [value for value in values if value is not None]
    return seconds(median(known) if known else None)
