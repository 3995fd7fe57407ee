"""What it costs to have this project installed, and not to ask for it.

Two folders hold links to the same installed packages, one of them without this project. Python looks for packages there
alone, so that all else is equal. What this project depends on is in both: pytest-benchmark, pytest-timeout and
pytest-xdist are plugins of pytest, too, and what they take is not in the ratio.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from comparison import OURS, Comparison, interleave
from figures import show
from servers import MeasurementError

if TYPE_CHECKING:
    from collections.abc import Sequence

NAME = "off"
_ROUNDS = 40
_MOST = 1.01
_IMPORT_SEC = 1e-3
_COLLECT = ("-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider")
_NOTHING_COLLECTED = 5
_LOADED = (
    "import sys, json, pytest; pytest.main(['--collect-only', '-q']); print(json.dumps(sorted(sys.modules)))"
)
_IMPORT = "import pytest, {}"
_TIME = re.compile(r"import time:\s+(\d+) \|\s+\d+ \| +(\S+)")
_OWN = "pytest_modal_bench"


def measure(quick: bool) -> list[Comparison]:
    """Compare `pytest --collect-only -q` in an empty folder, installed and not installed."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        (root / "empty").mkdir()
        environments = {who: _packages(root / who, own=who == OURS) for who in (OURS, "not installed")}
        runs = {who: partial(_collect, root / "empty", environ) for who, environ in environments.items()}
        taken = interleave(runs, 3 if quick else _ROUNDS)
        loaded = {who: _loaded(root / "empty", environ) for who, environ in environments.items()}
        more = sorted(loaded[OURS] - loaded["not installed"])
        own = [module for module in more if module.partition(".")[0] == _OWN]
        imports = [
            _own_import_sec(root / "empty", environments[OURS], own) for _ in range(3 if quick else 21)
        ]
    foreign = [module for module in more if module.partition(".")[0] not in {_OWN, *sys.stdlib_module_names}]
    collecting = Comparison(
        *("off", "pytest that collects nothing, without `--modal-bench`", "s"),
        *(taken.pop(OURS), taken, f"ratio at most {_MOST}"),
        met=False,
        notes=["both have the packages that this project depends on, pytest's plugins among them"],
    )
    importing = Comparison(
        *(
            "off-import",
            "own import without `--modal-bench`",
            "s",
            imports,
            {},
            "at most 1 ms, and no package more",
        ),
        met=statistics.median(imports) <= _IMPORT_SEC and not foreign,
        notes=[f"modules that are imported more: {', '.join(more)}"],
    )
    found = [collecting.judged(met=collecting.ratio("not installed").median <= _MOST), importing]
    for comparison in found:
        show(comparison)
    return found


def _packages(folder: Path, *, own: bool) -> dict[str, str]:
    """Link what is installed, with or without this project, and return the environment that finds it alone."""
    folder.mkdir()
    for package in Path(sysconfig.get_path("purelib")).iterdir():
        mine = _OWN in package.name.replace("-", "_")
        if not mine or (own and package.suffix == ".dist-info"):
            (folder / package.name).symlink_to(package)
    if own:
        source = Path(str(importlib.util.find_spec(_OWN).origin)).parent  # type: ignore[union-attr] # it is installed
        (folder / _OWN).symlink_to(source)
    keep = {
        name: text for name, text in os.environ.items() if not name.startswith(("PYTEST", "PYTHON", "MODAL"))
    }
    return {**keep, "PYTHONPATH": str(folder)}


def _python(folder: Path, environ: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(  # noqa: S603 - no shell
        [sys.executable, "-S", *arguments],
        cwd=folder,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode not in (0, _NOTHING_COLLECTED):
        raise MeasurementError(done.stdout + done.stderr)
    return done


def _collect(folder: Path, environ: dict[str, str]) -> float:
    began = time.perf_counter()
    _python(folder, environ, *_COLLECT)
    return time.perf_counter() - began


def _own_import_sec(folder: Path, environ: dict[str, str], own: Sequence[str]) -> float:
    """Return what importing this project's modules takes, as `-X importtime` has it, without what they import.

    They are imported by statements: pytest loads a plugin with `importlib.import_module`, which is not timed.
    """
    program = _IMPORT.format(", ".join(own))
    said = _python(folder, environ, "-X", "importtime", "-c", program).stderr
    times = {found[2]: int(found[1]) for found in _TIME.finditer(said) if found[2].startswith(_OWN)}
    if {*times} != {*own}:
        raise MeasurementError(f"timed are {sorted(times)}, and a session imports {sorted(own)}")
    return sum(times.values()) / 1e6


def _loaded(folder: Path, environ: dict[str, str]) -> set[str]:
    return set(json.loads(_python(folder, environ, "-c", _LOADED).stdout.splitlines()[-1]))
