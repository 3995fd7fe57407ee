"""Kills runs at random moments, and checks that no endpoint that had finished is lost.

Each trial starts `pytest --modal-bench -v` in a new directory, waits for a random time, and sends a signal. An endpoint
had finished if pytest's own output says PASSED or FAILED of it. It is lost if neither the JSON report nor the run's
journal has a result of it. A process that lives for more than ten seconds after pytest ended is left over. All calls go
to a server of this program on loopback.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import psutil
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)
MODES: dict[str, tuple[str, ...]] = {"serial": (), "-n auto": ("-n", "auto")}
HOSTS = ("127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4")
"""One pool each."""
ENDPOINTS = 40
CALL_SEC = 0.004
STARTING = 0.1
"""Share of the trials that are killed before the first call; all others are killed later."""

START_LIMIT_SEC = 60.0
END_LIMIT_SEC = 30.0
LEFT_OVER_SEC = 10.0
LIMIT_SEC = 900.0

_WITHOUT = ("cacheprovider", "randomly", "rerunfailures", "hypothesispytest", "anyio")
COMMAND = (
    *(sys.executable, "-m", "pytest", "--modal-bench", "-v"),
    *(part for name in _WITHOUT for part in ("-p", f"no:{name}")),
)

# With xdist the outcome comes first: "[gw0] [ 10%] PASSED endpoints.toml::test_endpoint[e7] ".
_SERIAL_LINE = re.compile(r"^\S+::test_endpoint\[(\S+)\] (?:PASSED|FAILED)\b", re.MULTILINE)
_XDIST_LINE = re.compile(
    r"^\[gw\d+\] \[ *\d+%\] (?:PASSED|FAILED) \S+::test_endpoint\[(\S+)\](?=\s)", re.MULTILINE
)


def finished(output: str) -> set[str]:
    """Return the ids of the endpoints of which pytest's output says how they ended."""
    return {*_SERIAL_LINE.findall(output), *_XDIST_LINE.findall(output)}


def in_report(content: bytes) -> set[str]:
    """Return the ids of the endpoints that a JSON report has a result of. Raises ValueError if it is no report."""
    try:
        return {each["id"] for each in json.loads(content)["results"] if each["status"] != "not_run"}
    except (KeyError, TypeError) as error:
        raise ValueError(f"not a report: {error!r}") from None


def in_journal(content: bytes) -> set[str]:
    """Return the ids of the endpoints that a journal has a result of. Raises ValueError if it is no journal.

    What follows the last line break was not written whole, and does not count.
    """
    lines = content.split(b"\n")[:-1]
    try:
        if not lines:
            return set()
        head = json.loads(lines[0])
        if "run" not in head or "journal" not in head:
            raise ValueError("no journal: its first line is no run")
        latest = {}
        for line in lines[1:]:
            result = json.loads(line)["result"]
            latest[result["id"]] = result["status"]
    except (KeyError, TypeError) as error:
        raise ValueError(f"not a journal: {error!r}") from None
    return {endpoint for endpoint, status in latest.items() if status != "not_run"}


