"""How often the gate is wrong: its real code on simulated runs, beside two rules that look reasonable and are not.

The noise is invented but plausible: a run has its own pace (another host, another hour), a request its own time within
it, both lognormal. What is measured again is measured at another moment, with a pace of its own. Prints, for each rule,
how often it raises a false alarm and how often it finds what got slower, with 95 % intervals; then the shipped rules
again where runs differ more or less from each other than assumed.
"""

from __future__ import annotations

import argparse
import math
import random
import time
from typing import TYPE_CHECKING, NamedTuple

from pytest_modal_bench.gate import comparison
from pytest_modal_bench.gate.statistics import SIGNIFICANT, mann_whitney, wilson_interval
from pytest_modal_bench.model import EndpointResult, Sample

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_modal_bench.model import Start


class Noise(NamedTuple):
    """Standard deviations of the logarithm: of a run's pace, and of a request's time within its run."""

    run: float
    request: float


WARM = Noise(0.046, 0.055)
COLD = Noise(0.080, 0.308)
"""Together 0.318 for a single cold start, of which every third is then 25 % slower than another. How much of it is the
run's is invented: the second table has other shares."""

WARM_SEC, COLD_SEC = 2.0, 44.0

OTHER_WARM = (0.02, 0.06, 0.08, 0.10)
OTHER_COLD = (0.04, 0.12, 0.16, 0.24)
"""What else a run's pace may vary by: nobody knows it before there is a history."""


class RunSimulator:
    """Draws runs."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - noise, not a secret

    def times(self, noise: Noise, n: int, seconds: float) -> list[float]:
        """Seconds of `n` requests of one run, which would take `seconds` without noise."""
        pace = seconds * math.exp(self._random.gauss(0, noise.run))
        return [pace * math.exp(self._random.gauss(0, noise.request)) for _ in range(n)]


def result(start: Start, times: list[float]) -> EndpointResult:
    """Return a result as the benchmark makes it, of `times` in seconds."""
    samples = [
        Sample(start=start, ok=True, elapsed_sec=seconds, started_at="2026-01-01T00:00:00Z")
        for seconds in times
    ]
    return EndpointResult(
        endpoint="Flux",
        path="/flux",
        category="Flux",
        status="success",
        id="flux",
        app="flux",
        pool="flux",
        samples=samples,
    )


def shipped(simulator: RunSimulator, start: Start, noise: Noise, seconds: float, factor: float) -> bool:
    """Whether the shipped rule fails a deploy that is `factor` times as slow as the five runs before it."""
    n = comparison.RULES["cold" if start == "cold" else "warm"].n
    earlier = [result(start, simulator.times(noise, n, seconds)) for _ in range(comparison.RUNS)]
    first = comparison.checks(result(start, simulator.times(noise, n, seconds * factor)), earlier)
    if not comparison.flagged(first):
        return False
    again = comparison.checks(result(start, simulator.times(noise, n, seconds * factor)), earlier)
    return comparison.flagged(comparison.settled(first, again))


def one_against_one(simulator: RunSimulator, factor: float) -> bool:
    """Whether one cold start is more than 25 % slower than one of the run before."""
    (now,), (before,) = simulator.times(COLD, 1, COLD_SEC * factor), simulator.times(COLD, 1, COLD_SEC)
    return now > 1.25 * before


def test_only(simulator: RunSimulator, n: int, factor: float) -> bool:
    """Whether Mann and Whitney's test finds two runs of `n` warm calls to differ."""
    now, before = simulator.times(WARM, n, WARM_SEC * factor), simulator.times(WARM, n, WARM_SEC)
    return mann_whitney(now, before) < SIGNIFICANT


class Rate(NamedTuple):
    """A share of trials, and its 95 % interval (Wilson)."""

    share: float
    low: float
    high: float

    def any_of(self, count: int) -> float:
        """The probability of at least one of `count` endpoints."""
        return 1 - (1 - self.share) ** count

    def __str__(self) -> str:
        """Return it as percentages."""
        return f"{self.share:.2%} ({self.low:.2%} - {self.high:.2%})"


def rate(trial: Callable[[], bool], trials: int) -> Rate:
    """Run `trial` so often."""
    hits = sum(trial() for _ in range(trials))
    interval = wilson_interval(hits, trials)
    assert interval is not None  # noqa: S101 - there is a trial
    return Rate(hits / trials, *interval)


def warm_rule(trials: int, seed: int, noise: Noise = WARM) -> tuple[Rate, Rate]:
    """False alarm, and power at 30 % slower, of the shipped rule for warm calls."""
    simulator = RunSimulator(seed)
    return (
        rate(lambda: shipped(simulator, "warm", noise, WARM_SEC, 1.0), trials),
        rate(lambda: shipped(simulator, "warm", noise, WARM_SEC, 1.3), max(trials // 10, 200)),
    )


def cold_rule(trials: int, seed: int, noise: Noise = COLD) -> tuple[Rate, Rate]:
    """False alarm, and power at twice as slow, of the shipped rule for cold starts."""
    simulator = RunSimulator(seed)
    return (
        rate(lambda: shipped(simulator, "cold", noise, COLD_SEC, 1.0), trials),
        rate(lambda: shipped(simulator, "cold", noise, COLD_SEC, 2.0), max(trials // 10, 200)),
    )


def print_other_noise(trials: int, seed: int) -> None:
    """Print a table of the shipped rules' rates where runs differ otherwise."""
    print("\n| runs differ by | false alarm | any of | power |")
    print("| --- | --- | --- | --- |")
    for run in OTHER_WARM:
        alarm, power = warm_rule(trials, seed, WARM._replace(run=run))
        print(f"| warm, {run:.0%} | {alarm} | 21: {alarm.any_of(21):.1%} | {power} at +30 % |")
    for run in OTHER_COLD:
        alarm, power = cold_rule(trials, seed, COLD._replace(run=run))
        print(f"| cold, {run:.0%} | {alarm} | 10: {alarm.any_of(10):.1%} | {power} at 2x |")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--trials", type=int, default=40_000, help="for false alarms; a tenth of it for power"
    )
    parser.add_argument("--seed", type=int, default=20260202)
    options = parser.parse_args()
    began = time.monotonic()
    simulator = RunSimulator(options.seed)
    few = max(options.trials // 10, 200)
    print("| rule | false alarm | any of | power |")
    print("| --- | --- | --- | --- |")
    naive = rate(lambda: one_against_one(simulator, 1.0), few)
    power = rate(lambda: one_against_one(simulator, 1.5), few)
    print(f"| cold, one run against one, > 25 % | {naive} | 10: {naive.any_of(10):.1%} | {power} at +50 % |")
    for n in (5, 20):
        alone = rate(lambda n=n: test_only(simulator, n, 1.0), few)  # type: ignore[misc] # bound here
        power = rate(lambda n=n: test_only(simulator, n, 1.5), few)  # type: ignore[misc]
        print(
            f"| warm, Mann-Whitney alone, n = {n} | {alone} | 21: {alone.any_of(21):.1%} | {power} at +50 % |"
        )
    alarm, power = warm_rule(options.trials, options.seed)
    print(f"| **warm, shipped** | {alarm} | 21: {alarm.any_of(21):.2%} | {power} at +30 % |")
    alarm, power = cold_rule(options.trials, options.seed)
    print(f"| **cold, shipped** | {alarm} | 10: {alarm.any_of(10):.2%} | {power} at 2x |")
    print_other_noise(few, options.seed)
    print(f"\n{options.trials} trials, seed {options.seed}, {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
