from __future__ import annotations

import random
from itertools import permutations
from math import ceil, exp
from typing import TYPE_CHECKING, Any

import pytest
from msgspec import structs
from report_runs import result

from pytest_modal_bench.gate import drift
from pytest_modal_bench.gate.baselines import Matched, Origin
from pytest_modal_bench.gate.noise import FALSE_ALARM

if TYPE_CHECKING:
    from pytest_modal_bench.model import Check, EndpointResult

ENDPOINTS_OF_A_RUN = 63
"""Comparisons in a run of 21 endpoints: cold, warm and cost."""


def matched(
    values: list[float], field: str = "warm_time_sec", **given: Any
) -> tuple[EndpointResult, Matched]:
    """The last of `values` as this run's, and the others as its history, a run a day."""
    results = [structs.replace(result(**given), **{field: value}) for value in values]
    origins = [
        Origin(f"2026-10-{day + 1:02}T13:05:00+00:00", f"{day:040x}") for day in range(len(values) - 1)
    ]
    return results[-1], Matched(results[:-1], origins, [])


def found(values: list[float], *, comparisons: int = ENDPOINTS_OF_A_RUN, **given: Any) -> list[Check]:
    return list(drift.checks(*matched(values, **given), (), comparisons))


def rising(rise: float, runs: int = 24, noise: float = 0.02, seed: int = 13) -> list[float]:
    draw = random.Random(seed)
    return [2 * rise ** (number / (runs - 1)) * exp(draw.gauss(0, noise)) for number in range(runs)]


def test_a_slow_rise_is_a_warning_that_names_the_run_that_it_began_at() -> None:
    (check,) = found(rising(1.8))

    assert (check.metric, check.against, check.verdict) == ("warm", "history", "WARN")
    day = int(check.message.partition("2026-10-")[2][:2])
    assert check.message == (
        f"warm {check.ratio:.2f}x since 2026-10-{day:02} (commit {'0' * 10}): a rise that this run alone does not"
        " show, over 24 runs"
    )
    assert 9 <= day <= 16
    assert 1.2 < (check.ratio or 0) < 1.6
    assert check.p is not None
    assert check.p <= FALSE_ALARM / ENDPOINTS_OF_A_RUN


@pytest.mark.parametrize(
    ("values", "why"),
    [
        (rising(1.0), "nothing has changed"),
        (rising(1 / 1.8), "it has become faster"),
        (rising(1.08), "it is less than anybody minds"),
        (rising(1.8, runs=9), "there are too few runs"),
        ([2.0] * 24, "all are equal"),
        ([*rising(1.0, runs=12), *rising(1.0, runs=9, seed=4), 2.9, 2.9], "two runs are no level"),
        (
            [*rising(1.0, runs=20), *(1.4 * v for v in rising(1.0, runs=20)), *rising(1.0, runs=4)],
            "it is over",
        ),
    ],
)
def test_anything_else_is_none(values: list[float], why: str) -> None:
    assert found(values) == [], why


@pytest.mark.parametrize(
    ("field", "metric", "rise"),
    [
        ("cold_time_sec", "cold", 2.0),
        ("cost_usd", "cost", 1.8),
        ("ttft_sec", "ttft", 1.8),
        ("itl_p95_sec", "itl", 1.8),
        ("tokens_per_sec", "tokens_per_sec", 1 / 1.8),
    ],
)
def test_all_that_is_compared_may_drift(field: str, metric: str, rise: float) -> None:
    (check,) = found(rising(rise), field=field)

    assert check.metric == metric
    assert ("a fall" if rise < 1 else "a rise") in check.message
    assert found(rising(1 / rise), field=field) == []


def test_what_this_run_shows_by_itself_needs_no_other_warning() -> None:
    this, history = matched(rising(1.8))
    (check,) = drift.checks(this, history, (), 1)

    for verdict, warnings in (("FAIL", 0), ("WARN", 0), ("PASS", 1), ("INCONCLUSIVE", 1)):
        said = structs.replace(check, against="baseline", verdict=verdict)
        assert len(list(drift.checks(this, history, [said], 1))) == warnings


def test_a_cold_start_that_nothing_proves_is_marked_as_one() -> None:
    (check,) = found(rising(2.0), field="cold_time_sec", cold_verified=False)

    assert check.message.endswith("over 24 runs, unverified")


def test_the_chance_of_a_split_is_that_of_all_orders() -> None:
    before, after = 3, 4
    chance = drift._chance  # noqa: SLF001 - what all else rests on
    orders = list(permutations(range(before + after)))
    higher = [sum(one > other for one in order[:before] for other in order[before:]) for order in orders]
    for pairs in range(before * after + 1):
        share = sum(each <= pairs for each in higher) / len(orders)
        assert chance(pairs, before, after) == pytest.approx(share)


@pytest.mark.parametrize("noise", ["normal", "some far off"])
def test_false_alarms_of_all_comparisons_together_are_as_rare_as_stated(noise: str) -> None:
    """Of one comparison: for many, the limit is as many times lower."""
    draw = random.Random(13)
    trials, alarms = 3_000, 0
    for _ in range(trials):
        far = [3.0 if noise == "some far off" and draw.random() < 0.05 else 1.0 for _ in range(24)]
        values = [exp(0.3 * draw.gauss(0, 1) * each) for each in far]
        alarms += drift.risen(values, "warm", 1) is not None
    # A rate of 1 % gives more than this once in a thousand times.
    assert alarms <= ceil(0.01 * trials + 3.1 * (0.01 * 0.99 * trials) ** 0.5)
    assert alarms > 0, "the noise is so large that the floor does not hide what the limit lets through"


@pytest.mark.parametrize(("runs", "comparisons"), [(12, 1), (20, 63), (24, 600)])
def test_it_takes_the_more_runs_the_more_is_compared(runs: int, comparisons: int) -> None:
    clear = [1.0 + number / 1000 for number in range(runs // 2)]
    values = [*clear, *(1.5 * value for value in clear)]

    assert drift.risen(values, "warm", comparisons) is not None
    assert drift.risen(values[1:-1], "warm", comparisons) is None