class Server:
    """Answers in a few milliseconds, from a thread: with JSON, with an image for `/image…`, with 500 for `/fail…`."""

    def __init__(self) -> None:
        self.port = 0
        self.calls = 0
        noise = BytesIO()
        Image.effect_noise((32, 32), 80).save(noise, "PNG")
        self._answers = {
            b"/e": (b"200 OK", b"application/json", b'{"ok": true}'),
            b"/i": (b"200 OK", b"image/png", noise.getvalue()),
            b"/f": (b"500 Internal Server Error", b"text/plain", b"boom"),
        }
        self._loop = asyncio.new_event_loop()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Serve as long as the block lasts, at the same port of all `HOSTS`."""
        self._loop.run_until_complete(self._listen())
        thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            thread.join(END_LIMIT_SEC)

    async def _listen(self) -> None:
        for host in HOSTS:
            server = await asyncio.start_server(self._converse, host, self.port)
            self.port = server.sockets[0].getsockname()[1]

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):  # the client is killed now and then
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                _, _, length = head.lower().partition(b"\r\ncontent-length:")
                await reader.readexactly(int(length.partition(b"\r\n")[0] or 0))
                method, path, *_ = head.split(maxsplit=2)
                missing = (b"404 Not Found", b"text/plain", b"")
                answer = self._answers.get(path[:2], missing) if method == b"POST" else missing
                if answer is not missing:
                    self.calls += 1
                    await asyncio.sleep(CALL_SEC)
                status, kind, body = answer
                writer.write(
                    b"HTTP/1.1 %b\r\nContent-Type: %b\r\nContent-Length: %d\r\n\r\n%b"
                    % (status, kind, len(body), body)
                )
                await writer.drain()
        writer.close()


def write_project(directory: Path, port: int) -> None:
    """Write a catalogue of `ENDPOINTS` endpoints, spread over `HOSTS`: every tenth fails, every fourth is an image."""
    directory.mkdir()
    directory.joinpath("pytest.ini").write_text("[pytest]\n")
    lines = ['workspace = "acme"']
    for number, host in enumerate(HOSTS):
        lines += [f"[apps.app{number}]", f'url = "http://{host}:{port}"']
    for number in range(ENDPOINTS):
        app = number % len(HOSTS)
        kind = "fail" if number % 10 == 1 else "image" if app == len(HOSTS) - 1 else "e"
        lines += [
            "[[endpoints]]",
            f'path = "/{kind}{number}"',
            f'app = "app{app}"',
            f'category = "Category {number % 3}"',
            'payload = { prompt = "x", seed = "{seed}" }',
            f'expect = {{ kind = "{"image" if kind == "image" else "json"}" }}',
            "timeout = 10",
        ]
    directory.joinpath("endpoints.toml").write_text("\n".join(lines) + "\n")


def environment() -> dict[str, str]:
    """Return the environment of a run, without what configures pytest or the benchmark, and without proxies."""
    leading = ("PYTEST_", "MODAL_", "GITHUB_STEP_SUMMARY")
    kept = {
        name: text
        for name, text in os.environ.items()
        if not name.startswith(leading) and not name.lower().endswith("_proxy")
    }
    return kept | {"PYTHONUNBUFFERED": "1"}


def processes(directory: Path) -> list[psutil.Process]:
    """Return the processes of a trial. Each is started in the trial's directory, and none leaves it."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if process.cwd() == str(directory):
                found.append(process)
    return found


def until(check: Callable[[], bool], limit_sec: float) -> bool:
    """Wait until `check` is true. Returns whether it was within `limit_sec` seconds."""
    deadline = time.monotonic() + limit_sec
    while not check():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)
    return True


@contextmanager
def pytest_process(directory: Path, mode: str) -> Iterator[subprocess.Popen[bytes]]:
    """Start pytest in a session, and so in a process group, of its own. Nothing of it lives on after the block."""
    output, errors = directory / "output.txt", directory / "errors.txt"
    with output.open("wb") as stdout, errors.open("wb") as stderr:
        process = subprocess.Popen(  # noqa: S603 - pytest, on what this program has written
            [*COMMAND, *MODES[mode]],
            cwd=directory,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,  # apart, so that what workers say of their end does not cut lines of the output
            start_new_session=True,
        )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        for each in processes(directory):
            with suppress(psutil.Error):
                each.kill()


class Span(NamedTuple):
    """How long a whole run takes."""

    starting_sec: float
    """Until its first call."""
    calling_sec: float
    """From then on, until it has ended."""


@dataclass
class Trial:
    """One killed run."""

    mode: str
    number: signal.Signals
    killed: bool = True
    """False: it had ended by itself before."""
    after_sec: float = 0.0
    exit_code: int | None = None
    finished: int = 0
    reported: int = 0
    journalled: int = 0
    lost: list[str] = field(default_factory=list)
    left_over: list[str] = field(default_factory=list)
    trouble: list[str] = field(default_factory=list)
    """What else is wrong."""

    @property
    def good(self) -> bool:
        """Whether nothing is wrong with it."""
        return not (self.lost or self.left_over or self.trouble)


