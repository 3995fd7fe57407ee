"""Holds an endpoint against its own earlier runs. Runs are the unit of noise, not requests: one run proves nothing."""

from __future__ import annotations

import math
from statistics import median
from typing import TYPE_CHECKING, Literal, NamedTuple

from msgspec import structs

from pytest_modal_bench.gate.common_shift import Move
from pytest_modal_bench.gate.metrics import METRICS, is_metric
from pytest_modal_bench.gate.noise import RUNS, Noise, Usual, noise
from pytest_modal_bench.gate.stopping import LOOKS
from pytest_modal_bench.gate.survivors import beyond, survivors
from pytest_modal_bench.model import Check
from pytest_modal_bench.model.series import calls as calls_of
from pytest_modal_bench.model.series import series
from pytest_modal_bench.safety.text import counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from pytest_modal_bench.gate.common_shift import Shift
    from pytest_modal_bench.gate.metrics import Metric, Name
    from pytest_modal_bench.model import EndpointResult, Start, Verdict

FLOORS: dict[Name, float] = {
    "cold": 1.25,
    "warm": 1.10,
    "cost": 1.10,
    "ttft": 1.10,
    "itl": 1.10,
    "tokens_per_sec": 1.10,
}
"""How many times as bad as usual a median has to be before it is called worse, however quiet the endpoint is."""

BLIND = 1.5
"""A comparison that would not have noticed so large a ratio says so, and does not pass."""

HISTORY_SHOWN = 20
"""Earlier medians that a check carries for those who draw it."""

Where = Literal["the same container", "another container", "unknown"]
"""Where a second measurement was made, by the evidence."""


def noises(histories: Iterable[Sequence[EndpointResult]]) -> dict[Name, Noise]:
    """Return the noise of each metric, from the earlier results of each endpoint that a run measures."""
    by_metric: dict[Name, list[list[float]]] = {name: [] for name in FLOORS}
    for earlier in histories:
        for name, found in by_metric.items():
            found.append([value for past in earlier if (value := _logarithm(name, past)) is not None])
    comparisons = sum(len(values) >= RUNS for found in by_metric.values() for values in found)
    return {name: noise(found, comparisons) for name, found in by_metric.items()}


def limits(earlier: Sequence[EndpointResult], noises: Mapping[Name, Noise]) -> dict[Name, list[float]]:
    """Return what a new run's medians are held against, in each metric's unit, where `earlier` runs are enough."""
    found: dict[Name, list[float]] = {}
    for name, metric in METRICS.items():
        known = [value for past in earlier if (value := _logarithm(name, past)) is not None]
        if len(known) >= RUNS:
            usual = noises[name].usual(known, math.log(FLOORS[name]))
            found[name] = [metric.ratio(usual.mean + usual.limit)]
    return found


def checks(
    result: EndpointResult, earlier: Sequence[EndpointResult], noises: Mapping[Name, Noise]
) -> list[Check]:
    """Compare `result` with `earlier` results of the same endpoint, metric by metric; none where one has no data."""
    return [check for name in FLOORS for check in _compared(name, result, earlier, noises)]


def flagged(found: Sequence[Check]) -> bool:
    """Whether a metric is so much worse that it has to be measured again."""
    return any(check.verdict == "FAIL" for check in found)


def waiting(found: Sequence[Check]) -> list[Check]:
    """Return what is known of a first measurement until there is a second one."""
    return [
        structs.replace(check, verdict="INCONCLUSIVE", message=f"{check.message}: not measured again")
        if check.verdict == "FAIL"
        else check
        for check in found
    ]


def moves(result: EndpointResult, found: Sequence[Check]) -> list[Move]:
    """Return what each of a result's metrics did."""
    return [
        Move(check.metric, result.pool, check.ratio)
        for check in found
        if is_metric(check.metric) and check.ratio is not None
    ]


def excused(found: Sequence[Check], common: Sequence[Shift]) -> list[Check]:
    """Return checks in which nothing is worse that is not when what most pools did is taken out."""
    return [
        _excused(check, next((shift for shift in common if shift.metric == check.metric), None))
        for check in found
    ]


