"""How often a comparison side by side is wrong: its real code on simulated pairs, beside the history rule.

What both sides share (client, network, platform, hour) moves both calls of a pair alike; what they don't share (host,
GPU) is each container's own. Endpoints differ in how much. For each noise it is printed how often any of the endpoints
raises a false alarm, how often one that got slower fails, and whether what a comparison says it would have noticed is
found as often as it says; where containers are not known, a warning finds, too. Beside it the history rule, with as
many calls of the candidate and five earlier runs, whose second measurement meets another pace.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import time
from pathlib import Path
from typing import NamedTuple

from pytest_modal_bench.gate.comparison import BLIND, FLOORS
from pytest_modal_bench.gate.moderation import Spread, prior
from pytest_modal_bench.gate.noise import FALSE_ALARM, noise
from pytest_modal_bench.gate.side_by_side import HOSTS, estimate
from pytest_modal_bench.gate.statistics import wilson_interval

CALL_NOISE = 0.055
"""By how much calls vary within a container: the standard deviation of a call's logarithm."""
RUNS = 5
"""Earlier runs of the history rule."""
CHANGES = (1.1, 1.2, 1.3, 1.5)


class World(NamedTuple):
    """What is assumed of a run."""

    shared: float = 0.046
    """Standard deviation of the logarithm of what both sides share: the middle endpoint's."""
    host: float = 0.046
    """That of a container's own pace."""
    containers: int = 3
    """Pairs of containers that are called; 0: one, and nobody knows of it."""
    pairs: int = 3
    """Pairs of calls in each."""
    endpoints: int = 21
    unlike: float = 0.3
    """Standard deviation of the logarithm of those noises among endpoints."""

    @property
    def calls(self) -> int:
        """Warm calls of the candidate."""
        return max(self.containers, 1) * self.pairs


class Tally:
    """Counts of a world's trials."""

    def __init__(self) -> None:
        self.trials = self.any_false = self.any_flagged = self.endpoints = self.noticed_found = self.blind = 0
        self.found = dict.fromkeys(CHANGES, 0)
        self.noticed = 0.0

    def add(self, margins: list[float], noticed: list[float], flags: list[float] | None = None) -> None:
        """Count a run: by how much each endpoint that has not changed is beyond what fails, and what it would notice.

        A slowdown moves the one by its logarithm. `flags`: by how much it is beyond what fails or warns.
        """
        flags = margins if flags is None else flags
        self.trials += 1
        self.endpoints += len(margins)
        self.any_false += any(margin > 0 for margin in margins)
        self.any_flagged += any(margin > 0 for margin in flags)
        for change in CHANGES:
            self.found[change] += sum(margin + math.log(change) > 0 for margin in margins)
        self.noticed_found += sum(margin + least > 0 for margin, least in zip(flags, noticed, strict=True))
        self.blind += sum(least > math.log(BLIND) for least in noticed)
        self.noticed += sum(noticed)

    def row(self) -> dict[str, float]:
        """Return shares, and 95 % limits of the false alarms."""
        low, high = wilson_interval(self.any_false, self.trials) or (0.0, 1.0)
        return {
            "trials": self.trials,
            "any_false": self.any_false / self.trials,
            "any_flagged": self.any_flagged / self.trials,
            "any_false_low": low,
            "any_false_high": high,
            **{f"power_{change - 1:.0%}": found / self.endpoints for change, found in self.found.items()},
            "would_have_noticed": math.exp(self.noticed / self.endpoints) - 1,
            "noticed_is_found": self.noticed_found / self.endpoints,
            "inconclusive": self.blind / self.endpoints,
        }


def ratios(world: World, own: float, drawn: random.Random) -> list[float]:
    """Draw the logarithms of an endpoint's ratios: one a pair of containers, or one a pair of calls."""
    found = []
    for _ in range(max(world.containers, 1)):
        hosts = [drawn.gauss(0, world.host * own) for _ in range(2)]
        in_container = []
        for _ in range(world.pairs):
            hour = drawn.gauss(0, world.shared * own)
            candidate, base = (hour + host + drawn.gauss(0, CALL_NOISE) for host in hosts)
            in_container.append(candidate - base)
        found += [sum(in_container) / world.pairs] if world.containers else in_container
    return found


