"""What the generator of loads can do: calls a second, its own share of a call's time, and its memory.

    python benchmarks/load_generator.py                     beside Locust's HttpUser and FastHttpUser
    python benchmarks/load_generator.py --memory 100000     memory of its processes over so many calls

All on this machine: the server, which answers at once, works on the same cores. Each way calls with the same number of
processes; the server counts the calls.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import threading
import time
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import load_runs
import load_targets
import psutil

if TYPE_CHECKING:
    from load_targets import Target

_HERE = Path(__file__).parent


def main() -> None:
    """Measure, and print tables."""
    parser = argparse.ArgumentParser(description="Measure the generator of loads.")
    parser.add_argument("--users", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--memory", type=int, metavar="CALLS")
    options = parser.parse_args()
    if options.memory is not None:
        memory(options.users, options.memory, options.processes)
    else:
        speed(options.users, options.seconds, options.rounds, options.processes)


def speed(users: int, seconds: float, rounds: int, processes: int) -> None:
    """Print calls a second of each way, and what a call takes that is answered at once."""
    rates: dict[str, list[float]] = {"this": [], "HttpUser": [], "FastHttpUser": []}
    spec = f"users={users} duration={seconds:g}"
    p50s = {}
    with load_targets.running("instant") as target:
        for _ in range(rounds):
            for way, found in rates.items():
                before = target.count()
                if way == "this":
                    (step,) = load_runs.made(target.url, spec, processes=processes).steps
                    took_sec, p50s[users] = step.took_sec, step.p50_sec
                else:
                    took_sec = _locust(target, way, users, seconds, processes)
                found.append((target.count() - before) / took_sec)
        (alone,) = load_runs.made(target.url, f"users=1 duration={seconds:g}", processes=1).steps
        p50s[1] = alone.p50_sec
    sys.stdout.write(f"{users} users, {processes} processes, {seconds:g} s, {rounds} rounds\n")
    sys.stdout.write("| way | calls a second, median (min - max) | of HttpUser's |\n| --- | --- | --- |\n")
    base = statistics.median(rates["HttpUser"])
    for way, found in rates.items():
        middle = statistics.median(found)
        sys.stdout.write(
            f"| {way} | {middle:,.0f} ({min(found):,.0f} - {max(found):,.0f}) | {middle / base:.2f} |\n"
        )
    for count, p50 in sorted(p50s.items()):
        shown = "-" if p50 is None else f"{1000 * p50:.2f} ms"
        sys.stdout.write(f"a call with {count} users takes {shown} (median); the server answers at once\n")


def _locust(target: Target, way: str, users: int, seconds: float, processes: int) -> float:
    """Have Locust call by itself; return the seconds that its users called for."""
    command = [
        sys.executable,
        "-m",
        "locust",
        "-f",
        str(_HERE / "load_peers.py"),
        "--headless",
        "--only-summary",
    ]
    command += ["-u", str(users), "-r", str(users), "-t", f"{seconds:g}s", "--host", target.url]
    command += ["--processes", str(processes), "--loglevel", "ERROR"]
    came: list[tuple[float, int]] = []
    process = subprocess.Popen(  # noqa: S603 - Locust's own command
        command,
        env={**os.environ, "LOAD_PEER": way},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while process.poll() is None:
        came.append((time.monotonic(), target.count()))
        time.sleep(0.05)
    busy = [at for (at, count), (_, later) in pairwise(came) if later > count]
    if not busy:
        raise SystemExit("Locust made no call")
    return busy[-1] - busy[0] + 0.05


def memory(users: int, calls: int, processes: int) -> None:
    """Print how much memory each process of a load has as its calls go on."""
    done = threading.Event()
    rows: list[tuple[int, dict[str, float]]] = []
    with load_targets.running("instant") as target:

        def watch() -> None:
            while not done.wait(1.0):
                rows.append((target.count(), dict(_memory())))

        watching = threading.Thread(target=watch)
        watching.start()
        load_runs.made(target.url, f"users={users} duration=5", processes=processes)
        a_second = max(target.count() / 5, 1.0)
        load_runs.made(target.url, f"users={users} duration={calls / a_second:.0f}", processes=processes)
        done.set()
        watching.join()
        sys.stdout.write(f"{target.count():,} calls by {users} users\n")
    names = sorted({name for _, row in rows for name in row})
    sys.stdout.write(f"| calls | {' | '.join(names)} |\n| --- |{' --- |' * len(names)}\n")
    for count, row in rows[:: max(len(rows) // 20, 1)]:
        cells = (f"{row[name]:.1f}" if name in row else "-" for name in names)
        sys.stdout.write(f"| {count:,} | {' | '.join(cells)} |\n")


def _memory() -> list[tuple[str, float]]:
    """MiB of this process and of what it has started for the load."""
    own = psutil.Process()
    found = [("run", own.memory_info().rss / 2**20)]
    counts = {"master": 0, "worker": 0}
    for child in sorted(own.children(recursive=True), key=lambda each: each.pid):
        try:
            module = next(
                (word.rpartition(".")[2] for word in child.cmdline() if "load.engine" in word), None
            )
            if module in counts:
                counts[module] += 1
                found.append((f"{module} {counts[module]}", child.memory_info().rss / 2**20))
        except psutil.Error:
            continue
    return found


if __name__ == "__main__":
    main()
