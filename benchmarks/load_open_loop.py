"""Whether a load at a rate sees what a stall does to those who come meanwhile, and what others see.

The server answers at once, but stalls for 2 s every 10 s: whoever comes in a stall waits for its end. By the schedule
alone it follows what the 99th percentile must be. Beside it: this project's own waiting users, and Locust's users that
call once a second each, whose times begin when a call begins, not when it was meant to (coordinated omission).
"""

from __future__ import annotations

import argparse
import csv
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import load_runs
import load_targets
from load_targets import STALL_EVERY_SEC, STALL_SEC

from pytest_modal_bench.gate.statistics import percentile

_HERE = Path(__file__).parent


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description="Hold a load at a rate against what its schedule implies.")
    parser.add_argument("--rate", type=float, default=20.0)
    parser.add_argument("--seconds", type=float, default=60.0)
    options = parser.parse_args()
    rate, seconds = options.rate, options.seconds
    users = max(round(rate), 1)
    with load_targets.running("stalling") as target:
        load = load_runs.made(target.url, f"rate={rate:g} duration={seconds:g}")
        waiting = load_runs.made(target.url, f"users={users} duration={seconds:g}")
        locust = _locust(target.url, users, seconds)
    scheduled, closed = load.steps[0], waiting.steps[0]
    implied = _implied(rate)
    sys.stdout.write(
        f"{rate:g} calls a second for {seconds:g} s; a stall of {STALL_SEC:g} s every {STALL_EVERY_SEC:g} s\n"
    )
    sys.stdout.write("| | n | p99 | of what is implied |\n| --- | --- | --- | --- |\n")
    for name, n, p99 in (
        ("implied by the schedule", None, implied),
        ("this, by rate", scheduled.n, scheduled.p99_sec),
        (f"this, {users} users that wait", closed.n, closed.p99_sec),
        (f"Locust, {users} users, one call a second each", *locust),
    ):
        shown = "-" if p99 is None else f"{p99:.3f} s | {p99 / implied:.2f}"
        sys.stdout.write(f"| {name} | {'-' if n is None else n} | {shown} |\n")


def _implied(rate: float) -> float:
    """What p99 is over a whole period: who comes in a stall waits for what is left of it, all others for nothing."""
    calls = round(100 * STALL_EVERY_SEC * rate)
    moments = (STALL_EVERY_SEC * number / calls for number in range(calls))
    waits = sorted(
        STALL_EVERY_SEC - at_sec if at_sec >= STALL_EVERY_SEC - STALL_SEC else 0.0 for at_sec in moments
    )
    found = percentile(waits, 0.99)
    assert found is not None  # noqa: S101 - there are enough of them
    return found


def _locust(url: str, users: int, seconds: float) -> tuple[int | None, float | None]:
    """What Locust says itself of as many users that each call once a second."""
    with tempfile.TemporaryDirectory() as folder:
        command = [
            sys.executable,
            "-m",
            "locust",
            "-f",
            str(_HERE / "load_peers.py"),
            "--headless",
            "--only-summary",
        ]
        command += ["-u", str(users), "-r", str(users), "-t", f"{seconds:g}s", "--host", url]
        command += ["--csv", f"{folder}/locust", "--loglevel", "ERROR"]
        subprocess.run(  # noqa: S603 - Locust's own command
            command,
            env={**os.environ, "LOAD_PACE_SEC": "1"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
        )
        with Path(folder, "locust_stats.csv").open() as file:
            for row in csv.DictReader(file):
                if row["Name"] == "Aggregated" and row["99%"] != "N/A":
                    return int(row["Request Count"]), float(row["99%"]) / 1000
    return None, None


if __name__ == "__main__":
    main()
