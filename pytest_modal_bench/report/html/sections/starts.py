"""Where the time of each cold start went, as far as anyone accounts for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pytest_modal_bench.report.figures.units import doubted, seconds
from pytest_modal_bench.report.html.charts import bar
from pytest_modal_bench.report.html.rows import Rows
from pytest_modal_bench.report.html.scales import Scale, plottable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytest_modal_bench.model import EndpointResult, Sample
    from pytest_modal_bench.report.html.charts import Bar
    from pytest_modal_bench.report.html.scales import Tick
    from pytest_modal_bench.report.html.sections.names import Named


class ColdStarts(NamedTuple):
    """All of a run's, on one axis."""

    bars: Rows[Bar]
    ticks: tuple[Tick, ...]
    accounted: bool
    """Whether anything but their whole is known of any of them."""


def cold_starts(endpoints: Sequence[Named]) -> ColdStarts:
    """Return a bar for each cold start that counts."""
    times, accounted = [], False
    for _, sample in _found(endpoints):
        times.append(sample.elapsed_sec)
        accounted = accounted or sample.unattributed_sec is not None
    scale = Scale.of(times, logarithmic=False)
    bars = Rows(lambda: (_bar(each, sample, scale) for each, sample in _found(endpoints)), len(times))
    return ColdStarts(bars, tuple(scale.ticks()), accounted)


def _found(endpoints: Sequence[Named]) -> Iterator[tuple[Named, Sample]]:
    for each in endpoints:
        for sample in each.result.samples:
            if sample.start == "cold" and sample.counts and plottable(sample.elapsed_sec):
                yield each, sample


def parts(result: EndpointResult, sample: Sample) -> dict[str, float]:
    """Return the parts of a cold start in seconds, without those that are not known; together they are its time.

    Queue and boot are the provider's, execution is the provider's or the server's; load is `load_sec`, a part of the
    execution. Transfer is the client's: connecting, sending, and taking the answer in. It is only told apart where an
    answer comes in one piece, since a stream is still being worked on while it is taken in.
    """
    provider = sample.provider
    execution = sample.execution_part_sec
    load = None if result.load_sec is None or execution is None else min(max(result.load_sec, 0), execution)
    known = {
        "queue": provider.queue_sec if provider is not None else None,
        "boot": provider.boot_sec if provider is not None else None,
        "load": load,
        "execution": None if execution is None else execution - (load or 0),
    }
    left = sample.elapsed_sec - sum(value for value in known.values() if value is not None)
    known["transfer"] = _transfer(sample, left)
    known["unattributed"] = left - (known["transfer"] or 0)
    return {kind: value for kind, value in known.items() if value is not None and value > 0}


def _transfer(sample: Sample, left: float) -> float | None:
    phases = sample.phases
    whole = (phases.connect_sec, phases.tls_sec, phases.send_sec, phases.download_sec)
    seconds_known = [value for value in whole if value is not None]
    if sample.stream is not None or sample.job is not None or not seconds_known:
        return None
    return min(sum(seconds_known), max(left, 0))


def _bar(each: Named, sample: Sample, scale: Scale) -> Bar:
    proven = sample.proof is not None
    written = {
        kind: (value, doubted(f"{'~' * (kind == 'load')}{seconds(value)}", proven=proven))
        for kind, value in parts(each.result, sample).items()
    }
    whole = f"{doubted(seconds(sample.elapsed_sec), proven=proven)} s"
    return bar(each.name, written, scale, whole, "proven" if proven else "unverified")
