"""How time and peak memory of a whole run grow with the number of endpoints.

Each size is run twice: by `pytest --modal-bench` with a catalogue of so many endpoints ("ours"), and by a plain
parametrized pytest test that makes the same calls with `requests` ("plain"). Both write JUnit XML, as CI asks for. Both
call a server that answers at once, so what is left is their own work. The server runs on 127.0.0.1, in a process of its
own, and counts the calls. Before its run each project is only collected.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import math
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, cast

from apart import apart, read
from comparison import Comparison
from figures import show

from pytest_modal_bench.gate.earlier.reports import parsed
from pytest_modal_bench.report.write import FORMATS, write

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from apart import Usage

HOST = "127.0.0.1"
SIZES = (100, 1000, 10_000)
QUICK_SIZES = (10, 40, 160)
ONCE_FROM = 10_000
"""From this size on, one run is enough: it is long, so noise is a small part of it."""
REPEAT = 3
CALLS = 4
"""Calls an endpoint: one first call and three warm ones, as the benchmark makes them by default."""
CATEGORIES = 10
LIMIT_SEC = 1800.0
MOST = 1.5
LINEAR = 1.1
"""How much more one more endpoint may take in the largest size: what is not linear shows as twice as much or more."""
REPORT_SEC = 3.0
NAME = "growth"
OUTPUT, USAGE = "output.txt", "usage.json"
JUNIT = "--junitxml=junit.xml"
COLLECT = "--collect-only"

_WITHOUT = ("cacheprovider", "randomly", "rerunfailures", "hypothesispytest", "anyio")
PYTEST = (
    sys.executable,
    "-m",
    "pytest",
    "-q",
    *(part for name in _WITHOUT for part in ("-p", f"no:{name}")),
)
"""pytest without other people's plugins: what they take depends on what else is installed."""
COMMANDS = {
    "ours": (*PYTEST, "--modal-bench"),
    "plain": (*PYTEST, "-p", "no:modal-bench"),
}

PLAIN_TEST = """\
import itertools

import pytest
import requests

URL = "{url}"
SESSION = requests.Session()
SEEDS = itertools.count()


@pytest.mark.parametrize("path", [f"/e{{number}}" for number in range({size})])
def test_endpoint(path):
    for _ in range({calls}):
        response = SESSION.post(URL + path, json={{"prompt": "x", "seed": next(SEEDS)}}, timeout=60)
        assert response.status_code == 200
"""


class Served(NamedTuple):
    """What the server has done so far."""

    calls: int
    others: int
    """Requests that are no calls of an endpoint."""
    cpu_sec: float


class Answering(asyncio.Protocol):
    """One connection of the server. asyncio sets TCP_NODELAY by itself."""

    calls = others = 0
    """Of all connections."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin with nothing received."""
        self._transport = cast("asyncio.Transport", transport)
        self._received = b""

    def data_received(self, data: bytes) -> None:
        """Answer every request that is there as a whole."""
        self._received += data
        while b"\r\n\r\n" in self._received:
            head, _, rest = self._received.partition(b"\r\n\r\n")
            _, _, length = head.lower().partition(b"\r\ncontent-length:")
            size = int(length.partition(b"\r\n")[0] or 0)
            if len(rest) < size:
                return
            self._received = rest[size:]
            self._transport.write(self._answer(head))

    def _answer(self, head: bytes) -> bytes:
        if head.startswith(b"POST /e"):
            Answering.calls += 1
            return _response(b"200 OK", b'{"ok": true}')
        if head.startswith(b"GET /count "):
            served = Served(Answering.calls, Answering.others, time.process_time())
            return _response(b"200 OK", json.dumps(served).encode())
        Answering.others += 1
        return _response(b"404 Not Found", b"")


def _response(status: bytes, body: bytes) -> bytes:
    return b"HTTP/1.1 %b\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (
        status,
        len(body),
        body,
    )


async def serve() -> None:
    """Be the server: print the port, and answer until standard input ends, as it does when its parent is gone."""
    server = await asyncio.get_running_loop().create_server(Answering, HOST, 0, backlog=100)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.buffer.read)
    server.close()


class Server:
    """The server, seen from the program that started it."""

    def __init__(self, port: int) -> None:
        self.url = f"http://{HOST}:{port}"
        self._port = port

    def served(self) -> Served:
        """Ask what it has done so far."""
        connection = http.client.HTTPConnection(HOST, self._port, timeout=10)
        try:
            connection.request("GET", "/count")
            return Served(*json.loads(connection.getresponse().read()))
        finally:
            connection.close()


