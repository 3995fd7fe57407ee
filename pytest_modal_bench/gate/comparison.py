"""Holds an endpoint against its own earlier runs. Runs are the unit of noise, not requests: one run proves nothing."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING, Literal, NamedTuple

from msgspec import structs

from pytest_modal_bench.gate.statistics import SIGNIFICANT, MissingExtra, mann_whitney, require_extra
from pytest_modal_bench.gate.survivors import beyond, survivors
from pytest_modal_bench.model import Check
from pytest_modal_bench.model.series import calls as calls_of
from pytest_modal_bench.model.series import series
from pytest_modal_bench.safety.text import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytest_modal_bench.model import EndpointResult, Start, Verdict

_Metric = Literal["cold", "warm", "cost"]

RUNS = 5
"""Earlier runs that it takes to know what is usual."""


class Rule(NamedTuple):
    """When a metric is worse than it was."""

    n: int
    """Samples of this run that it takes."""
    fail: float
    """Ratio of this run's median to the median of the earlier runs' medians, beyond which it fails."""
    warn: float | None
    option: str
    """Which option asks for so many samples."""


RULES: dict[_Metric, Rule] = {
    "cold": Rule(6, 1.5, 1.25, "--modal-bench-cold=force --modal-bench-cold-rounds=6"),
    "warm": Rule(10, 1.15, None, "--modal-bench-rounds=10"),
    "cost": Rule(10, 1.25, None, "--modal-bench-rounds=10"),
}
"""Error rates of "measured again before it fails", by `benchmarks/gate_errors.py` and for the noise assumed there:

warm: false alarm 0.01 % (any of 21 endpoints: 0.3 %), power 97 % at 30 % more;
cold: false alarm 0.06 % (any of 10: 0.6 %), power 89 % at twice as much. That of cost has not been simulated.
"""


def checks(result: EndpointResult, earlier: Sequence[EndpointResult]) -> list[Check]:
    """Compare `result` with `earlier` results of the same endpoint, metric by metric; none where one has no data."""
    return [check for metric in RULES for check in _compared(metric, result, earlier)]


def flagged(found: Sequence[Check]) -> bool:
    """Whether a metric is so much worse that it has to be measured again."""
    return any(check.verdict == "FAIL" for check in found)


def settled(first: Sequence[Check], again: Sequence[Check]) -> list[Check]:
    """Return what two measurements come to, metric by metric.

    What was flagged both times fails; once, it is a warning, or inconclusive if the other time could not tell.
    """
    before, after = ({check.metric: check for check in found} for found in (first, again))
    return [_settled(before.get(metric), after.get(metric)) for metric in RULES if metric in before | after]


def _settled(first: Check | None, again: Check | None) -> Check:
    known = [check for check in (first, again) if check is not None]
    flags = [check for check in known if check.verdict == "FAIL"]
    if not flags:
        return known[-1]
    verdict: Verdict
    if first is None or again is None or "INCONCLUSIVE" in (first.verdict, again.verdict):
        verdict, said = "INCONCLUSIVE", ": worse once, the other time could not tell"
    elif first.verdict == again.verdict:
        verdict, said = "FAIL", ", measured twice"
    else:
        verdict, said = "WARN", ": worse once, not twice"
    ratios = " and ".join(f"{check.ratio:.2f}x" for check in known if check.ratio is not None)
    message = f"{flags[-1].metric} {ratios} of its earlier runs{said} (limit {flags[-1].limit:g}x)"
    return structs.replace(known[-1], verdict=verdict, message=message, limit=flags[-1].limit, again=True)


def _compared(metric: _Metric, result: EndpointResult, earlier: Sequence[EndpointResult]) -> Iterator[Check]:
    calls = series(result, _start(metric))
    values = _values(metric, result)
    # An earlier median beyond a deadline is not known; as its deadline it would make this run look worse than it is.
    comparable = [each for each in earlier if series(each, _start(metric)).censored_at is None]
    runs = [past for past in (_values(metric, each) for each in comparable) if past]
    if not values or not runs:
        return
    rule = RULES[metric]
    ratio = median(values) / median(median(past) for past in runs)
    beyond_sec = calls.censored_at if metric != "cost" else None
    at_least = "" if beyond_sec is None else "at least "
    unproven = metric == "cold" and any(each.cold_verified is False for each in (result, *comparable))
    mark = f"{survivors(calls)}{', unverified' if unproven else ''}"
    check = Check(
        metric=metric,
        against="baseline",
        verdict="PASS",
        message=f"{metric} {at_least}{ratio:.2f}x of {counted(len(runs), 'earlier run')}{mark}",
        value=median(values),
        limit=rule.fail,
        ratio=ratio,
        n=len(values),
        runs=len(runs),
    )
    lacks = []
    if len(values) < rule.n:
        lacks.append(f"{rule.n} calls ({rule.option}), has {len(values)}")
    if len(runs) < RUNS:
        lacks.append(f"{RUNS} runs, has {len(runs)}")
    if lacks:
        yield structs.replace(
            check, verdict="INCONCLUSIVE", message=f"{check.message}; needs {', and '.join(lacks)}"
        )
        return
    tested = _tested(check, rule, ratio, values, [value for past in runs for value in past])
    reason = beyond(calls) if metric != "cost" and tested.verdict == "PASS" else None
    yield (
        tested
        if reason is None
        else structs.replace(tested, verdict="INCONCLUSIVE", message=f"{tested.message}; {reason}")
    )


def _tested(
    check: Check, rule: Rule, ratio: float, values: Sequence[float], earlier: Sequence[float]
) -> Check:
    """Return `check` with what is beyond the rule and beyond chance: this run's samples against all earlier ones.

    Requests of a run resemble each other, so that p is smaller than it should be, and alone no gate: the ratio, of
    medians of runs, is what limits false alarms. The test keeps out what a few scattered samples explain.
    """
    least = rule.warn or rule.fail
    try:
        require_extra()
    except MissingExtra as missing:
        return structs.replace(check, verdict="INCONCLUSIVE", message=f"{check.message}; {missing}")
    if 1 / least < ratio <= least:
        return check
    worse = ratio > least
    p = mann_whitney(values, earlier)
    check = structs.replace(check, p=p)
    if not worse or p >= SIGNIFICANT:
        return check
    beyond = ratio > rule.fail
    limit = rule.fail if beyond else least
    return structs.replace(
        check,
        verdict="FAIL" if beyond else "WARN",
        limit=limit,
        message=f"{check.message} (limit {limit:g}x, p = {p:.2g})",
    )


def _start(metric: _Metric) -> Start:
    return "cold" if metric == "cold" else "warm"


def _values(metric: _Metric, result: EndpointResult) -> list[float]:
    """What a run says of a metric: a value a sample or, of a report without samples, its median.

    A call that timed out took its deadline at least, and stands for so much.
    """
    samples = calls_of(result.samples, _start(metric))
    if metric == "cost":
        values = [
            sample.cost_usd for sample in samples if sample.ok and sample.cost_basis == result.cost_basis
        ]
        summed = result.cost_usd
    else:
        values = [sample.elapsed_sec for sample in samples if sample.ok or sample.cause == "timeout"]
        summed = result.cold_time_sec if metric == "cold" else result.warm_time_sec
    known = [value for value in values if value]
    return known or ([summed] if summed else [])