def side_by_side(world: World, trials: int, seed: int, *, slower: float = 1.0) -> dict[str, float]:
    """Simulate runs; `slower`: the ratio that all their endpoints have before anything changes."""
    drawn = random.Random(f"{seed} {world} {slower}")  # noqa: S311 - noise, not a secret
    tally, floor, tail = Tally(), math.log(FLOORS["warm"]), FALSE_ALARM / world.endpoints
    beside = 0.0 if world.containers else HOSTS
    for _ in range(trials):
        found = [
            ratios(world, math.exp(world.unlike * drawn.gauss(0, 1)), drawn) for _ in range(world.endpoints)
        ]
        expected = prior([_spread(values) for values in found])
        known = [estimate(values, expected) for values in found]
        tally.add(
            [each.lowest(tail, beside=beside) + math.log(slower) - floor for each in known],
            [each.noticed(floor, tail, beside=beside) for each in known],
            [each.lowest(tail) + math.log(slower) - floor for each in known],
        )
    return tally.row()


def history(world: World, trials: int, seed: int) -> dict[str, float]:
    """Simulate runs that are held against earlier ones, with as many calls of the candidate."""
    drawn = random.Random(f"history {seed} {world}")  # noqa: S311
    tally, floor = Tally(), math.log(FLOORS["warm"])
    of_median = math.sqrt(math.pi / 2 / world.calls)
    for _ in range(trials):
        margins, noticed = [], []
        own = [math.exp(world.unlike * drawn.gauss(0, 1)) for _ in range(world.endpoints)]

        def run(each: float) -> float:
            return each * drawn.gauss(0, math.hypot(world.shared, world.host)) + drawn.gauss(
                0, CALL_NOISE * of_median
            )

        histories = [[run(each) for _ in range(RUNS)] for each in own]
        rule = noise(histories, world.endpoints)
        for each, earlier in zip(own, histories, strict=True):
            usual = rule.usual(earlier, floor)
            # Both measurements have to be beyond the limit.
            margins.append(min(run(each), run(each)) - usual.mean - usual.limit)
            noticed.append(usual.noticed)
        tally.add(margins, noticed)
    return tally.row()


def _spread(values: list[float]) -> Spread:
    middle = sum(values) / len(values)
    return Spread(sum((value - middle) ** 2 for value in values) / (len(values) - 1), len(values) - 1)


def worlds() -> list[World]:
    """Return the grid: noise that is shared and not, and what a run spends its calls on."""
    return [
        World(shared, host, *design)
        for shared, host in ((0.02, 0.0), (0.10, 0.0), (0.046, 0.02), (0.046, 0.046), (0.046, 0.08))
        for design in ((0, 3), (0, 10), (3, 3), (5, 2), (10, 1))
    ]


def main() -> None:
    """Print the grid as a table, and write it as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=20260202)
    parser.add_argument("--json", type=Path, help="where to write all figures")
    options = parser.parse_args()
    began = time.monotonic()
    rows = []
    heads: tuple[str, ...] = (
        "shared",
        "host",
        "rule",
        "calls a side",
        "any fails falsely",
        "or warns",
        "+20 %",
        "+30 %",
        "+50 %",
    )
    heads = (*heads, "notices", "is found", "blind")
    print(f"| {' | '.join(heads)} |\n| {' | '.join(['---'] * len(heads))} |")
    for world in worlds():
        design = f"{world.containers} containers" if world.containers else "containers unknown"
        simulated = [(design, side_by_side(world, options.trials, options.seed))]
        if world.containers == 0:
            simulated.append((f"history of {RUNS}", history(world, options.trials, options.seed)))
        for rule, row in simulated:
            rows.append(world._asdict() | {"rule": rule} | row)
            print(
                f"| {world.shared:.1%} | {world.host:.1%} | {rule} | {world.calls} | {row['any_false']:.1%} "
                f"({row['any_false_low']:.1%} - {row['any_false_high']:.1%}) | {row['any_flagged']:.1%} "
                f"| {row['power_20%']:.0%} "
                f"| {row['power_30%']:.0%} | {row['power_50%']:.0%} | +{row['would_have_noticed']:.0%} "
                f"| {row['noticed_is_found']:.0%} | {row['inconclusive']:.0%} |",
                flush=True,
            )
    if options.json is not None:
        options.json.write_text(json.dumps({"seed": options.seed, "worlds": rows}, indent=1))
    print(f"\n{options.trials} trials each, seed {options.seed}, {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
