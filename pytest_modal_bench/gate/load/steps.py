"""One step of a load beside its budgets, and up to which step they are kept.

A step keeps a budget, breaks it, or does not say: it made too few calls for a percentile. One that does not say breaks
the budget if so many of its calls are beyond the limit that it would be so in fewer than one of twenty cases where the
budget is kept (the binomial distribution's upper tail).
"""

from __future__ import annotations

import math
import operator
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

from pytest_modal_bench.gate.budgets import beside
from pytest_modal_bench.gate.statistics import chance_of_more, fewest_for
from pytest_modal_bench.safety.text import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Literal

    from pytest_modal_bench.model import Budget, Level, Load, LoadStep, StepKind

    Name = Literal["load_p95", "load_errors", "load_ttft"]

_SURE = 0.05


class Held(NamedTuple):
    """One step beside one limit."""

    step: LoadStep
    keeps: bool | None
    """None: it does not say."""
    value: float | None
    said: str
    """Its figure and the limit, or why there is none."""


class Metric(NamedTuple):
    """One budget."""

    name: Name
    label: str
    """What it is called in a sentence."""
    level: Level
    hold: Callable[[LoadStep, float], Held]
    """Puts a step beside a limit."""

    @property
    def limit(self) -> float:
        """From where on it fails or, where it only warns, warns."""
        level = self.level
        return level.fail if level.fail is not None else level.warn if level.warn is not None else 0.0


def limits(budget: Budget) -> dict[str, float]:
    """Return what `budget` asks of each step, by how it is called in a sentence."""
    return {metric.label: metric.limit for metric in metrics(budget)}


def broken(step: LoadStep, budget: Budget) -> list[Held]:
    """Return the limits that `step` breaks."""
    return [held for held in _held(step, budget) if held.keeps is False]


def unsaid(step: LoadStep, budget: Budget) -> list[Held]:
    """Return the limits of which `step` does not say whether it keeps them."""
    return [held for held in _held(step, budget) if held.keeps is None]


def knee(steps: Sequence[LoadStep], budget: Budget) -> LoadStep | None:
    """Return the highest of `steps`, all of one kind, that keeps `budget`, where none below it breaks it.

    One below that does not say is no obstacle: a higher one says it for it. None: none keeps it.
    """
    found = None
    for step in sorted(steps, key=lambda step: step.value):
        if broken(step, budget):
            break
        if not unsaid(step, budget):
            found = step
    return found


def by_kind(load: Load) -> dict[StepKind, list[LoadStep]]:
    """Return the steps of each kind, in the order in which they were asked for."""
    found: dict[StepKind, list[LoadStep]] = {}
    for step in load.steps:
        found.setdefault(step.kind, []).append(step)
    return found


def called(step: LoadStep) -> str:
    """Return what a step is called, such as `4 users`."""
    value = step.value
    match step.kind:
        case "users":
            return "1 user" if value == 1 else f"{value:g} users"
        case "rate":
            return f"{value:g} calls/s"
        case "burst":
            return f"a burst of {value:g}"
    return f"a ramp to {value:g} users"


def _held(step: LoadStep, budget: Budget) -> list[Held]:
    return [metric.hold(step, metric.limit) for metric in metrics(budget)]


def metrics(budget: Budget) -> list[Metric]:
    """Return what `budget` holds each step against."""
    levels: tuple[tuple[Name, str, Level | None, Callable[[LoadStep, float], Held]], ...] = (
        ("load_p95", "p95", budget.max_p95, _p95),
        ("load_errors", "errors", budget.max_errors, _error_share),
        ("load_ttft", "TTFT", budget.max_ttft, _ttft),
    )
    return [Metric(name, label, level, hold) for name, label, level, hold in levels if level is not None]


def _p95(step: LoadStep, limit: float) -> Held:
    timed_out = step.errors.get("timeout", 0)
    known = step.answered + timed_out
    blame = _blame(step)
    if step.p95_sec is not None:
        keeps = step.p95_sec <= limit
        sign = "<=" if keeps else ">"
        said = f"p95 {beside(limit, step.p95_sec, operator.gt)} s {sign} {limit:g} s{'' if keeps else blame}"
        return Held(step, keeps, step.p95_sec, said)
    if known >= fewest_for(0.95) and step.censored_sec is not None:
        said = f"p95 above {step.censored_sec:.3g} s: {counted(timed_out, 'call')} timed out"
        return Held(step, False, None, said)
    beyond = _beyond(step, limit)
    if beyond and chance_of_more(beyond, known, _SURE) < _SURE:
        return Held(
            step, False, None, f"{beyond} of {counted(known, 'call')} took longer than {limit:g} s{blame}"
        )
    return Held(
        step, None, None, f"{counted(known, 'call')}, and p95 takes {fewest_for(0.95)}{_longer(step, known)}"
    )


def _blame(step: LoadStep) -> str:
    """Say what else than the load may have made a step slow: starts of containers, and the client itself."""
    starts = f"{counted(step.cold_calls, 'call')} met a cold start" if step.cold_calls else ""
    said = ", ".join(filter(None, [starts, "the generator was behind" if step.behind else ""]))
    return f" ({said})" if said else ""


def _longer(step: LoadStep, known: int) -> str:
    """Say how long the step would have to be for enough calls at its own pace."""
    if not known or step.kind == "burst":
        return ""
    longer_sec = step.took_sec * fewest_for(0.95) / known
    return f": about {math.ceil(longer_sec)} s of it"


def _beyond(step: LoadStep, limit: float) -> int:
    """Return how many calls took longer than `limit`; those that were not kept are not counted."""
    return sum(
        (call.ok or call.cause == "timeout") and call.latency_sec > limit
        for call in step.calls
        if not call.under_way
    )


def _ttft(step: LoadStep, limit: float) -> Held:
    if step.ttft_p50_sec is None:
        return Held(step, None, None, "too few calls say when their first output came")
    sign = "<=" if step.ttft_p50_sec <= limit else ">"
    said = f"TTFT {beside(limit, step.ttft_p50_sec, operator.gt)} s {sign} {limit:g} s"
    return Held(step, step.ttft_p50_sec <= limit, step.ttft_p50_sec, said)


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"


def _error_share(step: LoadStep, limit: float) -> Held:
    if not step.n:
        return Held(step, None, None, "no call ended")
    share = (step.n - step.answered) / step.n
    keeps = step.n - step.answered <= Fraction(repr(float(limit))) * step.n
    sign = "<=" if keeps else ">"
    said = f"errors {step.n - step.answered} of {step.n} ({_percent(share)}) {sign} {_percent(limit)}"
    return Held(step, keeps, share, said)
