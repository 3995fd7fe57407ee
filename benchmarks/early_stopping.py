"""What `--modal-bench-rounds=auto` saves and costs: the gate's own code on simulated calls, beside fixed rounds.

Each call is drawn, so that stopping depends on what was seen. 21 endpoints, five earlier runs, all measured in the same
way; what is worse is measured again, at another pace. Noise as in `gate_errors.py`.
"""

from __future__ import annotations

import argparse
import math
import random
import time
from statistics import median

from gate_errors import CALL_NOISE, NOISES

from pytest_modal_bench.gate.comparison import FLOORS
from pytest_modal_bench.gate.noise import noise
from pytest_modal_bench.gate.statistics import wilson_interval
from pytest_modal_bench.gate.stopping import LOOKS, enough

ENDPOINTS, RUNS, UNLIKE, SLOWER = 21, 5, 0.3, 1.3


class Measured:
    """Draws the calls of runs, and counts them."""

    def __init__(self, rounds: int | None, drawn: random.Random) -> None:
        """`rounds`; None: until they are enough."""
        self.calls = 0
        self._rounds = rounds
        self._drawn = drawn

    def run(self, pace: float, limit: float | None) -> float:
        """Return the logarithm of the median of a run, which is held against `limit` in seconds."""
        values: list[float] = []
        while len(values) != self._rounds and not (
            self._rounds is None and enough(values, () if limit is None else (limit,))
        ):
            values.append(math.exp(pace + CALL_NOISE * self._drawn.gauss(0, 1)))
        self.calls += len(values)
        return math.log(median(values))


def trial(
    rounds: int | None, run_noise: float, drawn: random.Random, slower: float
) -> tuple[bool, int, float]:
    """Return whether any endpoint is found, how many are, and the calls an endpoint of this run took."""
    own = [run_noise * math.exp(UNLIKE * drawn.gauss(0, 1)) for _ in range(ENDPOINTS)]
    past = Measured(rounds, drawn)
    histories = [[past.run(drawn.gauss(0, each), None) for _ in range(RUNS)] for each in own]
    known = noise(histories, ENDPOINTS)
    now, found = Measured(rounds, drawn), 0
    for each, history in zip(own, histories, strict=True):
        usual = known.usual(history, math.log(FLOORS["warm"]))
        limit = math.exp(usual.mean + usual.limit)

        def beyond(each: float = each, limit: float = limit) -> bool:
            return now.run(drawn.gauss(math.log(slower), each), limit) > math.log(limit)

        found += beyond() and beyond()
    return found > 0, found, now.calls / ENDPOINTS


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=20260202)
    options = parser.parse_args()
    began = time.monotonic()
    print("| runs differ by | rounds | any of 21 false | +30 % found | calls an endpoint, nothing changed |")
    print("| --- | --- | --- | --- | --- |")
    for run_noise in NOISES:
        for rounds in (10, LOOKS[-1], None):
            drawn = random.Random(options.seed)  # noqa: S311 - noise, not a secret
            false = [trial(rounds, run_noise, drawn, 1.0) for _ in range(options.trials)]
            slow = [trial(rounds, run_noise, drawn, SLOWER) for _ in range(max(options.trials // 10, 20))]
            alarms = sum(any_found for any_found, _, _ in false)
            interval = wilson_interval(alarms, len(false))
            assert interval is not None  # noqa: S101 - there are trials
            power = sum(found for _, found, _ in slow) / (ENDPOINTS * len(slow))
            calls = sum(each for _, _, each in false) / len(false)
            print(
                f"| {run_noise:.1%} | {'auto' if rounds is None else rounds} | {alarms / len(false):.2%} "
                f"({interval[0]:.2%} - {interval[1]:.2%}) | {power:.0%} | {calls:.1f} |",
                flush=True,
            )
    print(f"\n{options.trials} trials, seed {options.seed}, {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