@contextmanager
def server_process() -> Iterator[Server]:
    """Run the server as long as the block lasts."""
    process = subprocess.Popen(  # noqa: S603 - this program itself
        [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdin is not None  # noqa: S101 - both are pipes
    assert process.stdout is not None  # noqa: S101
    try:
        yield Server(int(process.stdout.readline()))
    finally:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()


@dataclass
class Measured:
    """One run."""

    endpoints: int
    who: str
    used: Usage
    """Its CPU says more than its seconds where the machine is busy with other things."""
    collecting_sec: float = 0.0
    """Of another run, with `--collect-only`."""
    calls: int = 0
    other_requests: int = 0
    server_cpu_sec: float = 0.0
    written: dict[str, int] = field(default_factory=dict)
    """Bytes of each file that the run left."""


def environment() -> dict[str, str]:
    """Return the environment of a run, without what configures pytest or the benchmark, and without proxies."""
    leading = ("PYTEST_", "MODAL_", "GITHUB_STEP_SUMMARY")
    return {
        name: text
        for name, text in os.environ.items()
        if not name.startswith(leading) and not name.lower().endswith("_proxy")
    }


def write_project(directory: Path, who: str, url: str, size: int) -> None:
    """Write what the run reads."""
    directory.mkdir(parents=True)
    directory.joinpath("pytest.ini").write_text("[pytest]\n")
    if who == "plain":
        directory.joinpath("test_plain.py").write_text(PLAIN_TEST.format(url=url, size=size, calls=CALLS))
        return
    endpoints = (
        f'[[endpoints]]\npath = "/e{number}"\napp = "instant"\ncategory = "Category {number % CATEGORIES}"\n'
        'payload = { prompt = "x", seed = "{seed}" }\nexpect = { kind = "json" }\n'
        for number in range(size)
    )
    head = f'workspace = "acme"\n[apps.instant]\nurl = "{url}"\n'
    directory.joinpath("endpoints.toml").write_text(head + "".join(endpoints))


def run(directory: Path, who: str, size: int, option: str) -> Usage:
    """Run pytest once in `directory`. Ends the program if pytest does not end with 0."""
    output, usage = directory / OUTPUT, directory / USAGE
    with output.open("wb") as file:
        process = subprocess.Popen(  # noqa: S603 - pytest, on what this program has written
            apart([*COMMANDS[who], option], usage),
            cwd=directory,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            code = process.wait(LIMIT_SEC)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise
    if code:
        last = output.read_text(errors="replace")[-3000:]
        sys.exit(f"{last}\n{who}, {size} endpoints, {option}: exit code {code}")
    return read(usage)


def run_once(server: Server, directory: Path, who: str, size: int) -> Measured:
    """Collect and run once, in a new directory, and see what it did. Ends the program if calls are missing."""
    write_project(directory, who, server.url, size)
    given = {path.name for path in directory.iterdir()} | {OUTPUT, USAGE}
    before = server.served()
    collected = run(directory, who, size, COLLECT)
    measured = Measured(size, who, run(directory, who, size, JUNIT), collected.seconds)
    after = server.served()
    measured.calls = after.calls - before.calls
    measured.other_requests = after.others - before.others
    measured.server_cpu_sec = after.cpu_sec - before.cpu_sec
    measured.written = {
        path.name: path.stat().st_size
        for path in sorted(directory.iterdir())
        if path.is_file() and path.name not in given
    }
    if measured.calls != CALLS * size:
        sys.exit(f"{who}, {size} endpoints: {measured.calls} calls instead of {CALLS * size}")
    return measured


def line(each: Measured) -> str:
    """Render one run: its figures, what the server counted, and what was written."""
    return (
        f"{each.who}, {each.endpoints} endpoints: {each.used.seconds:.2f} s ({each.used.cpu_sec:.2f} s of CPU; "
        f"collected in {each.collecting_sec:.2f} s), "
        f"{each.used.peak_mib:.1f} MiB, {each.calls} calls, {each.other_requests} other requests, "
        f"server {1e6 * each.server_cpu_sec / each.calls:.0f} µs of CPU a call"
        + "".join(f", {name} {size} bytes" for name, size in each.written.items())
    )


def measure_all(folder: Path, sizes: Sequence[int], repeat: int | None) -> list[Measured]:
    """Run each size in folders of their own, ours and plain in turn, and print each run as it ends."""
    runs = []
    with server_process() as server:
        for who in COMMANDS:  # the first run of each reads files from the disk that later ones find in memory
            run_once(server, folder / f"{who}-first", who, 1)
        for size in sizes:
            for number in range(repeat or (1 if size >= ONCE_FROM else REPEAT)):
                for who in list(COMMANDS)[:: -1 if number % 2 else 1]:
                    runs.append(run_once(server, folder / f"{who}-{size}-{number}", who, size))
                    print(line(runs[-1]), flush=True)
    return runs


def measure(quick: bool) -> list[Comparison]:
    """Compare collection, time and memory of each size, how they grow, and what each report of the largest takes."""
    sizes = QUICK_SIZES if quick else SIZES
    with tempfile.TemporaryDirectory(prefix="growth-") as name:
        runs = measure_all(Path(name), sizes, 1 if quick else None)
        reports = _reports(Path(name) / f"ours-{sizes[-1]}-0" / "modal-bench-report.json")
    found = [*compared(runs), *linear(runs), *reports]
    for comparison in found:
        show(comparison)
    return found


FIGURES: dict[str, tuple[str, str, Callable[[Measured], float]]] = {
    "collection": ("collection", "s", lambda run: run.collecting_sec),
    "time": ("run", "s", lambda run: run.used.seconds),
    "memory": ("peak memory", "MiB", lambda run: run.used.peak_mib),
}
"""What is compared: key, name, unit, and the figure of a run."""


def compared(runs: Sequence[Measured]) -> list[Comparison]:
    """Hold ours against plain, size by size."""
    found = []
    for size in sorted({run.endpoints for run in runs}):
        for key, (what, unit, figure) in FIGURES.items():
            ours, plain = (
                [figure(run) for run in runs if (run.endpoints, run.who) == (size, who)] for who in COMMANDS
            )
            both = Comparison(
                *(f"growth-{key}-{size}", f"{what}, {size:,} endpoints of {CALLS} calls", unit, ours),
                *({"plain": plain}, f"ratio at most {MOST}", False),
            )
            found.append(both.judged(met=both.ratio("plain").median <= MOST))
    return found


def linear(runs: Sequence[Measured]) -> list[Comparison]:
    """Return how much more one more endpoint takes in the largest size than in the smaller ones: 1 if growth is linear.

    That is the slope between the two largest sizes over the slope between the two sizes before, of the medians. What a
    run takes without any endpoint is in neither. A peer is left out whose slope between the
    smaller sizes cannot be told from none.
    """
    sizes = sorted({run.endpoints for run in runs})[-3:]
    found = []
    for key, (what, _, figure) in FIGURES.items():
        grown = {}
        for who in COMMANDS:
            medians = [
                statistics.median(figure(run) for run in runs if (run.endpoints, run.who) == (size, who))
                for size in sizes
            ]
            first, last = (
                (more - less) / (large - small)
                for (small, large), (less, more) in zip(pairwise(sizes), pairwise(medians), strict=True)
            )
            if first > 0:  # else too few endpoints to tell it from the noise
                grown[who] = last / first
        ours = grown.pop("ours", math.inf)
        small, middle, large = (f"{size:,}" for size in sizes)
        found.append(
            Comparison(
                f"growth-linear-{key}",
                f"{what} of one more endpoint, {middle} to {large} over {small} to {middle}",
                *("", [ours], {who: [each] for who, each in grown.items()}),
                *(f"at most {LINEAR}", ours <= LINEAR),
            )
        )
    return found


def _reports(source: Path) -> list[Comparison]:
    """Write each kind of report of the run that `source` is the JSON report of."""
    run_of_all, _ = parsed(source.read_bytes(), source.stem)
    size = len(run_of_all.results)
    found = []
    for suffix in FORMATS:
        file = source.with_name(f"again{suffix}")
        seconds = []
        for _ in range(REPEAT):
            began = time.perf_counter()
            write(run_of_all, [file])
            seconds.append(time.perf_counter() - began)
        found.append(
            Comparison(
                *(f"growth-report{suffix}", f"a report of {size:,} endpoints, `{suffix}`", "s", seconds, {}),
                *(f"less than {REPORT_SEC:g} s", max(seconds) < REPORT_SEC),
                notes=[f"{file.stat().st_size / 2**20:.1f} MiB"],
            )
        )
    return found


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(serve())
