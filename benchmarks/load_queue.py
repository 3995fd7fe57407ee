"""A load at a rate against a queue whose mean wait is known: M/M/1 (Kleinrock, Queueing Systems, volume 1, 1975).

One server, exponential service of mean s, Poisson arrivals; at a load of r the mean wait is s r / (1 - r). A path of
2,000 calls strays from that by itself: at r = 0.8 its mean has a standard error of 25 %. So seeds are tried until the
recursion of Lindley (w[n+1] = max(w[n] + s[n] - a[n], 0)) on the drawn arrivals and services is within 1 % of the
formula; what is measured is then the generator, not luck. The loads are made side by side: they need next to no
processor.
"""

from __future__ import annotations

import argparse
import itertools
import random
import statistics
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import load_runs
import load_targets

from pytest_modal_bench.load.schedule import meant
from pytest_modal_bench.load.spec import Step


class Row(NamedTuple):
    """What one load gave; waits in seconds, in the mean."""

    load: float
    n: int
    formula: float
    path: float
    """Of the very arrivals and services that were drawn."""
    measured: float
    alone: float
    """What a call takes beside its execution where there is no queue; not in `measured`."""


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description="Hold loads at a rate against M/M/1.")
    parser.add_argument("--calls", type=int, default=2000)
    parser.add_argument("--service-sec", type=float, default=0.05)
    parser.add_argument("--loads", type=float, nargs="+", default=[0.3, 0.6, 0.8])
    options = parser.parse_args()
    with ThreadPoolExecutor(len(options.loads)) as threads:
        rows = list(threads.map(lambda load: _row(load, options.service_sec, options.calls), options.loads))
    sys.stdout.write(f"{options.calls} calls each, service of {options.service_sec:g} s in the mean\n")
    sys.stdout.write("| load | n | formula | this path | measured | of the formula | without a queue |\n")
    sys.stdout.write("| --- | --- | --- | --- | --- | --- | --- |\n")
    for row in rows:
        sys.stdout.write(
            f"| {row.load:.0%} | {row.n} | {1000 * row.formula:.1f} ms | {1000 * row.path:.1f} ms "
            f"| {1000 * row.measured:.1f} ms | {row.measured / row.formula:.3f} | {1000 * row.alone:.1f} ms |\n"
        )


def _row(load: float, service_sec: float, calls: int) -> Row:
    rate = load / service_sec
    step = Step(kind="rate", value=rate, duration_sec=calls / rate, arrivals="poisson")
    formula = service_sec * load / (1 - load)
    seed, path = next(
        (seed, path)
        for seed in map(str, itertools.count())
        if abs((path := _path(step, service_sec, seed)) / formula - 1) < 0.01  # noqa: PLR2004
    )
    with load_targets.running("queue", "--service-sec", repr(service_sec), "--seed", seed) as target:
        made = load_runs.made(
            target.url,
            f"rate={rate!r} duration={step.duration_sec!r} arrivals=poisson",
            seed=seed,
            processes=1,
            keep=2 * calls,
        )
    beyond = sorted(call.latency_sec - (call.execution_sec or 0.0) for call in made.steps[0].calls)
    # Of a call that finds the server idle, which a share of 1 - load does: no queue, but the way there and back.
    alone = beyond[int(len(beyond) * (1 - load) / 2)]
    waits = [max(each - alone, 0.0) for each in beyond]
    return Row(load, made.steps[0].n, formula, path, statistics.mean(waits), alone)


def _path(step: Step, service_sec: float, seed: str) -> float:
    """Mean wait on the drawn path, by Lindley's recursion."""
    drawn = random.Random(seed)  # noqa: S311 - as the server draws
    arrivals = list(meant(step, f"{seed}:0"))
    waits = [0.0]
    for earlier, later in itertools.pairwise(arrivals):
        waits.append(max(waits[-1] + drawn.expovariate(1 / service_sec) - (later - earlier), 0.0))
    return statistics.mean(waits)


if __name__ == "__main__":
    main()
