"""Budgets: what an endpoint may take, whatever it took before."""

from __future__ import annotations

import math
import operator
import re
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from pytest_modal_bench.catalogue import limits
from pytest_modal_bench.gate import streams
from pytest_modal_bench.gate.metrics import METRICS
from pytest_modal_bench.gate.statistics import wilson_interval
from pytest_modal_bench.gate.survivors import beyond, survivors
from pytest_modal_bench.model import Budget, Check, EndpointResult, Level, Verdict
from pytest_modal_bench.model.series import Series, calls, reaches, series

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_modal_bench.gate.metrics import Name
    from pytest_modal_bench.gate.stopping import Limits

_LIMIT_DIGITS = 6


class _Words(NamedTuple):
    why_not: str
    """Why there is no data, where there is none."""
    mark: str = ""
    """What is to be known of the value."""


def parse(text: str) -> Budget:
    """Return the budget in `text`, such as `max_warm=5` or `max_warm=4:5 max_cost=0.1` (warn:fail).

    Raises ValueError, in one line, for anything else.
    """
    levels: dict[str, Level] = {}
    for part in re.split(r"[,\s]+", text.strip()):
        name, equals, value = part.partition("=")
        if name not in limits.METRICS or not equals:
            raise ValueError(
                "expected a metric and a number, such as max_warm=5,"
                f" got {part!r}; known: {', '.join(limits.METRICS)}"
            )
        first, colon, second = value.partition(":")
        bounds = [_number(each, part) for each in ([first, second] if colon else [first])]
        levels[name] = Level(warn=bounds[0], fail=bounds[1]) if colon else Level(fail=bounds[0])
        wrong = limits.misfit(levels[name], name)
        if wrong is not None:
            raise ValueError(f"{wrong}, in {part!r}")
    return Budget(**levels)


def checks(result: EndpointResult, budget: Budget, *, cold_due: bool) -> list[Check]:
    """Hold `result` against `budget`; `cold_due`: whether a cold start of this endpoint is to be known at all.

    A budget without data fails: what was not measured has not been kept to.
    """
    if result.status != "success":
        return []
    return list(_checks(result, budget, cold_due=cold_due))


def bounds(budget: Budget, beside: Limits | None = None) -> dict[Name, list[float]]:
    """Return what a budget holds medians against, in each metric's unit, with what stands `beside` it."""
    levels: dict[Name, Level | None] = {
        "cold": budget.max_cold,
        "warm": budget.max_warm,
        "cost": budget.max_cost,
        **_levels_of_streams(budget),
    }
    found = {
        name: [
            *(() if beside is None else beside.get(name, ())),
            *(() if level is None else (bound for bound in (level.warn, level.fail) if bound is not None)),
        ]
        for name, level in levels.items()
    }
    return {name: each for name, each in found.items() if each}


def _checks(result: EndpointResult, budget: Budget, *, cold_due: bool) -> Iterator[Check]:
    if budget.max_cold is not None and (cold_due or result.cold_time_sec is not None):
        cold = series(result, "cold")
        why = beyond(cold) or result.cold_inconclusive or "no cold start was measured"
        mark = f"{survivors(cold)}{', unverified' if result.cold_verified is False else ''}"
        yield _compared("cold", _known(result.cold_time_sec, cold), budget.max_cold, _Words(why, mark))
    warm = series(result, "warm")
    if budget.max_warm is not None:
        why = beyond(warm) or result.warm_inconclusive or "no warm call counts"
        value = _known(result.warm_time_sec, warm)
        yield _compared("warm", value, budget.max_warm, _Words(why, survivors(warm)))
    if budget.max_cost is not None:
        mark = f"{survivors(warm)}{', estimated' if result.cost_basis == 'estimated' else ''}"
        words = _Words("the cost of a warm call is unknown", mark)
        yield _compared("cost", result.cost_usd, budget.max_cost, words)
    yield from _of_streams(result, budget, warm)
    if budget.min_success is not None:
        yield _success(result, budget.min_success)


def _levels_of_streams(budget: Budget) -> dict[Name, Level | None]:
    return {"ttft": budget.max_ttft, "itl": budget.max_itl, "tokens_per_sec": budget.min_tokens_per_sec}


def _of_streams(result: EndpointResult, budget: Budget, warm: Series) -> Iterator[Check]:
    for name, level in _levels_of_streams(budget).items():
        if level is not None:
            unknown = result.warm_inconclusive if not warm.answered else None
            why = beyond(warm) or unknown or streams.why_unknown(name, calls(result.samples, "warm"))
            value = _known(METRICS[name].median(result), warm)
            yield _compared(name, value, level, _Words(why, survivors(warm)))


def _known(value: float | None, calls: Series) -> float | None:
    """Return a median, unless so many calls timed out that it lies beyond their deadline, whatever was written down."""
    return None if calls.censored_at is not None else value


def _compared(name: Name, value: float | None, level: Level, words: _Words) -> Check:
    metric = METRICS[name]
    if value is None:
        return Check(
            metric=name,
            against="budget",
            verdict="FAIL",
            message=f"{metric.label}: no data: {words.why_not}",
            limit=level.fail,
        )
    is_worse, worse, fine = (operator.lt, "<", ">=") if metric.less_is_worse else (operator.gt, ">", "<=")
    verdict, limit = _held(level, lambda bound: is_worse(value, bound))
    sign = worse if verdict != "PASS" else fine
    shown = "" if limit is None else f" {sign} {_rounded(limit, _LIMIT_DIGITS)}{metric.unit}"
    return Check(
        metric=name,
        against="budget",
        verdict=verdict,
        message=f"{metric.label} {beside(limit, value, is_worse)}{metric.unit}{shown}{words.mark}",
        value=value,
        limit=limit,
    )


def _success(result: EndpointResult, level: Level) -> Check:
    counting = [sample for sample in result.samples if sample.dropped is None]
    good = sum(sample.ok for sample in counting)
    interval = wilson_interval(good, len(counting))
    if interval is None:
        return Check(
            metric="success", against="budget", verdict="FAIL", message="success: no data: no call counts"
        )
    share = good / len(counting)
    verdict, limit = _held(level, lambda bound: not reaches(good, len(counting), bound))
    return Check(
        metric="success",
        against="budget",
        verdict=verdict,
        message=f"success {good} of {len(counting)} (95 %: {interval[0]:.0%} - {interval[1]:.0%})",
        value=share,
        limit=limit,
        n=len(counting),
    )


def _held(level: Level, beyond: Callable[[float], bool]) -> tuple[Verdict, float | None]:
    if level.fail is not None and beyond(level.fail):
        return "FAIL", level.fail
    if level.warn is not None and beyond(level.warn):
        return "WARN", level.warn
    return "PASS", level.fail if level.fail is not None else level.warn


def beside(limit: float | None, value: float, is_worse: Callable[[float, float], bool]) -> str:
    """Three significant digits of `value`, or as many as it takes to see on which side of `limit` it is."""
    for digits in range(3, 17):
        shown = _rounded(value, digits)
        if limit is None or is_worse(float(shown), limit) == is_worse(value, limit):
            return shown
    return repr(value)


def _rounded(value: float, digits: int) -> str:
    return f"{Decimal(f'{value:.{digits}g}'):f}"


def _number(text: str, part: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not (math.isfinite(number) and number >= 0):
        raise ValueError(f"expected a number above 0 in {part!r}")
    return number
