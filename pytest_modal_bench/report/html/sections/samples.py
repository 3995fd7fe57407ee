"""Every call of the run, a row each, for the table that sorts and filters."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from pytest_modal_bench.report.escape import NAME_LIMIT, line
from pytest_modal_bench.report.figures.timestamps import moment
from pytest_modal_bench.report.figures.units import UNKNOWN, cost, doubted, seconds
from pytest_modal_bench.report.html.rows import Rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

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

    rows: Rows[Row]
    left_out: int
    columns: frozenset[str]
    """Those of the columns that may be empty, by their fields of a row, that hold something in one of them."""


def samples(endpoints: Sequence[Named]) -> Samples:
    """Return the calls of all endpoints in the order in which they stand in the run, `MOST` at most."""
    total = sum(len(each.result.samples) for each in endpoints)
    columns = {name for _, sample in _shown(endpoints) for name in _known(sample)}
    rows = Rows(lambda: (_row(each, sample) for each, sample in _shown(endpoints)), min(total, MOST))
    return Samples(rows, max(total - MOST, 0), frozenset(columns))


def _shown(endpoints: Sequence[Named]) -> Iterator[tuple[Named, Sample]]:
    return islice(((each, sample) for each in endpoints for sample in each.result.samples), MOST)


def _known(sample: Sample) -> Iterator[str]:
    """Yield which of the columns that may be empty a call fills."""
    cells = (("ttft", _ttft), ("cost", _cost), ("container", _container))
    return (name for name, cell in cells if cell(sample) != UNKNOWN)


def _ttft(sample: Sample) -> str:
    ttft = sample.stream.ttft_sec if sample.stream is not None else None
    return doubted(seconds(ttft), proven=_is_proven(sample))


def _cost(sample: Sample) -> str:
    return doubted(cost(sample.cost_usd, sample.cost_basis), proven=_is_proven(sample))


def _container(sample: Sample) -> str:
    return line(sample.container or UNKNOWN, NAME_LIMIT)


def _is_proven(sample: Sample) -> bool:
    return sample.start != "cold" or sample.proof is not None


def _row(each: Named, sample: Sample) -> Row:
    read = moment(sample.started_at)
    return Row(
        each.name,
        sample.start,
        "dropped" if sample.dropped else "ok" if sample.ok else (sample.cause or "failed").replace("_", " "),
        "warn" if sample.dropped else "pass" if sample.ok else "fail",
        doubted(seconds(sample.elapsed_sec), proven=_is_proven(sample)),
        sample.elapsed_sec,
        _ttft(sample),
        UNKNOWN if sample.http_status is None else str(sample.http_status),
        UNKNOWN if sample.size_bytes is None else seconds(sample.size_bytes / _KIB),
        _cost(sample),
        _container(sample),
        line(sample.started_at, NAME_LIMIT) if read is None else f"{read:%H:%M:%S}",
        line(sample.dropped or sample.error or _standing(sample), _NOTE_LIMIT),
    )


def _standing(sample: Sample) -> str:
    if sample.start == "cold":
        standing = sample.proof or "unverified"
    else:
        standing = sample.unchecked or ("took a second try to connect" if sample.reconnected else "")
    if not sample.client_busy:
        return standing or UNKNOWN
    busy = f"its time may be too long: {sample.client_busy}"
    return f"{standing}; {busy}" if standing else busy
