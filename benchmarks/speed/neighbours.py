"""Whether a warm call takes longer where other workers call at the same time: eight pools, eight workers against one.

The endpoints wait most of their time, so that the calls of eight workers take little of the machine. What is compared
are medians of whole runs, as they stand in `modal-bench-report.json`.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from operator import itemgetter
from pathlib import Path

import servers
from comparison import OURS, Comparison, interleave
from figures import show
from pools import POOLS, catalogue
from servers import MeasurementError

NAME = "neighbours"
_WAIT_SEC = 0.3
_WITHIN = 0.05
_LIMIT_SEC = 300.0
_WITHOUT = ("cacheprovider", "randomly", "rerunfailures", "hypothesispytest", "anyio")
"""Other people's plugins, which each worker would import."""


def measure(quick: bool) -> list[Comparison]:
    """Run the benchmark with one worker and with eight, in turn."""
    calls, rounds = (2, 1) if quick else (5, 5)
    with servers.running(hosts=POOLS) as server, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.joinpath("endpoints.toml").write_text(catalogue(server.port, _WAIT_SEC))
        among, alone = (_Runs(folder, workers, calls) for workers in (POOLS, 1))
        interleave({OURS: among.measure, "one worker": alone.measure}, rounds)
    # The first round of `interleave` is for nothing.
    ours, peer = among.medians[1:], alone.medians[1:]
    of_each = [
        statistics.median(run[pool] / before[pool] for run, before in zip(ours, peer, strict=True))
        for pool in range(POOLS)
    ]
    compared = Comparison(
        key="neighbours",
        what=f"warm median of an endpoint that waits {_WAIT_SEC:g} s, with {POOLS} workers",
        unit="s",
        ours=[median for run in ours for median in run],
        peers={"one worker": [median for run in peer for median in run]},
        target=f"each endpoint within {_WITHIN:.0%} of its warm median with one worker",
        met=all(abs(ratio - 1) <= _WITHIN for ratio in of_each),
        notes=[
            f"one figure an endpoint and run: the median of {calls} calls",
            f"endpoints by themselves: ratios of {min(of_each):.4f} to {max(of_each):.4f}, medians of the runs",
        ],
    )
    show(compared)
    return [compared]


class _Runs:
    """Runs of pytest with so many workers, and the warm medians that they report, app by app."""

    def __init__(self, folder: Path, workers: int, calls: int) -> None:
        self._folder = folder
        self._calls = calls
        self._command = [sys.executable, "-m", "pytest", "-q", *(f"-pno:{name}" for name in _WITHOUT)]
        self._command += [f"-n{workers}", "--modal-bench", f"--modal-bench-rounds={calls}"]
        self.medians: list[list[float]] = []

    def measure(self) -> float:
        """Run once; return the median of the warm medians."""
        done = subprocess.run(  # noqa: S603 - pytest, with arguments of our own
            self._command,
            cwd=self._folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_LIMIT_SEC,
            check=False,
        )
        if done.returncode:
            raise MeasurementError(done.stdout)
        report = json.loads((self._folder / "modal-bench-report.json").read_text())
        results = sorted(report["results"], key=itemgetter("app"))
        warm = [sum(sample["start"] == "warm" for sample in result["samples"]) for result in results]
        if warm != [self._calls] * POOLS:
            raise MeasurementError(f"warm calls of the endpoints: {warm}")
        self.medians.append([result["warm_time_sec"] for result in results])
        return statistics.median(self.medians[-1])