def render(journal: Path) -> set[str]:
    """Render a journal with the command that people use. Returns which endpoints its report has a result of."""
    report = journal.with_name("rendered.json")
    done = subprocess.run(  # noqa: S603 - this project's own module
        [sys.executable, "-m", "pytest_modal_bench", "report", str(journal), f"--report={report}"],
        cwd=journal.parent,
        env=environment(),
        check=False,
        capture_output=True,
        text=True,
        timeout=END_LIMIT_SEC,
    )
    if not report.exists():
        raise ValueError(f"not rendered, exit code {done.returncode}: {(done.stdout + done.stderr)[-500:]}")
    return in_report(report.read_bytes())


def examine(directory: Path, trial: Trial) -> None:
    """See what a run left in its directory."""
    ended = finished(directory.joinpath("output.txt").read_text(errors="replace"))
    reported: set[str] = set()
    journalled: set[str] = set()
    try:
        report = directory / "modal-bench-report.json"
        if report.exists():
            reported = in_report(report.read_bytes())
        for journal in directory.glob("modal-bench-report.*.journal"):
            journalled |= in_journal(journal.read_bytes())
            if journalled and not journalled <= (rendered := render(journal)):
                trial.trouble.append(f"not in the rendered journal: {sorted(journalled - rendered)}")
    except (ValueError, OSError, subprocess.TimeoutExpired) as error:
        trial.trouble.append(str(error))
    trial.finished, trial.reported, trial.journalled = len(ended), len(reported), len(journalled)
    trial.lost = sorted(ended - reported - journalled)


