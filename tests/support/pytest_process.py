"""A pytest that runs while a test watches it, interrupts it or kills it, and what it leaves behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Self

import psutil
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PATIENCE_SEC = 60.0

# Whoever runs these tests in the background ignores SIGINT, and so would what they start.
MAIN = "import signal, sys, pytest; signal.signal(signal.SIGINT, signal.default_int_handler); sys.exit(pytest.main())"


def until(said: str, check: Callable[[], Any], *, timeout: float = PATIENCE_SEC) -> Any:
    """Ask `check` until it is true, and return what it said. Fails with `said` after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while not (answer := check()):
        assert time.monotonic() < deadline, f"never: {said}"
        time.sleep(0.02)
    return answer


class PytestProcess:
    """A pytest that runs in a session, and so in a process group, of its own. `with` leaves no process behind."""

    def __init__(self, directory: Path, *args: str) -> None:
        self.directory = directory
        self.output = directory / "output.txt"
        with self.output.open("w") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-c", MAIN, "--basetemp=basetemp", *args],
                cwd=directory,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.pid = self._process.pid
        self._seen: dict[int, psutil.Process] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.descendants()
        self._process.kill()
        self._process.wait()
        for process in self.survivors():
            with suppress(psutil.NoSuchProcess):
                process.kill()

    def descendants(self) -> list[psutil.Process]:
        """All processes below it now; they are remembered."""
        with suppress(psutil.NoSuchProcess):
            for process in psutil.Process(self.pid).children(recursive=True):
                self._seen[process.pid] = process
        return list(self._seen.values())

    def workers(self) -> list[psutil.Process]:
        """Its xdist workers, oldest first."""
        found = []
        for process in psutil.Process(self.pid).children():
            with suppress(psutil.NoSuchProcess):
                if "import sys;exec(eval" in " ".join(process.cmdline()):
                    found.append(process)
        return sorted(found, key=psutil.Process.create_time)

    def survivors(self) -> list[psutil.Process]:
        """Which of the processes that were seen below it still run."""
        return [process for process in self._seen.values() if _runs(process)]

    def report(self) -> dict[str, Any] | None:
        """The JSON report, as soon as there is one."""
        try:
            report: dict[str, Any] = json.loads((self.directory / "modal-bench-report.json").read_text())
        except FileNotFoundError:
            return None
        return report

    def until(self, said: str, check: Callable[[], Any], *, timeout: float = PATIENCE_SEC) -> Any:
        """Do as `until` does, as long as it runs; a failure tells what it has written."""

        def running() -> Any:
            answer = check()
            if not answer and self._process.poll() is not None:
                pytest.fail(self._told(f"it ended before: {said}"))
            return answer

        try:
            return until(said, running, timeout=timeout)
        except AssertionError:
            pytest.fail(self._told(f"never: {said}"))

    def _told(self, said: str) -> str:
        return f"{said}\n{self.output.read_text()}"

    def until_done(self, count: int) -> None:
        """Wait until so many endpoints are done, by the report or, which comes first, by the journal."""

        def done() -> bool:
            report = self.report()
            if report is not None and report["summary"]["total"] - report["summary"]["not_run"] >= count:
                return True
            lines = [
                json.loads(line)
                for path in self.directory.glob("modal-bench-report.*.journal")
                for line in path.read_bytes().split(b"\n")[1:-1]
            ]
            return len({line["result"]["id"] for line in lines}) >= count

        self.until(f"{count} endpoints done", done)

    def interrupt(self) -> None:
        """What Ctrl-C in a terminal does: SIGINT to everything that runs in the foreground."""
        os.killpg(self.pid, signal.SIGINT)

    def send(self, number: signal.Signals) -> None:
        """Send a signal to pytest itself, and to nothing below it."""
        self._process.send_signal(number)

    def wait(self) -> int:
        """Wait until it ends; its exit code."""
        return self._process.wait(PATIENCE_SEC)


def _runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
