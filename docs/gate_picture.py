"""Draws what the gate would notice by the length of the history, on simulated runs: `tox run -e picture`."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import matplotlib as mpl

mpl.use("svg")
from matplotlib import pyplot as plt

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "benchmarks"))

from gate_errors import NOISES, World, simulate  # noqa: E402 - it lies beside the docs

PICTURE = ROOT / "docs" / "pictures" / "gate.svg"
RUNS = (5, 6, 8, 10, 14, 20)
TRIALS, SEED = 150, 20260202
SOUGHT = (10, 20, 30, 50)
"""Per cent."""


def main() -> None:
    """Simulate, and write the picture."""
    mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "gate", "font.family": "sans-serif"})
    figure, axes = plt.subplots(figsize=(7.2, 4.0), layout="constrained")
    for noise in NOISES:
        tallies = [simulate(World(runs=runs, noise=noise), TRIALS, SEED)[0] for runs in RUNS]
        noticed = [100 * (math.exp(tally.noticed / tally.endpoints) - 1) for tally in tallies]
        (line,) = axes.plot(RUNS, noticed, marker="o")
        label = f"runs differ by {100 * noise:g} %"
        axes.annotate(
            label, (RUNS[-1], noticed[-1]), (6, -3), textcoords="offset points", color=line.get_color()
        )
    for change in SOUGHT:
        axes.axhline(change, color="0.8", linewidth=0.8, zorder=0)
    axes.set(xlabel="earlier runs", ylabel="slowdown that is found nine times of ten, %", xticks=RUNS)
    axes.set_yticks([*SOUGHT, 70, 90])
    axes.set_xlim(RUNS[0] - 0.5, RUNS[-1] + 5.5)
    axes.set_ylim(bottom=0)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(PICTURE, metadata={"Date": None})


if __name__ == "__main__":
    main()
