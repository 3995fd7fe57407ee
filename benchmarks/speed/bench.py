"""How long `tox run -e bench` takes once it is installed: the 21 endpoints of the local workspace."""

from __future__ import annotations

import configparser
import json
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from comparison import Comparison
from figures import show
from servers import MeasurementError

NAME = "bench"
_ROOT = Path(__file__).parents[2]
_MOST_SEC = 15.0
_ROUNDS = 3


def measure(quick: bool) -> list[Comparison]:
    """Run the command of `tox.ini`, in a folder with nothing but the benchmark."""
    tox = configparser.ConfigParser(interpolation=None)
    tox.read(_ROOT / "tox.ini")
    command = (
        tox["testenv:bench"]["commands"]
        .strip()
        .replace("{posargs:--modal-bench-workspace=local}", "{posargs}")
    )
    arguments = shlex.split(command.format(posargs="--modal-bench-workspace=local"))[1:]
    seconds, calls = [], []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in ("conftest.py", "pyproject.toml"):
            shutil.copy(_ROOT / part, folder)
        for part in ("fixtures", "tests/endpoints"):
            shutil.copytree(_ROOT / part, folder / part)
        for _ in range(1 if quick else _ROUNDS):
            began = time.perf_counter()
            done = subprocess.run(  # noqa: S603 - pytest, as tox has it
                [sys.executable, "-m", "pytest", *arguments],
                cwd=folder,
                capture_output=True,
                text=True,
                check=False,
            )
            seconds.append(time.perf_counter() - began)
            if done.returncode:
                raise MeasurementError(done.stdout + done.stderr)
            results = json.loads((folder / "modal-bench-report.json").read_text())["results"]
            calls.append(sum(sample["elapsed_sec"] for result in results for sample in result["samples"]))
    compared = Comparison(
        *("bench", "`tox run -e bench`, installed", "s", seconds, {"its calls, one after the other": calls}),
        *(f"at most {_MOST_SEC:g} s", sorted(seconds)[len(seconds) // 2] <= _MOST_SEC),
    )
    show(compared)
    return [compared]