def where(first: EndpointResult, again: EndpointResult, start: Start) -> Where:
    """Return where the calls of a second measurement ran, beside those of the first."""
    before, after = (
        {each.container for each in calls_of(one.samples, start) if each.counts} for one in (first, again)
    )
    if None in before | after or not before or not after:
        return "unknown"
    return "the same container" if before & after else "another container"


def settled(first: Sequence[Check], again: Sequence[Check], places: Mapping[Start, Where]) -> list[Check]:
    """Return what two measurements come to, metric by metric.

    What was worse both times fails; once, it is a warning, or inconclusive if the other time could not tell. Twice in
    the same container can't tell a slow host from a slow deploy. `places`: where the second was made.
    """
    before, after = ({check.metric: check for check in found} for found in (first, again))
    return [
        _settled(before.get(name), after.get(name), places.get(METRICS[name].start, "unknown"))
        for name in FLOORS
        if name in before or name in after
    ]


class _Said(NamedTuple):
    """What a second measurement makes of a finding."""

    verdict: Verdict
    words: str


_TWICE: dict[Where, _Said] = {
    "another container": _Said("FAIL", ", measured twice, in two containers"),
    "unknown": _Said("FAIL", ", measured twice; nothing says whether in two containers"),
    "the same container": _Said(
        "INCONCLUSIVE",
        ", measured twice in the same container, which may be slow by itself: --modal-bench-cold=force has another",
    ),
}


def _settled(first: Check | None, again: Check | None, place: Where) -> Check:
    known = [check for check in (first, again) if check is not None]
    flags = [check for check in known if check.verdict == "FAIL"]
    if not flags:
        return known[-1]
    if (
        first is None
        or again is None
        or (len(flags) == 1 and "INCONCLUSIVE" in (first.verdict, again.verdict))
    ):
        said = _Said("INCONCLUSIVE", ": worse once, the other time could not tell")
    elif len(flags) == 1:
        said = _Said("WARN", ": worse once, not twice")
    else:
        said = _TWICE[place]
    ratios = " and ".join(f"{check.ratio:.2f}x" for check in known if check.ratio is not None)
    metric = flags[-1].metric
    label = METRICS[metric].label if is_metric(metric) else metric
    limit = f" (limit {flags[-1].limit:.3g}x)" if flags[-1].limit is not None else ""
    message = f"{label} {ratios} of its earlier runs{said.words}{limit}"
    return structs.replace(
        known[-1], verdict=said.verdict, message=message, limit=flags[-1].limit, again=True
    )


def _excused(check: Check, shift: Shift | None) -> Check:
    if shift is None or check.verdict != "FAIL" or check.ratio is None or check.limit is None:
        return check
    without = check.ratio / shift.ratio
    worse = METRICS[shift.metric].less_is_worse
    if (without < check.limit) if worse else (without > check.limit):
        return check
    return structs.replace(
        check,
        verdict="WARN",
        message=f"{check.message}, but so moved most: {shift.pools} of {shift.of} pools, by {shift.ratio:.2f}x; "
        f"{without:.2f}x without that, so no deploy is blamed",
    )


def _compared(
    name: Name,
    result: EndpointResult,
    earlier: Sequence[EndpointResult],
    noises: Mapping[Name, Noise],
) -> Iterator[Check]:
    metric = METRICS[name]
    calls, values = series(result, metric.start), _values(metric, result)
    runs = [past for past in earlier if _logarithm(name, past) is not None]
    if not values or not runs or median(values) <= 0:
        return
    usual_values = [value for past in runs if (value := _median(metric, past)) is not None]
    ratio = median(values) / math.exp(sum(map(math.log, usual_values)) / len(usual_values))
    at_least = "at least " if metric.is_duration_of_call and calls.censored_at is not None else ""
    unproven = name == "cold" and any(each.cold_verified is False for each in (result, *runs))
    mark = f"{survivors(calls)}{', unverified' if unproven else ''}"
    check = Check(
        metric=name,
        against="baseline",
        verdict="PASS",
        message=f"{metric.label} {at_least}{ratio:.2f}x of {counted(len(runs), 'earlier run')}{mark}",
        value=median(values),
        limit=_as_ratio(FLOORS[name], metric),
        ratio=ratio,
        n=len(values),
        runs=len(runs),
        history=tuple(usual_values[-HISTORY_SHOWN:]),
    )
    if lacks := _lacks(metric, values, runs):
        yield structs.replace(
            check, verdict="INCONCLUSIVE", message=f"{check.message}; needs {', and '.join(lacks)}"
        )
        return
    usual = noises[name].usual([_worse(value, metric) for value in usual_values], math.log(FLOORS[name]))
    tested = _tested(check, metric, usual)
    reason = beyond(calls) if name != "cost" and tested.verdict == "PASS" else None
    yield (
        tested
        if reason is None
        else structs.replace(tested, verdict="INCONCLUSIVE", message=f"{tested.message}; {reason}")
    )


