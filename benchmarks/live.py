"""Whether the live display disturbs what is measured: warm calls of 5 ms, with the display and without.

Runs `pytest --modal-bench` in a terminal of its own, in turn as a person does ("shown") and with `-q`, which shows
nothing ("quiet"). `alone` is one endpoint; in `beside`, a worker calls it while another one waits for a slow endpoint,
so that the display is drawn all the time. Both endpoints are served on 127.0.0.1, by a process of its own.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import pty
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

CALL_SEC = 0.005
SLOW_SEC = 8.0
"""Of the first call on a connection to the slow endpoint: the other one's calls take less, all together."""
ROUNDS = 300
PAIRS = 5
LARGEST_DIFFERENCE = 0.01
"""Of the medians of warm calls."""
LIMIT_SEC = 120.0
_WITHOUT = ("cacheprovider", "randomly", "rerunfailures", "hypothesispytest", "anyio")
_COMMAND = (
    *(sys.executable, "-m", "pytest", "--modal-bench", f"--modal-bench-rounds={ROUNDS}"),
    "--modal-bench-report=report.json",
    *(part for name in _WITHOUT for part in ("-p", f"no:{name}")),
)
MODES: dict[str, tuple[tuple[str, ...], str]] = {
    "alone": ((), "quick"),
    "beside": (("-n", "2"), "quick or slow"),
}
"""Options and what `-k` selects, by mode."""
_ERASED = b"\x1b[J"


class Handler(BaseHTTPRequestHandler):
    """Answers after 5 ms, but to the first call on a connection to `/slow` later."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    is_first = True

    def do_POST(self) -> None:
        """Answer."""
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        time.sleep(SLOW_SEC if self.path == "/slow" and self.is_first else CALL_SEC)
        self.is_first = False
        self.send_response(200)
        self.send_header("Content-Length", "4")
        self.end_headers()
        self.wfile.write(b"fine")

    do_GET = do_POST  # noqa: N815 - the name is the base class's

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
        """Log nothing."""


@contextmanager
def serving() -> Iterator[int]:
    """Serve in a process of its own; yields the port."""
    command = [sys.executable, __file__, "--serve"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - this program
        try:
            yield int(process.stdout.readline() if process.stdout else 0)
        finally:
            process.kill()


class Timed(NamedTuple):
    """One run."""

    times: list[float]
    """Seconds of its warm calls to the quick endpoint."""
    drawn: int
    """How often the display was drawn and erased again."""

    @property
    def median_ms(self) -> float:
        """Of its warm calls."""
        return statistics.median(self.times) * 1000


def run(directory: Path, mode: str, *, shown: bool) -> Timed:
    """Run pytest in a terminal. Ends the program if it fails."""
    options, chosen = MODES[mode]
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    environ = {name: value for name, value in os.environ.items() if name not in ("CI", "BUILD_NUMBER")}
    command = [*_COMMAND, *options, "-k", chosen, *([] if shown else ["-q"])]
    written = b""
    with subprocess.Popen(  # noqa: S603 - this project's pytest
        command,
        cwd=directory,
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env={**environ, "TERM": "xterm"},
    ) as process:
        os.close(slave)
        with suppress(OSError):  # once nobody has the terminal open
            while data := os.read(master, 65536):
                written += data
        os.close(master)
        process.wait(LIMIT_SEC)
    if process.returncode != 0:
        sys.exit(f"{written.decode(errors='replace')}\na run failed")
    report = json.loads((directory / "report.json").read_text())
    (quick,) = (each for each in report["results"] if each["id"] == "quick")
    times = [each["elapsed_sec"] for each in quick["samples"] if each["start"] == "warm" and each["ok"]]
    if len(times) != ROUNDS:
        sys.exit(f"{len(times)} warm calls instead of {ROUNDS}")
    return Timed(times, written.count(_ERASED))


def write_catalogue(directory: Path, port: int) -> None:
    """Write a catalogue of two pools: addresses that differ in their host."""
    lines = [
        f'[apps.one]\nurl = "http://127.0.0.1:{port}"\n[apps.other]\nurl = "http://127.0.0.2:{port}"',
        '[[endpoints]]\npath = "/quick"\napp = "one"\ncategory = "Quick"\npayload = { seed = "{seed}" }',
        '[[endpoints]]\npath = "/slow"\napp = "other"\ncategory = "Slow"\npayload = { seed = "{seed}" }',
    ]
    (directory / "endpoints.toml").write_text("\n".join(lines))


def compare(directory: Path, mode: str, pairs: int) -> float:
    """Print each pair of runs; returns how much longer the median call of all takes with the display, as a share."""
    print(f"\n| {mode} | quiet (ms) | shown (ms) | difference | drawn |", flush=True)
    print("| ----: | ---------: | ---------: | ---------: | ----: |")

    def row(name: str, quiet: Timed, shown: Timed) -> float:
        difference = shown.median_ms / quiet.median_ms - 1
        figures = f"{quiet.median_ms:.3f} | {shown.median_ms:.3f} | {difference:+.2%} | {shown.drawn}"
        print(f"| {name} | {figures} |", flush=True)
        return difference

    all_quiet, all_shown = Timed([], 0), Timed([], 0)
    for pair in range(1, pairs + 1):
        # They take turns at being the first.
        order = (False, True) if pair % 2 else (True, False)
        timed = {shown: run(directory, mode, shown=shown) for shown in order}
        if timed[False].drawn:
            sys.exit("a quiet run has drawn something")
        row(str(pair), timed[False], timed[True])
        all_quiet = Timed(all_quiet.times + timed[False].times, 0)
        all_shown = Timed(all_shown.times + timed[True].times, all_shown.drawn + timed[True].drawn)
    return row("all", all_quiet, all_shown)


def main() -> None:
    """Make the runs. Exits with 1 if the display makes a difference of more than one per cent."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=PAIRS)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        server = ThreadingHTTPServer(("0.0.0.0", 0), Handler)  # noqa: S104 - all of 127.0.0.0/8
        print(server.server_port, flush=True)
        server.serve_forever()
    found = {}
    with tempfile.TemporaryDirectory(prefix="live-") as directory, serving() as port:
        write_catalogue(Path(directory), port)
        for mode in MODES:
            found[mode] = compare(Path(directory), mode, options.pairs)
    sys.exit(any(abs(difference) > LARGEST_DIFFERENCE for difference in found.values()))


if __name__ == "__main__":
    main()
