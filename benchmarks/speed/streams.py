"""When the events of a stream are there: this project's client and httpx, against the log of the server that sent them.

Both read the same stream, in turn, on kept connections. Server and clients share the machine's clock, so that each
event's time is held against the moment at which its writing began.
"""

from __future__ import annotations

import statistics
import time
from contextlib import ExitStack
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import httpx
import servers
from comparison import OURS, Comparison, interleave, spread
from figures import show
from servers import MeasurementError

from pytest_modal_bench.answers.streaming.listening import listen
from pytest_modal_bench.answers.streaming.reader import StreamReader
from pytest_modal_bench.call.client import Client
from pytest_modal_bench.call.request import Request
from pytest_modal_bench.model import Endpoint, Media

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from servers import Server

NAME = "streams"
_WITHIN_SEC = 0.5e-3
_DEADLINE_SEC = 60.0
_TICK_SEC = 1e-9
"""Of the clock: two medians can be the same, and no ratio is of zero."""
_ENDPOINT = Endpoint(id="events", name="", path="", app="", url="", pool="", category="", stream="sse")


class Stream(NamedTuple):
    """What is sent."""

    key: str
    what: str
    events: int
    every_sec: float


STREAMS = (
    Stream("1000", "1,000 events, one a millisecond", 1_000, 1e-3),
    Stream("5000", "5,000 events in one second", 5_000, 0.2e-3),
)


class Times(NamedTuple):
    """A client's own times of one stream, in seconds."""

    began: float
    """When the call's clock started, as `time.monotonic` has it; the others are since then."""
    ttft: float
    itl: float
    arrived: Sequence[float]
    """Of each event."""


class Errors(NamedTuple):
    """By how much a client's times of one stream differ from those of the server's log, in seconds."""

    ttft: float
    itl: float
    """Of the median time between two events, whichever is longer."""
    event: float
    """Median of the events."""
    last: float
    """Median of the last tenth of them: who falls behind does so there."""
    worst: float
    """The most that any event was late."""


FIGURES = {
    "ttft": "TTFT",
    "itl": "ITL",
    "event": "time of an event",
    "last": "time of an event of the last tenth",
}


def measure(quick: bool) -> list[Comparison]:
    """Read each stream over and over."""
    made = []
    with servers.running() as server:
        for stream in STREAMS:
            for comparison in _compare(server, stream, rounds=2 if quick else 20):
                show(comparison)
                made.append(comparison)
    return made


def _compare(server: Server, stream: Stream, rounds: int) -> Iterator[Comparison]:
    url = f"{server.url}/events/{stream.events}/{stream.every_sec}"
    with ExitStack() as stack:
        ours = _Reader(server, stream, _ours(stack.enter_context(Client()), url))
        peer = _Reader(
            server,
            stream,
            _httpx(stack.enter_context(httpx.Client(trust_env=False, timeout=_DEADLINE_SEC)), url),
        )
        interleave({OURS: ours.measure, "httpx": peer.measure}, rounds)
    # The first round of `interleave` is for nothing.
    mine, theirs = ours.errors[1:], peer.errors[1:]
    worst, worst_httpx = (1000 * spread([each.worst for each in errors]).median for errors in (mine, theirs))
    for figure, name in FIGURES.items():
        found = [getattr(each, figure) for each in mine]
        yield Comparison(
            key=f"stream-{stream.key}-{figure}",
            what=f"{name} of a stream, against the server's log: {stream.what}",
            unit="s",
            ours=found,
            peers={"httpx": [getattr(each, figure) for each in theirs]},
            target=f"median within {1000 * _WITHIN_SEC:g} ms",
            met=abs(spread(found).median) <= _WITHIN_SEC,
            notes=[
                "each event has its own time, or the measurement fails",
                f"the event that came latest, median of the rounds: {worst:.2f} ms; httpx: {worst_httpx:.2f} ms",
            ],
        )


class _Reader:
    """Reads the stream with one client, and keeps the errors of each round."""

    def __init__(self, server: Server, stream: Stream, read: Callable[[], Times]) -> None:
        self._server = server
        self._stream = stream
        self._read = read
        self.errors: list[Errors] = []

    def measure(self) -> float:
        """Read it once; return the median error of an event's time."""
        times = self._read()
        (written,) = self._server.log(1)
        if not len(times.arrived) == len(written) == self._stream.events:
            raise MeasurementError(f"{len(times.arrived)} of {len(written)} events have a time")
        late = [times.began + there - sent for there, sent in zip(times.arrived, written, strict=True)]
        errors = Errors(
            ttft=times.ttft - (written[0] - times.began),
            itl=max(abs(times.itl - _median_gap(written)), _TICK_SEC),
            event=statistics.median(late),
            last=statistics.median(late[-len(late) // 10 :]),
            worst=max(late),
        )
        self.errors.append(errors)
        return errors.event


def _ours(client: Client, url: str) -> Callable[[], Times]:
    """Return what reads the stream as a run does: TTFT and ITL are those of its report."""
    reader = StreamReader(_ENDPOINT)

    def read() -> Times:
        answer = client.call(
            Request(method="GET", url=url), deadline_sec=_DEADLINE_SEC, fresh=False, arrivals=True
        )
        if answer.arrivals is None or not isinstance(answer.body, bytes) or not answer.ok:
            raise MeasurementError(str(answer.error))
        streamed = reader.read(
            answer, Media(kind="text", size_bytes=answer.size_bytes, sha256=""), None
        ).streamed
        if streamed.ttft_sec is None or streamed.itl_sec is None:
            raise MeasurementError("the stream has no times")
        arrived = (answer.arrivals.at(end) for end in listen(answer.body, "sse").outputs)
        return Times(
            answer.began,
            streamed.ttft_sec,
            streamed.itl_sec,
            [seconds for seconds in arrived if seconds is not None],
        )

    return read


def _httpx(client: httpx.Client, url: str) -> Callable[[], Times]:
    """Return what reads the stream line by line, and takes the time as each line is there."""

    def read() -> Times:
        began = time.monotonic()
        with client.stream("GET", url) as answer:
            arrived = [time.monotonic() - began for line in answer.iter_lines() if line.startswith("data:")]
        return Times(began, arrived[0], _median_gap(arrived), arrived)

    return read


def _median_gap(moments: Sequence[float]) -> float:
    return statistics.median(later - earlier for earlier, later in pairwise(moments))
