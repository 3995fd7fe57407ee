"""What streams were in time: when their first output came, how the others followed, what their tokens cost."""

from __future__ import annotations

from collections import Counter
from functools import partial
from statistics import median
from typing import TYPE_CHECKING

from pytest_modal_bench.model.series import calls, series
from pytest_modal_bench.report.cells import Cells, name_cell
from pytest_modal_bench.report.figures.series_cells import STAR
from pytest_modal_bench.report.figures.units import UNKNOWN, cost, count, doubted, rate, seconds
from pytest_modal_bench.report.table import table
from pytest_modal_bench.safety.text import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_modal_bench.model import EndpointResult, Start, Streamed

_LEGEND = (
    "Seconds on the client's clock, medians over the calls that succeeded; what is not named cold or first is of the"
    " warm ones. TTFT is the time from a call's start to its first output, ITL that between two outputs: its median"
    " and its 95th percentile within a call, and the longest of all calls. Tokens are as the server counts them; where"
    " it does not, the outputs are counted and called chunks. Tokens/s is (tokens - 1) / (last - first output)."
)

_COLUMNS = (
    *("Endpoint", "TTFT Cold", "TTFT First", "TTFT Warm", "ITL", "ITL 95%", "ITL Longest"),
    *("Output Tokens", "Tokens/s", "$/1M Tokens", "Finish Reasons"),
)


def streaming(results: Sequence[EndpointResult]) -> str:
    """Return a row for every endpoint that answered with a stream; nothing if none did."""
    cells = Cells()
    rows = [
        _row(result, cells)
        for result in results
        if any(sample.counts and sample.stream is not None for sample in result.samples)
    ]
    return cells.with_full_texts(f"{_LEGEND}\n\n{table(_COLUMNS, rows)}") if rows else ""


def _row(result: EndpointResult, cells: Cells) -> tuple[str, ...]:
    cold, first, warm = (_streams(result, start) for start in ("cold", "first", "warm"))
    mark = partial(_marked, result=result, start="warm")
    longest = [stream.itl_max_sec for stream in warm if stream.itl_max_sec is not None]
    return (
        name_cell(result.id),
        doubted(
            _marked(seconds(result.cold_ttft_sec), result=result, start="cold"), proven=result.cold_verified
        ),
        seconds(_median([stream.ttft_sec for stream in first if stream.ttft_sec is not None])),
        mark(seconds(result.ttft_sec)),
        mark(seconds(result.itl_sec)),
        mark(seconds(result.itl_p95_sec)),
        mark(seconds(max(longest, default=None))),
        mark(_output(result, warm)),
        mark(rate(result.tokens_per_sec)),
        mark(cost(result.usd_per_million_tokens, result.cost_basis)),
        cells.text(_reasons([*cold, *first, *warm]), result.id),
    )


def _streams(result: EndpointResult, start: Start) -> list[Streamed]:
    return [
        sample.stream for sample in calls(result.samples, start) if sample.ok and sample.stream is not None
    ]


def _marked(shown: str, *, result: EndpointResult, start: Start) -> str:
    return f"{shown}{STAR}" if shown != UNKNOWN and series(result, start).partial else shown


def _output(result: EndpointResult, warm: Sequence[Streamed]) -> str:
    if result.output_tokens is not None:
        return count(result.output_tokens)
    chunks = _median([stream.chunks for stream in warm])
    return UNKNOWN if chunks is None else f"{count(chunks)} {'chunk' if chunks == 1 else 'chunks'}"


def _reasons(streams: Sequence[Streamed]) -> str:
    """Why they ended, and how often if that differs."""
    found = Counter(stream.finish_reason for stream in streams if stream.finish_reason)
    if found.total() == len(streams) and len(found) == 1:
        return next(iter(found))
    return ", ".join(f"{reason} ({counted(number, 'call')})" for reason, number in found.items()) or UNKNOWN


def _median(values: Sequence[float]) -> float | None:
    return median(values) if values else None
