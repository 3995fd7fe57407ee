"""The gate on real runs: healthy deploys against their history, then deploys that got worse. Prints what each gave.

Every run is a whole `pytest --modal-bench` on the local workspace, with forced cold starts. The endpoints are those of
one pool; the faults are scenarios of the local workspace, put on one of them.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
CATALOGUE = ROOT / "tests" / "endpoints" / "endpoints.toml"

HEAD = (
    'summary = "of a benchmark"\n{top}\n[resources]\nimage = true\nvideo = true\nmask = true\nlora = true\n'
)

WORSE = {
    "30 % slower warm": '[faults]\n"/z-image-danrisi" = { kind = "slow", inference = 1.3 }',
    "twice as slow cold": "[apps.ryla-z-image]\nslow = { enter = 2.2, load = 2.2 }",
    "one that fails": '[faults]\n"/z-image-danrisi" = { kind = "edge", status = 500, body = "boom" }',
    "costs twice as much": '[faults]\n"/z-image-danrisi" = { kind = "costly", factor = 2.0 }',
}
GUILTY = {"twice as slow cold": ["z-image-simple"]}


@dataclass
class Outcome:
    """What one run came to."""

    exit_code: int
    failed: list[str]
    """Endpoint ids, by the JUnit file."""
    verdicts: dict[str, str]
    seconds: float


def run(folder: Path, name: str, faults: str, time_scale: float, baseline: Path | None) -> Outcome:
    """Run the benchmark once, and keep its report under `folder` as `name`."""
    scenario = folder / "scenario.toml"
    scenario.write_text(HEAD.format(top="") + faults + "\n")
    report = folder / name / "report.json"
    junit = folder / name / "junit.xml"
    command = [
        *(sys.executable, "-m", "pytest", "--modal-bench", "-p", "no:cacheprovider", "-q"),
        *("-p", "no:randomly", "-p", "no:rerunfailures", "-p", "no:hypothesispytest", "-p", "no:anyio"),
        *(f"--modal-bench-catalogue={CATALOGUE}", "--modal-bench-workspace=local", f"--rootdir={folder}"),
        *(f"--modal-bench-scenario={scenario}", f"--modal-bench-time-scale={time_scale}"),
        *("--modal-bench-environment=main", "--modal-bench-cold=force", "--modal-bench-cold-rounds=6"),
        *("--modal-bench-rounds=10", "-k", "z-image-simple or z-image-danrisi"),
        *(f"--modal-bench-report={report}", f"--junit-xml={junit}"),
        *([f"--modal-bench-baseline={baseline}"] if baseline is not None else []),
    ]
    began = time.monotonic()
    done = subprocess.run(  # noqa: S603 - this project's own module
        command, cwd=folder, check=False, capture_output=True, text=True, env=dict(os.environ)
    )
    if not report.exists():
        sys.exit(done.stdout + done.stderr)
    failed = [
        case.attrib["name"].partition("[")[2].rstrip("]")
        for case in ET.parse(junit).iter("testcase")  # noqa: S314 - pytest has just written it
        if case.find("failure") is not None
    ]
    results = json.loads(report.read_text())["results"]
    verdicts = {result["id"]: result["verdict"] for result in results}
    return Outcome(done.returncode, failed, verdicts, time.monotonic() - began)


def main() -> None:
    """Make a history, then hold healthy and worse runs against it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--history", type=int, default=5)
    parser.add_argument("--healthy", type=int, default=20)
    parser.add_argument("--time-scale", type=float, default=0.03)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        history = folder / "history"
        history.mkdir()
        for number in range(options.history):
            made = run(folder, f"past{number}", "", options.time_scale, None)
            (folder / f"past{number}" / "report.json").rename(history / f"run{number}.json")
            print(
                f"history {number + 1}: exit {made.exit_code}, {made.verdicts}, {made.seconds:.1f} s",
                flush=True,
            )
        passed = 0
        for number in range(options.healthy):
            healthy = run(folder, f"healthy{number}", "", options.time_scale, history)
            passed += healthy.exit_code == 0
            print(
                f"healthy {number + 1}: exit {healthy.exit_code}, {healthy.verdicts}, {healthy.seconds:.1f} s",
                flush=True,
            )
        print(f"healthy: {passed} of {options.healthy} passed")
        for fault, toml in WORSE.items():
            worse = run(folder, fault.replace(" ", "-"), toml, options.time_scale, history)
            right = worse.exit_code == 1 and worse.failed == GUILTY.get(fault, ["z-image-danrisi"])
            said = "right" if right else "WRONG"
            print(
                f"{fault}: exit {worse.exit_code}, failed {worse.failed}, {worse.verdicts}: {said}",
                flush=True,
            )


if __name__ == "__main__":
    main()
