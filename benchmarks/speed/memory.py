"""What receiving 512 MiB takes of memory, as an answer and as a stream, beside requests writing to a file."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from functools import partial
from pathlib import Path

import servers
from apart import apart
from comparison import OURS, Comparison, interleave
from figures import show
from servers import MeasurementError

NAME = "memory"
_MIB = 512
_MOST_MIB = 64.0
_ROUNDS = 3
_RECEIVE = {
    OURS: """
        from pathlib import Path
        from pytest_modal_bench.call.client import Client
        from pytest_modal_bench.call.request import Request

        def receive(url, method, size):
            request, arrivals = Request(method=method, url=url), method == "GET"
            answer = client.call(request, deadline_sec=120, fresh=True, arrivals=arrivals)
            assert answer.ok, answer.error
            assert isinstance(answer.body, Path)
            assert answer.size_bytes >= size

        client = Client()
        client.call(Request(method="POST", url=small), deadline_sec=60, fresh=True)
    """,
    "requests": """
        import requests, tempfile

        session = requests.Session()
        session.trust_env = False
        session.post(small)

        def receive(url, method, size):
            with session.request(method, url, stream=True) as answer, tempfile.TemporaryFile() as file:
                for piece in answer.iter_content(1 << 16):
                    file.write(piece)
                assert file.tell() >= size
    """,
}
_PROGRAM = """
import resource, sys
sys.path.insert(0, {folder!r})
import apart

def peak_mib():
    return apart.peak_mib(resource.getrusage(resource.RUSAGE_SELF))

small, url, method, size = sys.argv[1:]
{receive}
before = peak_mib()
receive(url, method, int(size))
print(peak_mib() - before)
"""


def measure(quick: bool) -> list[Comparison]:
    """Compare the growth of the peak of resident memory."""
    mib = 64 if quick else _MIB
    found = []
    with servers.running() as server:
        large = f"{server.url}/answer/{mib << 20}"
        events = f"{server.url}/blocks/{mib}"
        for key, what, url, method in (
            ("memory-answer", f"memory while {mib} MiB are received", large, "POST"),
            ("memory-stream", f"memory while a stream of {mib} MiB is received", events, "GET"),
        ):
            grown = {who: partial(_grown_mib, who, server.url, url, method, mib << 20) for who in _RECEIVE}
            taken = interleave(grown, 1 if quick else _ROUNDS)
            ours = taken.pop(OURS)
            found.append(
                Comparison(
                    key, what, "MiB", ours, taken, f"less than {_MOST_MIB:g} MiB", max(ours) < _MOST_MIB
                )
            )
            show(found[-1])
    return found


def _grown_mib(who: str, server: str, url: str, method: str, size: int) -> float:
    """Receive once, in a process of its own, whose peak nothing else has raised, its parents included."""
    program = _PROGRAM.format(folder=str(Path(__file__).parent), receive=textwrap.dedent(_RECEIVE[who]))
    done = subprocess.run(  # noqa: S603 - this program
        apart([sys.executable, "-c", program, f"{server}/answer/100", url, method, str(size)]),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise MeasurementError(done.stderr)
    return float(done.stdout)
