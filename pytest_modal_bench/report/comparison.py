"""Two runs side by side: the endpoints that both measured, and in the same way, or why not."""

from __future__ import annotations

import math
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from pytest_modal_bench.gate.comparability import SAME, other_cost, other_simulation
from pytest_modal_bench.gate.metrics import METRICS
from pytest_modal_bench.gate.summary import quarantined, verdict_or_default
from pytest_modal_bench.report.cells import long_names, name_cell
from pytest_modal_bench.report.escape import MESSAGE_LIMIT, NAME_LIMIT, code, text
from pytest_modal_bench.report.figures.series_cells import HEADS, figure, shown_metrics
from pytest_modal_bench.report.figures.timestamps import shown
from pytest_modal_bench.report.figures.units import UNKNOWN, doubted
from pytest_modal_bench.report.sections.load_comparison import LoadPair, load_comparison
from pytest_modal_bench.report.table import table
from pytest_modal_bench.safety.text import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pytest_modal_bench.gate.metrics import Name
    from pytest_modal_bench.model import EndpointResult, Run


class _Pair(NamedTuple):
    old: EndpointResult
    new: EndpointResult
    simulation: str | None
    """What keeps the two runs apart, if one of them was simulated."""

    @property
    def differences(self) -> list[str]:
        """Why the numbers of the two are not those of one thing; nothing if they are."""
        simulation = [] if self.simulation is None else [text(self.simulation, MESSAGE_LIMIT)]
        return simulation + [
            f"{name} {text(theirs, NAME_LIMIT) or UNKNOWN} -> {text(ours, NAME_LIMIT) or UNKNOWN}"
            if name != "payload"
            else "another payload"
            for field, name in SAME.items()
            if (theirs := getattr(self.old, field)) is not None
            and (ours := getattr(self.new, field)) is not None
            and theirs != ours
        ]

    def proven(self, name: Name) -> bool:
        """Whether nothing in a ratio of the two is an unproven cold start."""
        return name != "cold" or bool(self.old.cold_verified and self.new.cold_verified)

    def ratio(self, name: Name) -> float | None:
        """New over old; None where one is unknown, or they are not to be compared."""
        old, new = METRICS[name].median(self.old), METRICS[name].median(self.new)
        if self.differences or not old or new is None or not math.isfinite(new / old):
            return None
        if name == "cost" and other_cost(self.old, self.new):
            return None
        return new / old


def render(old: Run, new: Run, left_out: Sequence[str] = ()) -> str:
    """Return the comparison as markdown, which reads as well in a terminal. `left_out`: what is not in it."""
    pairs = _pairs(old, new)
    metrics = shown_metrics(result for pair in pairs for result in (pair.old, pair.new))
    parts = [
        f"- old: {_what(old)}\n- new: {_what(new)}",
        f"{counted(len(pairs), 'endpoint')} in both{_medians(pairs)}",
        table(
            ("Endpoint", *(HEADS[name] for name in metrics), "Verdict"),
            [_row(pair, metrics) for pair in pairs],
        )
        if pairs
        else "",
        load_comparison([LoadPair(pair.old, pair.new, not pair.differences) for pair in pairs]),
        "\n".join(
            [
                *_incomparable(pairs),
                *_alone("old", old.results, [pair.old for pair in pairs]),
                *_alone("new", new.results, [pair.new for pair in pairs]),
                *(f"- {text(line)}" for line in left_out),
            ]
        ),
        long_names(pair.new.id for pair in pairs),
    ]
    return "\n\n".join(filter(None, parts)) + "\n"


def newly_failing(old: Run, new: Run) -> list[EndpointResult]:
    """Return the results in `new` that fail, and can, of endpoints that succeeded in `old`."""
    return [
        pair.new
        for pair in _pairs(old, new)
        if not _fails(pair.old) and pair.old.status == "success"
        if _fails(pair.new) and not quarantined(pair.new, new)
    ]


def _pairs(old: Run, new: Run) -> list[_Pair]:
    simulation = other_simulation(old.simulated, new.simulated)
    by_id = {result.id: result for result in old.results}
    by_path = {result.path: result for result in reversed(old.results) if result.case is None}
    found = ((by_id.get(result.id) or _of_path(result, by_path), result) for result in new.results)
    return [_Pair(earlier, result, simulation) for earlier, result in found if earlier is not None]


def _of_path(result: EndpointResult, by_path: Mapping[str, EndpointResult]) -> EndpointResult | None:
    """Return the earlier result of the same path, if one of both is the reference benchmark's: it has no other id."""
    earlier = by_path.get(result.path) if result.case is None else None
    if earlier is None or result.path not in (earlier.id, result.id):
        return None
    return earlier


def _fails(result: EndpointResult) -> bool:
    return result.status == "failed" or verdict_or_default(result) in ("FAIL", "ERROR")


def _what(run: Run) -> str:
    where = [code(run.workspace), *([code(run.environment)] if run.environment else [])]
    return f"{'/'.join(where)}, {shown(run.timestamp)}{', simulated' if run.simulated else ''}"


def _medians(pairs: Sequence[_Pair]) -> str:
    said = []
    for name, metric in METRICS.items():
        compared = [pair for pair in pairs if pair.ratio(name) is not None]
        ratios = [ratio for pair in compared if (ratio := pair.ratio(name)) is not None]
        if ratios:
            shown = doubted(_times(median(ratios)), proven=all(pair.proven(name) for pair in compared))
            said.append(f"{metric.label} {shown} (median of {counted(len(ratios), 'pair')})")
    return f"; new over old: {', '.join(said)}" if said else "; none with numbers to compare"


def _row(pair: _Pair, metrics: Sequence[Name]) -> tuple[str, ...]:
    old, new = pair.old, pair.new
    return (
        name_cell(new.id),
        *(
            _change(figure(old, name), figure(new, name), pair.ratio(name), proven=pair.proven(name))
            for name in metrics
        ),
        _change(verdict_or_default(old), verdict_or_default(new)),
    )


def _change(old: str, new: str, ratio: float | None = None, *, proven: bool = True) -> str:
    if old == new and ratio is None:
        return old
    return f"{old} -> {new}{'' if ratio is None else f' ({doubted(_times(ratio), proven=proven)})'}"


def _times(ratio: float) -> str:
    return f"{ratio:.3g}x"


def _incomparable(pairs: Sequence[_Pair]) -> Iterator[str]:
    for pair in pairs:
        if pair.differences:
            yield f"- {code(pair.new.id)}: not comparable: {', '.join(pair.differences)}"


def _alone(name: str, results: Sequence[EndpointResult], paired: Sequence[EndpointResult]) -> Iterator[str]:
    both = {result.id for result in paired}
    ids = [result.id for result in results if result.id not in both]
    if ids:
        yield f"- only in {name}: {', '.join(map(code, ids))}"
