"""How often the gate is wrong: its real code on simulated runs, over a grid of what nobody knows before.

A run has its own pace, by which it differs from others; endpoints differ in how much. What is measured again may meet
the same pace as the first time, a part of it, or another. For each noise it is printed how often any of the endpoints
raises a false alarm, how often one that got slower is found, and whether what a comparison says it would have noticed
is found as often as it says.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import time
from concurrent.futures import ProcessPoolExecutor
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from pytest_modal_bench.gate.comparison import FLOORS
from pytest_modal_bench.gate.noise import noise
from pytest_modal_bench.gate.statistics import wilson_interval

if TYPE_CHECKING:
    from collections.abc import Sequence

Tails = Literal["lognormal", "t3", "mixed"]
"""`t3`: Student's t with 3 degrees of freedom; `mixed`: one run of twenty is three times as far off."""

NOISES = (0.02, 0.046, 0.08, 0.10)
TAILS: tuple[Tails, ...] = ("lognormal", "t3", "mixed")
UNLIKE = (0.3, 0.6)
SHARED = (0.0, 0.5, 1.0)
HISTORIES = (5, 10, 20)
ENDPOINTS = (1, 21, 200)
CALLS, CALL_NOISE = 10, 0.055
"""Of a run, and by how much they vary within it: the standard deviation of a call's logarithm."""
_OF_MEDIAN = math.sqrt(math.pi / 2 / CALLS)
"""The standard deviation of a median of so many normal values, in theirs."""


class World(NamedTuple):
    """What is assumed of runs."""

    endpoints: int = 21
    runs: int = 5
    """Earlier ones."""
    noise: float = 0.046
    """Standard deviation of the logarithm of a run's pace: the middle endpoint's."""
    unlike: float = 0.3
    """Standard deviation of the logarithm of that noise among endpoints."""
    tails: Tails = "lognormal"


class Tally(NamedTuple):
    """Counts of a world's trials."""

    trials: int = 0
    any_alarm: int = 0
    """Trials in which any endpoint failed that had not changed."""
    endpoints: int = 0
    found_10: int = 0
    found_20: int = 0
    found_30: int = 0
    found_50: int = 0
    """Endpoints found, of all, that had got slower by so much."""
    found_noticed: int = 0
    """Those found that had got slower by as much as their comparison says it would have noticed."""
    blind: int = 0
    """Those whose comparison would not have noticed +50 %."""
    noticed: float = 0.0
    """Sum of the logarithms that they would have noticed."""

    def plus(self, other: Tally) -> Tally:
        """Return the sum of both."""
        return Tally(*(mine + its for mine, its in zip(self, other, strict=True)))  # type: ignore[arg-type] # counts, but one

    def row(self) -> dict[str, float]:
        """Return shares, and 95 % limits of the false alarms."""
        interval = wilson_interval(self.any_alarm, self.trials)
        assert interval is not None  # noqa: S101 - there are trials
        each = max(self.endpoints, 1)
        return {
            "trials": self.trials,
            "any_false": self.any_alarm / self.trials,
            "any_false_low": interval[0],
            "any_false_high": interval[1],
            "power_10": self.found_10 / each,
            "power_20": self.found_20 / each,
            "power_30": self.found_30 / each,
            "power_50": self.found_50 / each,
            "noticed_is_found": self.found_noticed / each,
            "would_have_noticed": math.exp(self.noticed / each) - 1,
            "inconclusive": self.blind / each,
        }


def pace(drawn: random.Random, tails: Tails) -> float:
    """Draw a pace of variance about 1."""
    if tails == "t3":
        chi2 = drawn.gammavariate(1.5, 2.0)
        return drawn.gauss(0, 1) / math.sqrt(chi2 / 3) / math.sqrt(3)
    far = 3.0 if tails == "mixed" and drawn.random() < 0.05 else 1.0  # noqa: PLR2004 - as the docstring has it
    return far * drawn.gauss(0, 1)