def _lacks(metric: Metric, values: Sequence[float], runs: Sequence[EndpointResult]) -> list[str]:
    """What a comparison needs and has not: a median of fewer calls than the earlier ones is noisier than they are."""
    fewest = min(max(len(_values(metric, past)), 1) for past in runs)
    if metric.start == "warm":
        # So many are enough for any median, whatever earlier runs had: calls differ less than runs do.
        fewest = min(fewest, LOOKS[0])
    option = "--modal-bench-cold-rounds" if metric.start == "cold" else "--modal-bench-rounds"
    lacks = []
    if len(values) < fewest:
        lacks.append(f"{fewest} calls ({option}={fewest}), has {len(values)}")
    if len(runs) < RUNS:
        lacks.append(f"{RUNS} runs, has {len(runs)}")
    return lacks


def _tested(check: Check, metric: Metric, usual: Usual) -> Check:
    """Return `check` with what is usual, and what this run's median is beside it."""
    now = _worse(check.value or 0.0, metric)
    noticed = math.exp(usual.noticed)
    check = structs.replace(
        check,
        limit=_as_ratio(math.exp(usual.limit), metric),
        p=usual.tail(now),
        noticed=_as_ratio(noticed, metric),
    )
    seen = f"would have noticed {_change(noticed, metric)}"
    if now - usual.mean > usual.limit:
        return structs.replace(
            check, verdict="FAIL", message=f"{check.message} (limit {check.limit:.3g}x, {seen})"
        )
    if noticed > BLIND:
        return structs.replace(
            check,
            verdict="INCONCLUSIVE",
            message=f"{check.message}; {seen} or more only: its runs differ too much, a longer history may help",
        )
    return structs.replace(check, message=f"{check.message}, {seen}")


def _change(ratio: float, metric: Metric) -> str:
    """A ratio that is above 1 for the worse, as a percentage of what is usual."""
    return f"{_as_ratio(ratio, metric) - 1:+.0%}"


def _as_ratio(change: float, metric: Metric) -> float:
    """Turn a ratio that is above 1 for the worse into one of values, and back."""
    return 1 / change if metric.less_is_worse else change


def _worse(value: float, metric: Metric) -> float:
    """The logarithm of a value, turned so that up is worse."""
    return -math.log(value) if metric.less_is_worse else math.log(value)


def known_value(name: Name, run: EndpointResult) -> float | None:
    """Return what a run says of a metric; None: nothing.

    A median beyond a deadline is not known: an earlier run's would make this one look worse than it is.
    """
    metric = METRICS[name]
    return None if series(run, metric.start).censored_at is not None else _median(metric, run)


def _logarithm(name: Name, past: EndpointResult) -> float | None:
    value = known_value(name, past)
    return None if value is None else _worse(value, METRICS[name])


def _median(metric: Metric, past: EndpointResult) -> float | None:
    values = _values(metric, past)
    middle = median(values) if values else None
    return middle if middle is not None and middle > 0 else None


def _values(metric: Metric, result: EndpointResult) -> list[float]:
    """What a run says of a metric: a value a call or, of a report without samples, its median."""
    samples = calls_of(result.samples, metric.start)
    known = [value for sample in samples if (value := metric.of_call(sample, result.cost_basis)) is not None]
    summed = metric.median(result)
    return known or ([summed] if summed else [])
