"""How long it takes until the tests of a catalogue are collected, beside plain tests of the same number."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from comparison import OURS, Comparison, interleave
from figures import show
from servers import MeasurementError

NAME = "start"
CATALOGUE = Path(__file__).parents[2] / "tests" / "endpoints" / "endpoints.toml"
_ENDPOINTS = 21
_ROUNDS = 20
_MORE_SEC = 0.1
_PLAIN = f"""\
import pytest

@pytest.mark.parametrize("number", range({_ENDPOINTS}))
def test_endpoint(number):
    pass
"""


def measure(quick: bool) -> list[Comparison]:
    """Compare `pytest --modal-bench --collect-only` with bare pytest."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for who in (OURS, "bare pytest"):
            (folder / who).mkdir()
        shutil.copy(CATALOGUE, folder / OURS)
        (folder / "bare pytest" / "test_plain.py").write_text(_PLAIN)
        options = {OURS: ("--modal-bench",), "bare pytest": ("-p", "no:modal-bench")}
        runs = {who: partial(_collect, folder / who, given) for who, given in options.items()}
        taken = interleave(runs, 3 if quick else _ROUNDS)
    compared = Comparison(
        *("start", f"collecting {_ENDPOINTS} endpoints", "s", taken.pop(OURS), taken),
        *(f"at most {_MORE_SEC:g} s more", False),
    )
    more = compared.difference("bare pytest")
    compared.notes.append(f"{more.median:.3f} s more ({more.low:.3f} to {more.high:.3f})")
    compared = compared.judged(met=more.median <= _MORE_SEC)
    show(compared)
    return [compared]


def _collect(folder: Path, options: tuple[str, ...]) -> float:
    environ = {name: text for name, text in os.environ.items() if not name.startswith(("PYTEST", "MODAL"))}
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", *options]
    began = time.perf_counter()
    done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=False)  # noqa: S603
    took = time.perf_counter() - began
    if done.returncode or f"{_ENDPOINTS} tests collected" not in done.stdout:
        raise MeasurementError(done.stdout + done.stderr)
    return took
