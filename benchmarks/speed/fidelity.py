"""What a call takes by this project's client, beside curl, requests, httpx and the server's own time.

Ours is the time that the client reports, and so is curl's; requests and httpx report none, and are timed from outside.
All send the same request to the same server, in turn. A round's figure is the median of its calls. A fresh connection
is opened for each call, with a full TLS handshake, and that is in the figure; making a client is not. Nobody looks for
proxies.
"""

from __future__ import annotations

import contextlib
import os
import ssl
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from itertools import product
from typing import TYPE_CHECKING, NamedTuple
from unittest import mock

import httpx
import msgspec
import requests
import servers
from comparison import OURS, Comparison, interleave, spread
from figures import show
from servers import MeasurementError

from pytest_modal_bench.call.client import Client
from pytest_modal_bench.call.request import Request

if TYPE_CHECKING:
    from servers import Server

NAME = "fidelity"
_OVER_CURL_SEC = 0.3e-3
_OF_CURL = 1.2
_PHASES_WITHIN = 0.01
_DEADLINE_SEC = 30.0
_SMALL_BYTES = 200
_HEADERS = {
    "User-Agent": "benchmark",
    "Accept": "*/*",
    "Accept-Encoding": "identity",
    "Content-Type": "application/json",
}


class Call(NamedTuple):
    """What is sent, and what comes back: JSON."""

    key: str
    what: str
    body: bytes
    answer_bytes: int
    a_round: int
    """How often it is made a round."""

    @property
    def is_small(self) -> bool:
        """Whether its time is that of the call itself, not of what it carries."""
        return max(len(self.body), self.answer_bytes) == _SMALL_BYTES


_SMALL = servers.json_text(_SMALL_BYTES)
CALLS = (
    Call("small-post", "POST of 200 bytes, answered with 200", _SMALL, _SMALL_BYTES, 20),
    Call("large-answer", "answer of 2 MiB", _SMALL, 2 << 20, 5),
    Call("large-request", "request of 5 MiB", servers.json_text(5 << 20), _SMALL_BYTES, 5),
)


class Way(NamedTuple):
    """How a call is made."""

    server: Server
    call: Call
    kept: bool
    """Whether on a connection that has been used before; else each on a fresh one."""

    @property
    def url(self) -> str:
        """Where to."""
        return f"{self.server.url}/answer/{self.call.answer_bytes}"

    @property
    def key(self) -> str:
        """Short, for file names."""
        return f"{self.call.key}-{self.server.scheme}-{self._connection}"

    @property
    def what(self) -> str:
        """In words."""
        scheme = "HTTP" if self.server.authority is None else "TLS"
        return f"{self.call.what}; {scheme}, {self._connection} connection"

    @property
    def _connection(self) -> str:
        return "kept" if self.kept else "fresh"


Peer = Callable[[Way], AbstractContextManager[Callable[[], bytes]]]
"""Opens a client; what is yielded makes a call and returns the answer's body."""


def measure(quick: bool) -> list[Comparison]:
    """Make all calls, over HTTP and TLS, on kept connections and on fresh ones."""
    made = []
    for tls in (False, True):
        with servers.running(tls=tls) as server, _trusting(server):
            for call, kept in product(CALLS, (True, False)):
                for comparison in _compare(Way(server, call, kept), rounds=3 if quick else 60):
                    show(comparison)
                    made.append(comparison)
    return made


@contextlib.contextmanager
def _trusting(server: Server) -> Iterator[None]:
    """Let this project's client trust the server."""
    variables = {"REQUESTS_CA_BUNDLE": str(server.authority)} if server.authority is not None else {}
    with mock.patch.dict(os.environ, variables):
        yield


def _compare(way: Way, rounds: int) -> Iterator[Comparison]:
    call = way.call
    with contextlib.ExitStack() as stack:
        ours = _Ours(way, stack.enter_context(Client()))
        figures = interleave(
            {
                OURS: ours.measure,
                "curl": partial(_curl, way, stack.enter_context(_file(call.body))),
                "requests": _timed(way, _requests, stack),
                "httpx": _timed(way, _httpx, stack),
            },
            rounds,
        )
    reported = figures.pop(OURS)
    limit = f"{1000 * _OVER_CURL_SEC:g} ms above curl's" if call.is_small else f"{_OF_CURL:g} times curl's"
    compared = Comparison(
        key=way.key,
        what=way.what,
        unit="s",
        ours=reported,
        peers={**figures, "server": ours.server[1:]},
        target=f"median at most {limit}, and not above that of requests or httpx",
        met=False,
        notes=[
            f"all of our client's function, not just its clock: {1000 * spread(ours.whole[1:]).median:.3f} ms",
            "server: its own time of our calls, from a request's first byte in to its answer's last byte out",
            *(
                []
                if way.server.authority is None
                else [f"curl has its own TLS; Python's is {ssl.OPENSSL_VERSION}"]
            ),
        ],
    )
    small_enough = compared.difference("curl").median <= _OVER_CURL_SEC
    near_curl = small_enough if call.is_small else compared.ratio("curl").median <= _OF_CURL
    slower = any(compared.ratio(peer).median > 1 for peer in ("requests", "httpx"))
    yield replace(compared, met=near_curl and not slower)
    phases = Comparison(
        key=f"phases-{way.key}",
        what=f"phases of that call, added up: {way.what}",
        unit="s",
        ours=ours.phases[1:],
        peers={"reported": reported},
        target=f"within {_PHASES_WITHIN:.0%} of the time that is reported",
        met=False,
    )
    yield replace(phases, met=abs(phases.ratio("reported").median - 1) <= _PHASES_WITHIN)


