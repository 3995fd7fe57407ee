"""What an endpoint under load is held against: its budgets at every step, or a knee that is to be reached."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pytest_modal_bench.gate.load.steps import broken, by_kind, called, knee, metrics, unsaid
from pytest_modal_bench.gate.verdicts import worst
from pytest_modal_bench.model import Check
from pytest_modal_bench.safety.text import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytest_modal_bench.gate.load.steps import Held, Metric
    from pytest_modal_bench.model import Budget, Load, LoadStep, Verdict


class _Found(NamedTuple):
    """What one step comes to."""

    verdict: Verdict
    held: Held
    limit: float


def checks(load: Load, budget: Budget) -> list[Check]:
    """Hold an endpoint's load against `budget`. A budget without data fails, and so does a load without an answer."""
    return [*_nothing_answered(load), *_knee(load, budget), *_budgets(load, budget), *_errors(load, budget)]


def _nothing_answered(load: Load) -> Iterator[Check]:
    if any(step.answered for step in load.steps):
        return
    made = sum(step.n for step in load.steps)
    causes = ", ".join(dict.fromkeys(cause for step in load.steps for cause in step.errors))
    if made:
        said = f"none of {counted(made, 'call')} was answered ({causes})"
    elif load.stopped or any(step.under_way for step in load.steps):
        said = f"no call ended{_why(load)}"
    else:
        # In a mix that is short, or where others weigh much more, one may not be drawn at all.
        said = "not one call was made to it: a longer duration, a higher rate or a larger load_weight gives it some"
    yield Check(metric="load_errors", against="budget", verdict="FAIL", message=f"under load: {said}", n=made)


def _budgets(load: Load, budget: Budget) -> Iterator[Check]:
    """Yield a check for each budget over all steps, but for those that the knee stands for."""
    steps = load.steps
    if budget.min_knee is not None:
        steps = tuple(step for step in steps if step.kind != load.steps[0].kind)
        if not steps:
            return
    for metric in metrics(budget):
        yield _check(metric, [_at(metric, step) for step in steps], load)


def _at(metric: Metric, step: LoadStep) -> _Found:
    """Return what one step comes to. One that does not say has not kept its budget."""
    verdicts: tuple[tuple[Verdict, float | None], ...] = (
        ("FAIL", metric.level.fail),
        ("WARN", metric.level.warn),
    )
    for verdict, limit in verdicts:
        if limit is not None and not (held := metric.hold(step, limit)).keeps:
            return _Found("FAIL" if held.keeps is None else verdict, held, limit)
    return _Found("PASS", metric.hold(step, metric.limit), metric.limit)


def _check(metric: Metric, found: Sequence[_Found], load: Load) -> Check:
    """Return what all steps come to. Where one does not say, a higher one that keeps its budget says it for it."""
    saying = [each for each in found if each.held.keeps is not None or not _said_by_higher(each, found)]
    if not saying:
        said = f"under load: {metric.label}: no data: no step was made{_why(load)}"
        return Check(metric=metric.name, against="budget", verdict="FAIL", message=said, limit=metric.limit)
    verdict = worst(each.verdict for each in saying)
    alike = [each for each in saying if each.verdict == verdict]
    # Of those that break it the first tells where that begins; of those that keep it, the worst how near it is.
    first = (
        max(alike, key=lambda each: each.held.value or 0.0)
        if verdict == "PASS"
        else min(alike, key=lambda each: each.held.keeps is None)
    )
    held = first.held
    others = [called(each.held.step) for each in alike if each is not first and verdict != "PASS"]
    more = f", and with {', '.join(others)}" if others else ""
    unknown = f"{metric.label}: no data: " if held.keeps is None else ""
    return Check(
        metric=metric.name,
        against="budget",
        verdict=verdict,
        message=f"under load, {called(held.step)}: {unknown}{held.said}{more}",
        value=held.value,
        limit=first.limit,
        n=held.step.n,
    )


def _said_by_higher(one: _Found, found: Sequence[_Found]) -> bool:
    mine = one.held.step
    return any(
        each.held.keeps and each.held.step.kind == mine.kind and each.held.step.value > mine.value
        for each in found
    )


def _why(load: Load) -> str:
    return f": {load.stopped}" if load.stopped else ""


def _errors(load: Load, budget: Budget) -> Iterator[Check]:
    """Yield a warning for calls that failed where no budget says how many may."""
    failed = [(step, step.n - step.answered) for step in load.steps if step.n > step.answered]
    if budget.max_errors is not None or not failed or not any(step.answered for step in load.steps):
        return
    total = sum(number for _, number in failed)
    made = sum(step.n for step in load.steps)
    first = called(failed[0][0])
    yield Check(
        metric="load_errors",
        against="budget",
        verdict="WARN",
        message=f"under load: {total} of {counted(made, 'call')} failed, from {first} on, and no `max_errors` is set",
        value=total / made,
        n=made,
    )


def _knee(load: Load, budget: Budget) -> Iterator[Check]:
    """Yield whether the highest step that keeps all budgets is as high as asked for, of the first kind of step."""
    level = budget.min_knee
    if level is None:
        return
    asked = level.fail if level.fail is not None else level.warn
    kinds = by_kind(load)
    if not kinds or not metrics(budget):
        why = (
            "no step was made" if not kinds else "no max_p95, max_errors or max_ttft says what is to be kept"
        )
        said = f"under load: knee: no data: {why}"
        yield Check(metric="load_knee", against="budget", verdict="FAIL", message=said, limit=asked)
        return
    steps = next(iter(kinds.values()))
    found = knee(steps, budget)
    value = 0.0 if found is None else found.value
    verdict: Verdict = "PASS"
    if level.fail is not None and value < level.fail:
        verdict = "FAIL"
    elif level.warn is not None and value < level.warn:
        verdict, asked = "WARN", level.warn
    kept = "at no step" if found is None else f"up to {called(found)}"
    sign = ">=" if verdict == "PASS" else "<"
    yield Check(
        metric="load_knee",
        against="budget",
        verdict=verdict,
        message=f"under load: budgets kept {kept} {sign} {asked:g}{_obstacle(steps, found, budget)}",
        value=None if found is None else value,
        limit=asked,
    )


def _obstacle(steps: Sequence[LoadStep], found: LoadStep | None, budget: Budget) -> str:
    """Say what the next step above `found` lacks; nothing if there is none."""
    above = [step for step in steps if found is None or step.value > found.value]
    step = min(above, key=lambda step: step.value, default=None)
    if step is None:
        return ", the highest that was made"
    lacks = [*broken(step, budget), *unsaid(step, budget)]
    return f"; {called(step)}: {', '.join(held.said for held in lacks)}" if lacks else ""
