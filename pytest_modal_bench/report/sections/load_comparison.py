"""Two runs' loads side by side: the steps that both made, and up to where each kept its budgets."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from pytest_modal_bench.gate.load.steps import called
from pytest_modal_bench.report.cells import name_cell
from pytest_modal_bench.report.figures.units import UNKNOWN, cost, rate, seconds
from pytest_modal_bench.report.table import table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from pytest_modal_bench.model import EndpointResult, Knee, Load, LoadStep, StepKind

_COLUMNS = (
    "Endpoint",
    "Under Load",
    "p50 (s)",
    "p95 (s)",
    "TTFT p50 (s)",
    "Calls/s",
    "Errors",
    "Containers",
    "$/1,000",
)
_UNIT: dict[StepKind, str] = {
    "users": "users",
    "rate": "calls/s",
    "burst": "at once",
    "ramp": "users in a ramp",
}


class LoadPair(NamedTuple):
    """An endpoint of both runs."""

    old: EndpointResult
    new: EndpointResult
    comparable: bool
    """Whether their figures are those of one thing: only then is there a ratio of them."""


def load_comparison(pairs: Sequence[LoadPair]) -> str:
    """Return a row for each step that both runs made, and a line for each knee; nothing where there is neither."""
    rows, lines = [], []
    for pair in pairs:
        old, new = pair.old.load, pair.new.load
        if old is None or new is None:
            continue
        rows += [
            (name_cell(pair.new.id), *_cells(before, after, comparable=pair.comparable))
            for before, after in _steps(old, new)
        ]
        lines += [f"- {name_cell(pair.new.id)} {said}" for said in _knees(old, new)]
    return "\n\n".join(filter(None, [table(_COLUMNS, rows) if rows else "", "\n".join(lines)]))


def _steps(old: Load, new: Load) -> Iterator[tuple[LoadStep, LoadStep]]:
    before = {(step.kind, step.value): step for step in old.steps}
    for step in new.steps:
        if (step.kind, step.value) in before:
            yield before[step.kind, step.value], step


def _cells(old: LoadStep, new: LoadStep, *, comparable: bool) -> tuple[str, ...]:
    def change(value: Callable[[LoadStep], float | None], shown: Callable[[LoadStep], str]) -> str:
        before, after = value(old), value(new)
        written = shown(old) if shown(old) == shown(new) else f"{shown(old)} -> {shown(new)}"
        if not comparable or not before or after is None or not math.isfinite(after / before):
            return written
        return f"{written} ({after / before:.3g}x)"

    same_cost = old.cost_basis == new.cost_basis
    return (
        called(new),
        change(lambda step: step.p50_sec, lambda step: seconds(step.p50_sec)),
        change(lambda step: step.p95_sec, lambda step: seconds(step.p95_sec)),
        change(lambda step: step.ttft_p50_sec, lambda step: seconds(step.ttft_p50_sec)),
        change(lambda step: step.throughput_per_sec, lambda step: rate(step.throughput_per_sec)),
        change(lambda _: None, lambda step: f"{step.n - step.answered} of {step.n}"),
        change(lambda _: None, lambda step: UNKNOWN if step.containers is None else str(step.containers)),
        change(
            lambda step: step.usd_per_1000 if same_cost else None,
            lambda step: cost(step.usd_per_1000, step.cost_basis),
        ),
    )


def _knees(old: Load, new: Load) -> Iterator[str]:
    """Say up to where budgets were kept. They may have been others: both sentences are in the reports."""
    before = {knee.kind: knee for knee in old.knees}
    for knee in new.knees:
        if knee.kind in before:
            yield f"keeps its budgets up to ({_UNIT[knee.kind]}): {_value(before[knee.kind])} -> {_value(knee)}"


def _value(knee: Knee) -> str:
    return "no step" if knee.value is None else f"{knee.value:g}"