def trial(world: World, drawn: random.Random, shared: Sequence[float]) -> list[Tally]:
    """Simulate one run against its history; its second measurement once for each correlation `shared`."""
    own = [world.noise * math.exp(world.unlike * drawn.gauss(0, 1)) for _ in range(world.endpoints)]

    def measured(at_pace: float) -> float:
        return at_pace + CALL_NOISE * _OF_MEDIAN * drawn.gauss(0, 1)

    histories = [[measured(each * pace(drawn, world.tails)) for _ in range(world.runs)] for each in own]
    known = noise(histories, world.endpoints)
    floor = math.log(FLOORS["warm"])
    alarms, tallies = [False] * len(shared), [Tally(trials=1, endpoints=world.endpoints)] * len(shared)
    for each, history in zip(own, histories, strict=True):
        usual = known.usual(history, floor)
        first = each * pace(drawn, world.tails)
        other = each * pace(drawn, world.tails)
        once = measured(first)
        for number, part in enumerate(shared):
            second = part * first + math.sqrt(1 - part**2) * other
            better = min(once, measured(second)) - usual.mean

            def found(slower: float, better: float = better, limit: float = usual.limit) -> bool:
                return better + slower > limit

            alarms[number] = alarms[number] or found(0.0)
            tallies[number] = tallies[number].plus(
                Tally(
                    found_10=found(math.log(1.1)),
                    found_20=found(math.log(1.2)),
                    found_30=found(math.log(1.3)),
                    found_50=found(math.log(1.5)),
                    found_noticed=found(usual.noticed),
                    blind=usual.noticed > math.log(1.5),
                    noticed=usual.noticed,
                )
            )
    return [tally._replace(any_alarm=int(alarm)) for tally, alarm in zip(tallies, alarms, strict=True)]


def simulate(world: World, trials: int, seed: int, shared: Sequence[float] = (0.0,)) -> list[Tally]:
    """Add up `trials` of a world, for each correlation `shared` of the second measurement's pace with the first's."""
    drawn = random.Random(f"{seed} {world}")  # noqa: S311 - noise, not a secret
    tallies = [Tally()] * len(shared)
    for _ in range(trials):
        found = trial(world, drawn, shared)
        tallies = [tally.plus(more) for tally, more in zip(tallies, found, strict=True)]
    return tallies


def _simulated(given: tuple[World, int, int]) -> tuple[World, list[dict[str, float]]]:
    world, trials, seed = given
    return world, [tally.row() for tally in simulate(world, trials, seed, SHARED)]


def worlds() -> list[World]:
    """Return the grid."""
    return [
        World(endpoints, runs, noise_, unlike, tails)
        for endpoints, tails, unlike, noise_, runs in product(ENDPOINTS, TAILS, UNLIKE, NOISES, HISTORIES)
    ]


def main() -> None:
    """Print the grid as a table, and write it as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--trials", type=int, default=2_000, help="of a world with up to 21 endpoints; others a tenth"
    )
    parser.add_argument("--seed", type=int, default=20260202)
    parser.add_argument("--json", type=Path, help="where to write all figures")
    options = parser.parse_args()
    began = time.monotonic()
    given = [
        (world, max(options.trials * 21 // max(world.endpoints, 21), 100), options.seed) for world in worlds()
    ]
    rows = []
    print(
        "| endpoints | tails | unlike | noise | history | shared | any false | +30 % found | notices | is found |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    with ProcessPoolExecutor() as pool:
        for world, found in pool.map(_simulated, given):
            for shared, row in zip(SHARED, found, strict=True):
                rows.append(world._asdict() | {"shared": shared} | row)
                print(
                    f"| {world.endpoints} | {world.tails} | {world.unlike:.0%} | {world.noise:.1%} | {world.runs} "
                    f"| {shared:.0%} | {row['any_false']:.2%} ({row['any_false_low']:.2%} - "
                    f"{row['any_false_high']:.2%}) | {row['power_30']:.0%} | +{row['would_have_noticed']:.0%} "
                    f"| {row['noticed_is_found']:.0%} |",
                    flush=True,
                )
    if options.json is not None:
        options.json.write_text(json.dumps({"seed": options.seed, "worlds": rows}, indent=1))
    print(
        f"\n{sum(trials for _, trials, _ in given)} trials, seed {options.seed}, {time.monotonic() - began:.0f} s"
    )


if __name__ == "__main__":
    main()
