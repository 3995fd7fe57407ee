"""Holds an endpoint against its own earlier runs. Runs are the unit of noise, not requests: one run proves nothing."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from msgspec import structs

from pytest_modal_bench.gate.metrics import METRICS
from pytest_modal_bench.gate.statistics import SIGNIFICANT, MissingExtra, mann_whitney, require_extra
from pytest_modal_bench.gate.survivors import beyond, survivors
from pytest_modal_bench.model import Check
from pytest_modal_bench.model.series import calls as calls_of
from pytest_modal_bench.model.series import series
from pytest_modal_bench.safety.text import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytest_modal_bench.gate.metrics import Metric, Name
    from pytest_modal_bench.model import EndpointResult, Verdict

RUNS = 5
"""Earlier runs that it takes to know what is usual."""
_SHOWN = 20
"""Earlier runs whose medians a check keeps, for reports to show."""


class Rule(NamedTuple):
    """When a metric is worse than it was."""

    n: int
    """Samples of this run that it takes."""
    fail: float
    """Ratio of this run's median to the median of the earlier runs' medians, beyond which it fails; where less is
    worse, the inverse ratio."""
    warn: float | None
    option: str
    """Which option asks for so many samples."""


RULES: dict[Name, Rule] = {
    "cold": Rule(6, 1.5, 1.25, "--modal-bench-cold=force --modal-bench-cold-rounds=6"),
    "warm": Rule(10, 1.15, None, "--modal-bench-rounds=10"),
    "cost": Rule(10, 1.25, None, "--modal-bench-rounds=10"),
    "ttft": Rule(10, 1.15, None, "--modal-bench-rounds=10"),
    "itl": Rule(10, 1.15, None, "--modal-bench-rounds=10"),
    "tokens_per_sec": Rule(10, 1.15, None, "--modal-bench-rounds=10"),
}
"""Error rates of "measured again before it fails", by `benchmarks/gate_errors.py` and for the noise assumed there:

warm: false alarm 0.01 % (any of 21 endpoints: 0.3 %), power 97 % at 30 % more;
cold: false alarm 0.06 % (any of 10: 0.6 %), power 89 % at twice as much. Those of the others have not been simulated.
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
    message = f"{_label(flags[-1])} {ratios} of its earlier runs{said} (limit {flags[-1].limit:.3g}x)"
    return structs.replace(known[-1], verdict=verdict, message=message, limit=flags[-1].limit, again=True)


def _label(check: Check) -> str:
    return check.metric if check.metric == "success" else METRICS[check.metric].label


def _compared(name: Name, result: EndpointResult, earlier: Sequence[EndpointResult]) -> Iterator[Check]:
    metric, rule = METRICS[name], RULES[name]
    calls = series(result, metric.start)
    values = _values(metric, result)
    # An earlier median beyond a deadline is not known; as its deadline it would make this run look worse than it is.
    comparable = [each for each in earlier if series(each, metric.start).censored_at is None]
    runs = [past for past in (_values(metric, each) for each in comparable) if past]
    if not values or not runs:
        return
    earlier_medians = [median(past) for past in runs]
    ratio = median(values) / median(earlier_medians)
    at_least = "at least " if metric.is_duration_of_call and calls.censored_at is not None else ""
    unproven = name == "cold" and any(each.cold_verified is False for each in (result, *comparable))
    mark = f"{survivors(calls)}{', unverified' if unproven else ''}"
    check = Check(
        metric=name,
        against="baseline",
        verdict="PASS",
        message=f"{metric.label} {at_least}{ratio:.2f}x of {counted(len(runs), 'earlier run')}{mark}",
        value=median(values),
        limit=_as_ratio(rule.fail, metric),
        ratio=ratio,
        n=len(values),
        runs=len(runs),
        history=tuple(earlier_medians[-_SHOWN:]),
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
    tested = _tested(check, name, ratio, values, [value for past in runs for value in past])
    reason = beyond(calls) if name != "cost" and tested.verdict == "PASS" else None
    yield (
        tested
        if reason is None
        else structs.replace(tested, verdict="INCONCLUSIVE", message=f"{tested.message}; {reason}")
    )


def _tested(
    check: Check, name: Name, ratio: float, values: Sequence[float], earlier: Sequence[float]
) -> Check:
    """Return `check` with what is beyond the rule and beyond chance: this run's samples against all earlier ones.

    Requests of a run resemble each other, so that p is smaller than it should be, and alone no gate: the ratio, of
    medians of runs, is what limits false alarms. The test keeps out what a few scattered samples explain.
    """
    metric, rule = METRICS[name], RULES[name]
    least = rule.warn or rule.fail
    change = _as_ratio(ratio, metric)
    try:
        require_extra()
    except MissingExtra as missing:
        return structs.replace(check, verdict="INCONCLUSIVE", message=f"{check.message}; {missing}")
    if 1 / least < change <= least:
        return check
    p = mann_whitney(earlier, values) if metric.less_is_worse else mann_whitney(values, earlier)
    check = structs.replace(check, p=p)
    if change <= least or p >= SIGNIFICANT:
        return check
    beyond = change > rule.fail
    limit = _as_ratio(rule.fail if beyond else least, metric)
    return structs.replace(
        check,
        verdict="FAIL" if beyond else "WARN",
        limit=limit,
        message=f"{check.message} (limit {limit:.3g}x, p = {p:.2g})",
    )


def _as_ratio(change: float, metric: Metric) -> float:
    """Turn a ratio that is above 1 for the worse into one of values, and back."""
    return 1 / change if metric.less_is_worse else change


def _values(metric: Metric, result: EndpointResult) -> list[float]:
    """What a run says of a metric: a value a call or, of a report without samples, its median."""
    samples = calls_of(result.samples, metric.start)
    known = [value for sample in samples if (value := metric.of_call(result, sample))]
    summed = metric.median(result)
    return known or ([summed] if summed else [])