class Timed(NamedTuple):
    """One call by this project's client, in seconds."""

    reported: float
    whole: float
    """All of the function, not just its clock."""
    phases: float
    """Their sum."""


class _Ours:
    """This project's client, called as a run calls it. Keeps what else a round has shown, in seconds."""

    def __init__(self, way: Way, client: Client) -> None:
        self._way = way
        self._client = client
        self._request = Request(method="POST", url=way.url, headers=_HEADERS, body=way.call.body)
        self.whole: list[float] = []
        """All of the function."""
        self.phases: list[float] = []
        """Their sum."""
        self.server: list[float] = []
        """The server's own time."""

    def measure(self) -> float:
        """Call, and return the time that the client reports."""
        calls = [self._call() for _ in range(self._way.call.a_round)]
        log = self._way.server.log(len(calls))
        self.whole.append(statistics.median(call.whole for call in calls))
        self.phases.append(statistics.median(call.phases for call in calls))
        self.server.append(statistics.median(after - before for before, after in log))
        return statistics.median(call.reported for call in calls)

    def _call(self) -> Timed:
        began = time.perf_counter()
        answer = self._client.call(self._request, deadline_sec=_DEADLINE_SEC, fresh=not self._way.kept)
        took = time.perf_counter() - began
        if not answer.ok or answer.size_bytes != self._way.call.answer_bytes:
            raise MeasurementError(f"{answer.size_bytes} bytes: {answer.error}")
        phases = sum(filter(None, msgspec.structs.astuple(answer.phases)))
        return Timed(answer.elapsed_sec, took, phases)


@contextlib.contextmanager
def _file(body: bytes) -> Iterator[str]:
    with tempfile.NamedTemporaryFile() as file:
        file.write(body)
        file.flush()
        yield file.name


def _curl(way: Way, body: str) -> float:
    """Have one curl make all calls of a round, with the file `body`; its own start is not in its time.

    On a kept connection the first call is one more, which opens it.
    """
    calls = way.call.a_round + way.kept
    command = [
        "curl",
        "--disable",
        "--silent",
        "--show-error",
        "--http1.1",
        "--noproxy",
        "*",
        "--no-sessionid",
    ]
    command += ["--max-time", str(_DEADLINE_SEC), "--data-binary", f"@{body}", "--output", os.devnull]
    # Else it waits to be told that a large body may come.
    headers = [*(f"{name}: {value}" for name, value in _HEADERS.items()), "Expect:"]
    headers += [] if way.kept else ["Connection: close"]
    command += [part for header in headers for part in ("--header", header)]
    command += ["--write-out", r"%{time_total} %{num_connects} %{http_code} %{size_download}\n"]
    command += [] if way.server.authority is None else ["--cacert", str(way.server.authority)]
    done = subprocess.run(  # noqa: S603 - no shell
        [*command, f"{way.url}?[1-{calls}]"], stdout=subprocess.PIPE, text=True, check=True
    )
    rows = [line.split() for line in done.stdout.splitlines()][way.kept :]
    expected = [str(int(not way.kept)), "200", str(way.call.answer_bytes)]
    if [row[1:] for row in rows] != [expected] * way.call.a_round:
        raise MeasurementError(f"curl: {done.stdout}")
    way.server.log(calls)
    return statistics.median(float(row[0]) for row in rows)


def _timed(way: Way, peer: Peer, stack: contextlib.ExitStack) -> Callable[[], float]:
    """Return what times a round's calls by `peer`, from outside; on fresh connections each by a client of its own."""
    opened = stack.enter_context(peer(way)) if way.kept else None

    def one() -> float:
        with peer(way) if opened is None else contextlib.nullcontext(opened) as send:
            began = time.perf_counter()
            content = send()
            took = time.perf_counter() - began
        if len(content) != way.call.answer_bytes:
            raise MeasurementError(f"{peer.__name__}: {len(content)} bytes")
        return took

    def measure_round() -> float:
        median = statistics.median(one() for _ in range(way.call.a_round))
        way.server.log(way.call.a_round)
        return median

    return measure_round


@contextlib.contextmanager
def _requests(way: Way) -> Iterator[Callable[[], bytes]]:
    with requests.Session() as session:
        session.trust_env = False
        session.headers.update(_HEADERS)
        session.verify = True if way.server.authority is None else str(way.server.authority)
        yield lambda: session.post(way.url, data=way.call.body, timeout=_DEADLINE_SEC).content


@contextlib.contextmanager
def _httpx(way: Way) -> Iterator[Callable[[], bytes]]:
    verified = ssl.create_default_context(cafile=way.server.authority)
    limits = httpx.Limits(keepalive_expiry=None)
    with httpx.Client(
        trust_env=False, headers=_HEADERS, verify=verified, timeout=_DEADLINE_SEC, limits=limits
    ) as client:
        yield lambda: client.post(way.url, content=way.call.body).content
