"""The gate on real runs: healthy deploys, and deploys that got worse, against history and side by side.

Every run is a whole `pytest --modal-bench` on the local workspace; what got worse is a scenario of it. Prints what each
run gave, and ends with an error if one was not what it should be.
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
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
OWN = ROOT / "tests" / "endpoints" / "endpoints.toml"
HEAD = 'summary = "of a benchmark"\n[resources]\nimage = true\nvideo = true\nmask = true\nlora = true\nvoice = true\n'
FORCED = ("--modal-bench-cold=force", "--modal-bench-cold-rounds=6", "--modal-bench-rounds=10")
WARM = ("--modal-bench-quick", "--modal-bench-rounds=10")
POOLS = ("/flux", "/sdxl-instantid", "/qwen-image-2512-fast", "/qwen-image-edit-2511", "/z-image-simple")


class Deploy(NamedTuple):
    """What is deployed, and which endpoints the gate is to blame."""

    name: str
    scenario: str = ""
    blamed: tuple[str, ...] = ()
    in_pairs: tuple[str, ...] | None = None
    """The same side by side, where every endpoint meets new containers; None: `blamed`."""
    shared: bool = False
    """Whether what it is called in turn with has the same scenario: the platform has become slower."""


class Part(NamedTuple):
    """Endpoints that are measured together, and what becomes of them."""

    catalogue: str
    chosen: str
    """For `-k`."""
    options: tuple[str, ...]
    """Against history."""
    deploys: tuple[Deploy, ...]
    in_pairs: tuple[str, ...] = FORCED
    """Side by side."""


def slow(*paths: str, by: float) -> str:
    """Return the scenario in which those paths take longer."""
    return "[faults]\n" + "".join(f'"{path}" = {{ kind = "slow", inference = {by} }}\n' for path in paths)


PARTS = (
    Part(
        str(OWN),
        "z-image-simple or z-image-danrisi",
        FORCED,
        (
            Deploy("30 % slower warm", slow("/z-image-danrisi", by=1.3), ("z-image-danrisi",)),
            Deploy(
                "twice as slow cold",
                "[apps.ryla-z-image]\nslow = { enter = 2.2, load = 2.2 }\n",
                ("z-image-simple",),
                # Each of the app's endpoints starts cold there, and each has become slower.
                ("z-image-simple", "z-image-danrisi"),
            ),
            Deploy(
                "costs twice as much",
                '[faults]\n"/z-image-danrisi" = { kind = "costly", factor = 2.0 }\n',
                ("z-image-danrisi",),
            ),
            Deploy(
                "one that fails",
                '[faults]\n"/z-image-danrisi" = { kind = "edge", status = 500, body = "boom" }\n',
                ("z-image-danrisi",),
            ),
        ),
    ),
    Part(
        "shapes",
        "chat-streamed or events",
        FORCED,
        (Deploy("half the tokens a second", slow("/events", by=2.0), ("events",)),),
    ),
    Part(
        str(OWN),
        " or ".join(path[1:] + "]" for path in POOLS),
        WARM,
        (Deploy("all 40 % slower", slow(*POOLS, by=1.4), shared=True),),
    ),
)


@dataclass
class Outcome:
    """What one run came to."""

    exit_code: int
    failed: list[str]
    """Endpoint ids, by the JUnit file."""
    verdicts: dict[str, str]
    messages: list[str]
    """Of checks that do not pass."""
    seconds: float

    def line(self) -> str:
        """Return it in one line."""
        said = Counter(self.verdicts.values())
        counted = ", ".join(f"{number} {verdict}" for verdict, number in sorted(said.items()))
        return f"exit {self.exit_code}, failed {self.failed or 'none'}, {counted}, {self.seconds:.1f} s"


class Runs:
    """Makes runs, each with a report of its own."""

    def __init__(self, folder: Path, time_scale: float) -> None:
        self._folder = folder
        self._time_scale = time_scale
        self._number = 0

    def run(
        self, part: Part, deploy: Deploy, *, baseline: Path | None = None, in_pairs: bool = False
    ) -> Outcome:
        """Run the benchmark once on a deploy."""
        self._number += 1
        folder = self._folder / f"run{self._number}"
        folder.mkdir()
        scenario = folder / "deployed.toml"
        scenario.write_text(HEAD + deploy.scenario)
        report = folder / "report.json"
        junit = folder / "junit.xml"
        more = part.in_pairs if in_pairs else part.options
        if in_pairs:
            before = folder / "before.toml"
            before.write_text(HEAD + (deploy.scenario if deploy.shared else ""))
            more = (*more, f"--modal-bench-against={before}")
        command = [
            *(sys.executable, "-m", "pytest", "--modal-bench", "-p", "no:cacheprovider", "-q"),
            *("-p", "no:randomly", "-p", "no:rerunfailures", "-p", "no:hypothesispytest", "-p", "no:anyio"),
            *(f"--modal-bench-catalogue={part.catalogue}", "--modal-bench-workspace=local"),
            *(f"--rootdir={folder}", f"--modal-bench-scenario={scenario}", "--modal-bench-environment=main"),
            *(f"--modal-bench-time-scale={self._time_scale}", "-k", part.chosen, *more),
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
        return Outcome(
            done.returncode,
            failed,
            {result["id"]: result["verdict"] for result in results if result["status"] != "not_run"},
            [
                f"{result['id']}: {check['message']}"
                for result in results
                for check in result["checks"]
                if check["verdict"] != "PASS"
            ],
            time.monotonic() - began,
        )

    def history(self, part: Part, runs: int) -> Path:
        """Make a history of healthy runs; return the folder of their reports."""
        history = self._folder / f"history{self._number}"
        history.mkdir()
        for number in range(runs):
            made = self.run(part, Deploy("healthy"))
            if made.exit_code:
                sys.exit(f"a run of the history fails: {made.line()} {made.messages}")
            (self._folder / f"run{self._number}" / "report.json").rename(history / f"run{number}.json")
            time.sleep(1)  # a run's time is kept in whole seconds, and two of the same second are one
        return history


def judge(found: Outcome, deploy: Deploy, how: str) -> bool:
    """Say what a run came to, and whether it is what it should be."""
    blamed = deploy.blamed if deploy.in_pairs is None or how == "history" else deploy.in_pairs
    right = found.failed == list(blamed) and found.exit_code == (1 if blamed else 0)
    print(f"{how}: {deploy.name}: {found.line()}: {'right' if right else 'WRONG'}", flush=True)
    if not right or (deploy.scenario and not deploy.blamed):
        print("".join(f"    {message}\n" for message in found.messages), end="", flush=True)
    return right


def main() -> None:
    """Hold healthy and worse runs against a history, then side by side against what was before."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--history", type=int, default=5)
    parser.add_argument("--healthy", type=int, default=40)
    parser.add_argument("--time-scale", type=float, default=0.03)
    options = parser.parse_args()
    wrong = 0
    with tempfile.TemporaryDirectory() as name:
        runs = Runs(Path(name), options.time_scale)
        healthy = [Deploy("healthy")] * options.healthy
        for number, part in enumerate(PARTS):
            history = runs.history(part, options.history)
            for deploy in [*(healthy if number == 0 else healthy[:1]), *part.deploys]:
                wrong += not judge(runs.run(part, deploy, baseline=history), deploy, "history")
            for deploy in [*(healthy if number == 0 else healthy[:1]), *part.deploys]:
                wrong += not judge(runs.run(part, deploy, in_pairs=True), deploy, "side by side")
    print(f"{wrong} wrong")
    sys.exit(wrong > 0)


if __name__ == "__main__":
    main()
