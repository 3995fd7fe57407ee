"""How time and peak memory of a whole run grow with the number of endpoints.

Each size is run twice: by `pytest --modal-bench` with a catalogue of so many endpoints ("ours"), and by a plain
parametrized pytest test that makes the same calls with `requests` ("plain"). Both call a server that answers at once,
so what is left is their own work. The server runs on 127.0.0.1, in a process of its own, and counts the calls.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import json
import os
import platform
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, cast

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

HOST = "127.0.0.1"
SIZES = (100, 1000, 10_000)
ONCE_FROM = 10_000
"""From this size on, one run is enough: it is long, so noise is a small part of it."""
REPEAT = 3
CALLS = 4
"""Calls an endpoint: one first call and three warm ones, as the benchmark makes them by default."""
CATEGORIES = 10
LIMIT_SEC = 1800.0

_WITHOUT = ("cacheprovider", "randomly", "rerunfailures", "hypothesispytest", "anyio")
_PYTEST = (
    sys.executable,
    "-m",
    "pytest",
    "-q",
    *(part for name in _WITHOUT for part in ("-p", f"no:{name}")),
)
COMMANDS = {
    "ours": (*_PYTEST, "--modal-bench"),
    "plain": (*_PYTEST, "-p", "no:modal-bench"),
}
"""Other people's plugins are the same for both."""

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
        [sys.executable, __file__, "--serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
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
    seconds: float
    cpu_sec: float
    """It says more than `seconds` where the machine is busy with other things."""
    peak_mib: float
    calls: int = 0
    other_requests: int = 0
    server_cpu_sec: float = 0.0
    written: dict[str, int] = field(default_factory=dict)
    """Bytes of each file that the run left."""


class Row(NamedTuple):
    """What the runs of one size came to: medians."""

    endpoints: int
    ours_sec: float
    plain_sec: float
    ours_mib: float
    plain_mib: float


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


def run(directory: Path, who: str, size: int, limit_sec: float) -> Measured:
    """Run pytest once in `directory`. Ends the program if pytest does not end with 0."""
    output = directory / "output.txt"
    with output.open("wb") as file:
        began = time.perf_counter()
        process = subprocess.Popen(  # noqa: S603 - pytest, on what this program has written
            COMMANDS[who],
            cwd=directory,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        alarm = threading.Timer(limit_sec, os.killpg, (process.pid, signal.SIGKILL))
        alarm.start()
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
        finally:
            alarm.cancel()
        seconds = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        last = output.read_text(errors="replace")[-3000:]
        sys.exit(f"{last}\n{who}, {size} endpoints: exit code {process.returncode} after {seconds:.1f} s")
    # Linux counts in KiB, macOS in bytes.
    peak_mib = usage.ru_maxrss / (1024 if sys.platform != "darwin" else 1024**2)
    return Measured(size, who, seconds, usage.ru_utime + usage.ru_stime, peak_mib)


def measure(server: Server, directory: Path, who: str, size: int, limit_sec: float) -> Measured:
    """Run once, in a new directory, and see what it did. Ends the program if the number of calls is not as planned."""
    write_project(directory, who, server.url, size)
    given = {path.name for path in directory.iterdir()} | {"output.txt"}
    before = server.served()
    measured = run(directory, who, size, limit_sec)
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


def rows(runs: Sequence[Measured]) -> list[Row]:
    """Return the medians of each size, smallest size first."""
    found = []
    for size in sorted({each.endpoints for each in runs}):
        ours, plain = ([run for run in runs if run.endpoints == size and run.who == who] for who in COMMANDS)
        seconds = [statistics.median(run.seconds for run in those) for those in (ours, plain)]
        peaks = [statistics.median(run.peak_mib for run in those) for those in (ours, plain)]
        found.append(Row(size, *seconds, *peaks))
    return found


def table(sizes: Sequence[Row]) -> str:
    """Render time and memory of each size."""
    lines = [
        "| endpoints | ours s | plain s | ratio | ours MiB | plain MiB | ratio |",
        "| --------: | -----: | ------: | ----: | -------: | --------: | ----: |",
    ]
    lines += [
        f"| {row.endpoints} | {row.ours_sec:.2f} | {row.plain_sec:.2f} | {row.ours_sec / row.plain_sec:.2f} "
        f"| {row.ours_mib:.1f} | {row.plain_mib:.1f} | {row.ours_mib / row.plain_mib:.2f} |"
        for row in sizes
    ]
    return "\n".join(lines)


def growth(sizes: Sequence[Row]) -> str:
    """Render how many times as much each size takes as the one before."""
    return "\n".join(
        f"{large.endpoints} endpoints against {small.endpoints}, {large.endpoints / small.endpoints:g} times as many: "
        f"ours {large.ours_sec / small.ours_sec:.2f} times the time and "
        f"{large.ours_mib / small.ours_mib:.2f} times the memory, "
        f"plain {large.plain_sec / small.plain_sec:.2f} and {large.plain_mib / small.plain_mib:.2f}"
        for small, large in pairwise(sizes)
    )


def line(each: Measured) -> str:
    """Render one run: its figures, what the server counted, and what was written."""
    return (
        f"{each.who}, {each.endpoints} endpoints: {each.seconds:.2f} s ({each.cpu_sec:.2f} s of CPU), "
        f"{each.peak_mib:.1f} MiB, {each.calls} calls, {each.other_requests} other requests, "
        f"server {1e6 * each.server_cpu_sec / each.calls:.0f} µs of CPU a call"
        + "".join(f", {name} {size} bytes" for name, size in each.written.items())
    )


def measure_all(sizes: Sequence[int], repeat: int | None, limit_sec: float) -> list[Measured]:
    """Run each size, ours and plain in turn, and print each run as it ends."""
    runs = []
    with server_process() as server, tempfile.TemporaryDirectory(prefix="growth-") as name:
        folder = Path(name)
        for who in COMMANDS:  # the first run of each reads files from the disk that later ones find in memory
            measure(server, folder / f"{who}-first", who, 1, limit_sec)
        for size in sizes:
            for number in range(repeat or (1 if size >= ONCE_FROM else REPEAT)):
                for who in list(COMMANDS)[:: -1 if number % 2 else 1]:
                    runs.append(measure(server, folder / f"{who}-{size}-{number}", who, size, limit_sec))
                    print(line(runs[-1]), flush=True)
    return runs


def main() -> None:
    """Measure all sizes, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sizes", type=int, nargs="*", help=f"numbers of endpoints; default {SIZES}")
    parser.add_argument(
        "--repeat", type=int, help=f"runs of each; default {REPEAT}, from {ONCE_FROM} endpoints on 1"
    )
    parser.add_argument("--limit", type=float, default=LIMIT_SEC, help="seconds that one run may take")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there, too")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        with suppress(KeyboardInterrupt):
            asyncio.run(serve())
        return
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))  # so that what was started ends, too
    runs = measure_all(options.sizes or SIZES, options.repeat, options.limit)
    found = rows(runs)
    print(f"\n{table(found)}\n\n{growth(found)}")
    if options.json is not None:
        packages = ("pytest-modal-bench", "pytest", "pytest-benchmark", "requests")
        figures = {
            "python": platform.python_version(),
            "machine": platform.platform(),
            "cpus": os.cpu_count(),
            "packages": {package: version(package) for package in packages},
            "sizes": [row._asdict() for row in found],
            "runs": [asdict(each) for each in runs],
        }
        options.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
