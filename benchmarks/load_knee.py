"""The knee of a workspace whose capacity is known: two containers, one input each, one second a call.

So it answers two calls a second. Of U users that wait for their answers each waits U / 2 s once U is 2 or more, and 1 s
below: with a budget of 1.3 s the knee is at 2 users. This is a whole run of `pytest --modal-bench` on the local
workspace, in real seconds, whose report must say so.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

SCENARIO = """
summary = "an app of known capacity"
middleware = true
[resources]
image = true
video = true
mask = true
lora = true
[apps.embed]
max_containers = 2
concurrent_inputs = 1
enter = 3
load = 0
inference = 1
scaledown_window = 60
"""
_USERS = (1, 2, 3, 4, 8)
_DURATION_SEC = 70
"""One user makes 65 calls or more in it, and a 95th percentile takes 59."""
_BUDGET_SEC = 1.3
_KNEE = 2


def main() -> None:
    """Run, and print each step and the sentence. Exits with 1 where the knee is another."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "capacity.toml").write_text(SCENARIO)
        users = ",".join(map(str, _USERS))
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "--modal-bench",
            "--modal-bench-load-only",
        ]
        command += ["--modal-bench-workspace=local", "--modal-bench-catalogue=shapes", "-k", "embed"]
        command += ["--modal-bench-scenario=capacity.toml", "--modal-bench-time-scale=1"]
        command += [f"--modal-bench-load=users={users} duration={_DURATION_SEC}"]
        command += [f"--modal-bench-budget=max_p95={_BUDGET_SEC}"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603 - pytest
        report = folder / "modal-bench-report.json"
        if not report.exists():
            raise SystemExit(done.stdout + done.stderr)
        (result,) = [each for each in json.loads(report.read_text())["results"] if each["load"] is not None]
    sys.stdout.write(
        "| users | n | p50 | p95 | calls a second | containers |\n| --- | --- | --- | --- | --- | --- |\n"
    )
    for step in result["load"]["steps"]:
        sys.stdout.write(
            f"| {step['value']:g} | {step['n']} | {_seconds(step['p50_sec'])} | {_seconds(step['p95_sec'])} "
            f"| {step['throughput_per_sec']:.2f} | {step['containers']} |\n"
        )
    (knee,) = result["load"]["knees"]
    sys.stdout.write(f"{json.dumps(knee)}\n")
    sys.exit(0 if knee["value"] == _KNEE else 1)


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f} s"


if __name__ == "__main__":
    main()
