"""Every call of the run, a row each, for the table that sorts and filters."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pytest_modal_bench.report.escape import NAME_LIMIT, line
from pytest_modal_bench.report.figures.timestamps import moment
from pytest_modal_bench.report.figures.units import UNKNOWN, cost, doubted, seconds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_modal_bench.model import Sample
    from pytest_modal_bench.report.html.sections.names import Named

MOST = 20_000
"""Rows that browsers still sort and filter at once."""
_NOTE_LIMIT = 300
_KIB = 1024


class Row(NamedTuple):
    """One call."""

    endpoint: str
    start: str
    result: str
    tone: str
    seconds: str
    exactly: float
    """The same to the last digit, to sort by."""
    ttft: str
    status: str
    kib: str
    cost: str
    container: str
    started: str
    note: str
    """Why it failed or counts for nothing, or what proves it."""


class Samples(NamedTuple):
    """The calls that the table has."""

    rows: tuple[Row, ...]
    left_out: int
    columns: frozenset[str]
    """Those fields of a row that hold something in one of them."""


def samples(endpoints: Sequence[Named]) -> Samples:
    """Return the calls of all endpoints in the order in which they stand in the run, `MOST` at most."""
    every = [(each, sample) for each in endpoints for sample in each.result.samples]
    rows = tuple(_row(each, sample) for each, sample in every[:MOST])
    columns = (name for name in Row._fields if any(getattr(row, name) != UNKNOWN for row in rows))
    return Samples(rows, max(len(every) - MOST, 0), frozenset(columns))


def _row(each: Named, sample: Sample) -> Row:
    cold = sample.start == "cold"
    proven = not cold or sample.proof is not None
    ttft = sample.stream.ttft_sec if sample.stream is not None else None
    read = moment(sample.started_at)
    return Row(
        each.name,
        sample.start,
        "dropped" if sample.dropped else "ok" if sample.ok else (sample.cause or "failed").replace("_", " "),
        "warn" if sample.dropped else "pass" if sample.ok else "fail",
        doubted(seconds(sample.elapsed_sec), proven=proven),
        sample.elapsed_sec,
        doubted(seconds(ttft), proven=proven),
        UNKNOWN if sample.http_status is None else str(sample.http_status),
        UNKNOWN if sample.size_bytes is None else seconds(sample.size_bytes / _KIB),
        doubted(cost(sample.cost_usd, sample.cost_basis), proven=proven),
        line(sample.container or UNKNOWN, NAME_LIMIT),
        line(sample.started_at, NAME_LIMIT) if read is None else f"{read:%H:%M:%S}",
        line(sample.dropped or sample.error or _standing(sample), _NOTE_LIMIT),
    )


def _standing(sample: Sample) -> str:
    if sample.start == "cold":
        standing = sample.proof or "unverified"
    else:
        standing = sample.unchecked or ("took a second try to connect" if sample.reconnected else "")
    busy = f"its time may be too long: {sample.client_busy}" if sample.client_busy else ""
    return "; ".join(filter(None, (standing, busy))) or UNKNOWN
