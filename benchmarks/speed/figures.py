"""Shows a comparison as it is there: a line, a JSON file with all its figures, and a plot."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from comparison import OURS, spread

if TYPE_CHECKING:
    from comparison import Comparison, Spread

FOLDER = Path(__file__).parents[2] / "build" / "benchmarks"
"""Where the files are written."""
_PACKAGES = (
    *("pytest-modal-bench", "pytest", "pytest-benchmark", "pytest-xdist"),
    *("requests", "urllib3", "httpx", "msgspec"),
)


def show(comparison: Comparison) -> None:
    """Print a comparison, and write `KEY.json` and `KEY.svg`."""
    print(line(record(comparison)), flush=True)
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / f"{comparison.key}.json").write_text(json.dumps(record(comparison), indent=2) + "\n")
    _plot(comparison, FOLDER / f"{comparison.key}.svg")


def record(comparison: Comparison) -> dict[str, Any]:
    """Return all that is known of a comparison, as JSON has it."""
    return {
        "key": comparison.key,
        "what": comparison.what,
        "unit": comparison.unit,
        "ours": comparison.ours,
        "peers": dict(comparison.peers),
        "ratios": {peer: comparison.ratio(peer) for peer in comparison.peers},
        "target": comparison.target,
        "met": comparison.met,
        "notes": comparison.notes,
        "machine": machine(),
    }


def line(of: dict[str, Any]) -> str:
    """Render a record in one line."""
    figures = [f"{OURS} {amount(spread(of['ours']).median, of['unit'])}"]
    figures += [
        f"{peer} {amount(spread(values).median, of['unit'])} (x {ratio(of['ratios'][peer])})"
        for peer, values in of["peers"].items()
    ]
    verdict = "met" if of["met"] else "MISSED"
    return f"{of['what']}: {', '.join(figures)}; {of['target']}: {verdict}"


def ratio(of: Spread | list[float]) -> str:
    """Render a ratio with its interval."""
    median, low, high = of
    return f"{median:.3g} ({low:.3g} to {high:.3g})"


def amount(value: float, unit: str) -> str:
    """Render a figure with its unit; what is shorter than a tenth of a second in milliseconds."""
    if unit == "s" and abs(value) < 0.1:  # noqa: PLR2004 - the docstring says it
        return f"{1000 * value:.3g} ms"
    return f"{value:.4g} {unit}".rstrip()


@cache
def machine() -> dict[str, Any]:
    """Return what the figures were taken on: the machine, and the versions of all that takes part."""
    return {
        "cores": os.cpu_count(),
        "processor": _processor(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "packages": {name: found for name in _PACKAGES if (found := _version(name)) is not None},
        "curl": _curl(),
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = [each.partition(":")[2].strip() for each in lines if each.startswith("model name")]
    return names[0] if names else platform.machine()


def _curl() -> str | None:
    try:
        said = subprocess.run(["curl", "--version"], capture_output=True, text=True, check=True).stdout  # noqa: S607
    except (OSError, subprocess.CalledProcessError):
        return None
    return said.split()[1]


def _plot(comparison: Comparison, file: Path) -> None:
    """Draw a point for each round, and a bar at each median."""
    from matplotlib.figure import Figure  # the table takes none of it

    figure = Figure(figsize=(7, 3.2), layout="constrained")
    axes = figure.add_subplot()
    series = {OURS: comparison.ours, **comparison.peers}
    for place, values in enumerate(series.values()):
        spaced = [place + 0.5 * (number + 0.5) / len(values) - 0.25 for number in range(len(values))]
        axes.plot(spaced, values, ".", alpha=0.6)
        axes.hlines(spread(values).median, place - 0.3, place + 0.3, colors="black")
    axes.set_xticks(range(len(series)), list(series))
    axes.set_ylim(bottom=0)
    axes.set_ylabel(comparison.unit)
    axes.set_title(comparison.what, fontsize=10)
    figure.savefig(file, metadata={"Date": None})
