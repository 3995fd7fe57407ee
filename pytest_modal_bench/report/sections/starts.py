"""What each cold start rests on, and where its time went as far as anyone accounts for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_modal_bench.gate.doubts import inconclusive
from pytest_modal_bench.report.cells import Cells, name_cell
from pytest_modal_bench.report.escape import code, text
from pytest_modal_bench.report.figures.units import UNKNOWN, doubted, seconds
from pytest_modal_bench.report.labels import Labels
from pytest_modal_bench.report.table import table
from pytest_modal_bench.safety.text import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytest_modal_bench.model import EndpointResult, Sample

_LEGEND = (
    "Seconds. Queue, boot and execution are the provider's or the server's own; load is an estimate, the first"
    " execution less the median warm one; unattributed is what nobody accounts for."
)

_COLUMNS = (
    *("Endpoint", "Cold", "Queue", "Boot", "Execution", "Load", "Unattributed"),
    *("Container", "Proof"),
)


def cold_starts(results: Sequence[EndpointResult]) -> str:
    """Return a row for every cold start that counts, then what could not be had or was taken again."""
    cells = Cells()
    rows = [
        _row(result, sample, cells)
        for result in results
        for sample in result.samples
        if sample.start == "cold" and sample.counts
    ]
    parts = [f"{_LEGEND}\n\n{table(_COLUMNS, rows)}"] if rows else []
    labels = Labels(results)
    lines = [line for result in results for line in _lines(result, labels.path(result))]
    return cells.with_full_texts("\n\n".join([*parts, *(["\n".join(lines)] if lines else [])]))


def _row(result: EndpointResult, sample: Sample, cells: Cells) -> tuple[str, ...]:
    provider = sample.provider
    return (
        name_cell(result.id),
        seconds(sample.elapsed_sec),
        seconds(provider.queue_sec if provider is not None else None),
        seconds(provider.boot_sec if provider is not None else None),
        seconds(sample.execution_part_sec),
        UNKNOWN
        if result.load_sec is None
        else doubted(f"~{seconds(result.load_sec)}", proven=sample.proof is not None),
        seconds(sample.unattributed_sec),
        cells.name(sample.container or "", result.id),
        cells.text(sample.proof, result.id) if sample.proof is not None else "unverified",
    )


def _lines(result: EndpointResult, label: str) -> Iterator[str]:
    for line in inconclusive(result):
        yield f"- {code(label)}: {text(line)}".rstrip()
    dropped = [sample.dropped for sample in result.samples if sample.dropped is not None]
    if dropped:
        # Each reason once: they name containers and calls, and are alike otherwise.
        reasons = "; ".join(map(text, dict.fromkeys(dropped)))
        yield f"- {code(label)}: {counted(len(dropped), 'call')} dropped: {reasons}".rstrip()
