"""Pools that wait: a whole run with `-n auto`, beside the calls of its slowest pool.

Pools are measured at the same time, each by a worker of its own. So a run should take as long as its slowest pool, and
what it takes to start workers and to write reports.
"""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import servers
from comparison import Comparison
from figures import show
from growth import PYTEST, environment
from servers import MeasurementError

if TYPE_CHECKING:
    from servers import Server

NAME = "pools"
POOLS = 8
_WAIT_SEC = 1.5
_CALLS = 4
"""One first call and three warm ones: 6 s a pool."""
_MORE_SEC = 3.0
_SELECTED = 3
_LIMIT_SEC = 300.0
_WORKERS = re.compile(r"^(?:created: \d+/)?(\d+) workers?", re.MULTILINE)


def catalogue(port: int, wait_sec: float, pools: int = POOLS) -> str:
    """Return a catalogue of so many pools, each at an address of its own with one endpoint that waits."""
    return "".join(
        f"""
[apps.app{number}]
url = "http://127.0.0.{number}:{port}"

[[endpoints]]
app = "app{number}"
path = "/wait/{wait_sec}"
name = "Wait {number}"
category = "Wait"
timeout = 10
expect = {{ kind = "json" }}
payload = {{ seed = "{{seed}}" }}
"""
        for number in range(1, pools + 1)
    )


def measure(quick: bool) -> list[Comparison]:
    """Run eight pools with `-n auto`, then three of them."""
    wait_sec = 0.2 if quick else _WAIT_SEC
    with servers.running(hosts=POOLS) as server, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.joinpath("endpoints.toml").write_text(catalogue(server.port, wait_sec))
        runs = [_run(folder, server, POOLS) for _ in range(1 if quick else 6)]
        selected = [_run(folder, server, _SELECTED) for _ in range(1 if quick else 3)]
    compared = Comparison(
        *("pools", f"{POOLS} pools of {_CALLS * wait_sec:g} s each, with `-n auto`", "s"),
        *([run[0] for run in runs], {"its slowest pool": [run[1] for run in runs]}),
        *(f"at most {_MORE_SEC:g} s more", False),
    )
    more = compared.difference("its slowest pool")
    compared.notes.append(f"{more.median:.2f} s more ({more.low:.2f} to {more.high:.2f})")
    workers = Comparison(
        *(
            "pools-workers",
            f"workers of `-n auto` where {_SELECTED} of {POOLS} pools are selected",
            "workers",
        ),
        *([float(run[2]) for run in selected], {"pools selected": [float(_SELECTED)] * len(selected)}),
        *(f"{_SELECTED}", all(run[2] == _SELECTED for run in selected)),
    )
    found = [compared.judged(met=more.median <= _MORE_SEC), workers]
    for comparison in found:
        show(comparison)
    return found


def _run(folder: Path, server: Server, pools: int) -> tuple[float, float, int]:
    """Run once; return the run's seconds, those of the slowest pool's calls, and how many workers there were."""
    names = " or ".join(f"app{number}-" for number in range(1, pools + 1))
    command = [*PYTEST, "-v", "-n", "auto", "--modal-bench", "-k", names]
    began = time.perf_counter()
    done = subprocess.run(  # noqa: S603 - pytest, with arguments of our own
        command,
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=_LIMIT_SEC,
        check=False,
    )
    took = time.perf_counter() - began
    workers = _WORKERS.findall(done.stdout)
    if done.returncode or not workers:
        raise MeasurementError(done.stdout + done.stderr)
    server.log(pools * (_CALLS + 1))  # and one that asks each app for the schema that it publishes
    results = json.loads((folder / "modal-bench-report.json").read_text())["results"]
    calls = [
        sum(sample["elapsed_sec"] for sample in result["samples"]) for result in results if result["samples"]
    ]
    return took, max(calls), int(workers[-1])
