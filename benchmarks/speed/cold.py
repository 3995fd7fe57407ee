"""Whether a cold start takes as long as the run reports: against the log of the local workspace, which made it.

The log's time of a call is from when its request was there, whole, to when its container was done with it: the start of
the container's process lies between. Both are of the call as the client sees it, so what ours is more is the way there
and back.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from comparison import Comparison, spread
from figures import show
from servers import MeasurementError

from pytest_modal_bench.local.launch import launch

if TYPE_CHECKING:
    from pytest_modal_bench.local.launch import LocalWorkspace

NAME = "cold"
_WITHIN_SEC = 5e-3
_TIME_SCALE = 0.01
_LIMIT_SEC = 600.0
_ROOT = Path(__file__).parents[2]
_CATALOGUE = _ROOT / "tests" / "endpoints" / "endpoints.toml"
_QUICK = "z-image-simple"


def measure(quick: bool) -> list[Comparison]:
    """Force cold starts of every pool, or of one."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        log = folder / "containers.jsonl"
        with launch("healthy", _TIME_SCALE, control=True, log=log) as workspace:
            reported = _reported(folder, workspace, rounds=2 if quick else 3, chosen=_QUICK if quick else "")
        entries = map(json.loads, log.read_text().splitlines())
        logged = {
            entry["call"]: entry["ended"] - entry["received"] for entry in entries if "received" in entry
        }
    if missing := reported.keys() - logged.keys():
        raise MeasurementError(f"cold calls that are not in the log: {sorted(missing)}")
    compared = Comparison(
        key="cold",
        what="forced cold start of the local workspace",
        unit="s",
        ours=list(reported.values()),
        peers={"log": [logged[call] for call in reported]},
        target=f"within {1000 * _WITHIN_SEC:g} ms of the log's time, median",
        met=abs(spread([seconds - logged[call] for call, seconds in reported.items()]).median) <= _WITHIN_SEC,
        notes=[
            f"one figure a cold start; container starts are simulated, at {_TIME_SCALE:g} of their length",
            "ours has the connect, the request's and the answer's way in it; the log's has not",
        ],
    )
    show(compared)
    return [compared]


def _reported(folder: Path, workspace: LocalWorkspace, *, rounds: int, chosen: str) -> dict[str, float]:
    """Run the benchmark against the workspace; return what it reports of each cold start, by the call's id."""
    assert workspace.control is not None  # noqa: S101 - it was asked for
    catalogue = _CATALOGUE.read_text()
    for app, url in workspace.urls.items():
        catalogue = catalogue.replace(f"https://{{workspace}}--{app}-comfyui-fastapi-app.modal.run", url)
    (folder / "endpoints.toml").write_text(catalogue)
    (folder / "fixtures").symlink_to(_ROOT / "fixtures")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--modal-bench"]
    command += ["--modal-bench-environment=main", "--modal-bench-cold=force", "--modal-bench-rounds=1"]
    command += [f"--modal-bench-cold-rounds={rounds}", "-k", chosen]
    access = workspace.control
    done = subprocess.run(  # noqa: S603 - pytest, with arguments of our own
        command,
        cwd=folder,
        env={
            **os.environ,
            "MODAL_SERVER_URL": access.url,
            "MODAL_TOKEN_ID": access.token_id,
            "MODAL_TOKEN_SECRET": access.token_secret,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=_LIMIT_SEC,
        check=False,
    )
    if done.returncode:
        raise MeasurementError(done.stdout)
    report = json.loads((folder / "modal-bench-report.json").read_text())
    return {
        sample["call_id"]: sample["elapsed_sec"]
        for result in report["results"]
        for sample in result["samples"]
        if sample["start"] == "cold"
    }