def kill(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """Send the signal: SIGINT to the whole process group, as Ctrl-C does, others to pytest alone."""
    if number == signal.SIGINT:
        os.killpg(process.pid, number)
    else:
        process.send_signal(number)


def conduct(directory: Path, server: Server, trial: Trial, span: Span, draw: random.Random) -> None:
    """Start a run, kill it at a random moment, and see what it left."""
    write_project(directory, server.port)
    early, share = draw.random() < STARTING, draw.random()
    calls = server.calls
    with pytest_process(directory, trial.mode) as process:
        began = time.monotonic()

        def called_or_over() -> bool:
            return server.calls > calls or process.poll() is not None

        if early:
            time.sleep(share * span.starting_sec)
        elif until(called_or_over, START_LIMIT_SEC):
            until(lambda: process.poll() is not None, share * span.calling_sec)
        else:
            trial.trouble.append("no call was made")
        trial.after_sec = time.monotonic() - began
        trial.killed = process.poll() is None
        if trial.killed:
            kill(process, trial.number)
        over = until(lambda: process.poll() is not None, END_LIMIT_SEC)
        trial.exit_code = process.returncode
        if not over:
            trial.trouble.append(f"pytest still ran after {END_LIMIT_SEC:g} s")
        elif not until(lambda: not processes(directory), LEFT_OVER_SEC):
            trial.left_over = [describe(each) for each in processes(directory)]
    examine(directory, trial)


def describe(process: psutil.Process) -> str:
    """Return a process's number and command line."""
    with suppress(psutil.Error):
        return f"{process.pid}: {' '.join(process.cmdline())[:200]}"
    return f"{process.pid}: gone since"


def whole(directory: Path, server: Server, mode: str) -> Span:
    """Time a run that is not killed. Ends the program if it is not what the trials rest on."""
    write_project(directory, server.port)
    calls = server.calls
    trial = Trial(mode, signal.SIGINT)
    with pytest_process(directory, mode) as process:
        began = time.monotonic()
        until(lambda: server.calls > calls or process.poll() is not None, START_LIMIT_SEC)
        called = time.monotonic()
        until(lambda: process.poll() is not None, START_LIMIT_SEC)
        ended = time.monotonic()
    examine(directory, trial)
    if not trial.good or trial.finished != ENDPOINTS or trial.reported != ENDPOINTS or trial.journalled:
        sys.exit(
            f"{directory.joinpath('output.txt').read_text()[-3000:]}\na whole run is not understood: {trial}"
        )
    return Span(called - began, ended - called)


def line(trial: Trial) -> str:
    """Render one trial."""
    end = "killed" if trial.killed else "had ended"
    text = (
        f"{trial.number.name}, {trial.mode}, {end} after {trial.after_sec:.2f} s, "
        f"exit code {trial.exit_code}: "
        f"{trial.finished} finished, {trial.reported} in the report, {trial.journalled} in the journal"
    )
    for name in ("lost", "left_over", "trouble"):
        if found := getattr(trial, name):
            text += f"; {name.replace('_', ' ').upper()}: {', '.join(found)}"
    return text


def table(trials: Sequence[Trial]) -> str:
    """Render sums by signal and mode."""
    lines = [
        "| signal | mode | trials | ended before | endpoints finished | lost | left-over processes | other trouble |",
        "| ------ | ---- | -----: | -----------: | -----------------: | ---: | ------------------: | ------------: |",
    ]
    groups = [
        (number.name, mode, [each for each in trials if (each.number, each.mode) == (number, mode)])
        for number in SIGNALS
        for mode in MODES
    ]
    for name, mode, those in [*groups, ("all", "", trials)]:
        figures = (
            len(those),
            sum(not each.killed for each in those),
            sum(each.finished for each in those),
            sum(len(each.lost) for each in those),
            sum(len(each.left_over) for each in those),
            sum(len(each.trouble) for each in those),
        )
        lines.append(f"| {name} | {mode} | {' | '.join(map(str, figures))} |")
    return "\n".join(lines)


def conduct_all(folder: Path, server: Server, count: int, seed: int, limit_sec: float) -> list[Trial]:
    """Time whole runs, then make `count` trials, of all modes and signals in turn. Prints each as it ends.

    The directory of a trial with which something is wrong is kept.
    """
    deadline = time.monotonic() + limit_sec
    spans = {}
    for mode in MODES:
        # The first run reads files from the disk that later ones find in memory.
        timed = [whole(folder / f"whole{mode}{number}", server, mode) for number in range(3)][1:]
        spans[mode] = Span(*(statistics.mean(each) for each in zip(*timed, strict=True)))
        print(
            f"{mode}: a whole run makes its first call after {spans[mode].starting_sec:.2f} s, "
            f"and ends {spans[mode].calling_sec:.2f} s later",
            flush=True,
        )
    for directory in folder.iterdir():
        shutil.rmtree(directory)
    draw = random.Random(seed)  # noqa: S311 - moments, not secrets
    modes = list(MODES)
    trials: list[Trial] = []
    while len(trials) < count and time.monotonic() < deadline:
        number = len(trials)
        trial = Trial(modes[number % len(modes)], SIGNALS[number // len(modes) % len(SIGNALS)])
        directory = folder / f"trial{number}"
        conduct(directory, server, trial, spans[trial.mode], draw)
        print(f"{number + 1}: {line(trial)}" + ("" if trial.good else f" ({directory})"), flush=True)
        if trial.good:
            shutil.rmtree(directory)
        trials.append(trial)
    return trials


def main() -> None:
    """Make the trials, and print a table. Exits with 1 if anything is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--seed", type=int, default=20260202)
    parser.add_argument(
        "--limit", type=float, default=LIMIT_SEC, help="seconds after which no more trials begin"
    )
    options = parser.parse_args()
    # Who runs this in the background ignores SIGINT, and so would what it starts.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))
    server = Server()
    folder = Path(tempfile.mkdtemp(prefix="kills-")).resolve()
    with server.running():
        trials = conduct_all(folder, server, options.trials, options.seed, options.limit)
    with suppress(OSError):
        folder.rmdir()  # what was kept stays
    print(f"\n{table(trials)}")
    if len(trials) < options.trials:
        sys.exit(f"only {len(trials)} of {options.trials} trials in {options.limit:g} s")
    sys.exit(not all(each.good for each in trials))


if __name__ == "__main__":
    main()
