from __future__ import annotations

import gzip
import zlib
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from measure_server import Connection, Server, answer, answering, redirect

from pytest_modal_bench.call.arrivals import MOST_PIECES, Arrivals
from pytest_modal_bench.call.client import Client
from pytest_modal_bench.call.request import Request
from pytest_modal_bench.call.spool import IN_MEMORY_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from measure_server import Received

    from pytest_modal_bench.call.answer import Answer

PAUSE_SEC = 0.3
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"


def call(handle: Callable[[Connection], None], *, deadline_sec: float = 20.0, **limits: Any) -> Answer:
    with Server(handle) as server, Client(**limits) as client:
        request = Request(method="POST", url=server.url, body=b"{}")
        return client.call(request, deadline_sec=deadline_sec, fresh=True, arrivals=True)


def arrivals_of(answered: Answer) -> Arrivals:
    assert answered.arrivals is not None
    return answered.arrivals


def http_chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def sending(*pieces: bytes, then: bytes = b"", head: bytes = CHUNKED) -> Callable[[Connection], None]:
    """Send pieces with a pause between them."""

    def handle(connection: Connection) -> None:
        connection.receive()
        connection.send(head)
        for number, piece in enumerate(pieces):
            connection.wait(PAUSE_SEC if number else 0)
            connection.send(piece)
        connection.send(then)

    return handle


def at(answered: Answer, *ends: int) -> list[float]:
    found = [arrivals_of(answered).at(end) for end in ends]
    assert None not in found
    return [seconds for seconds in found if seconds is not None]


def assert_apart(moments: Sequence[float], answered: Answer) -> None:
    """Each came when it was sent, and not with the next."""
    for earlier, later in pairwise(moments):
        assert later - earlier > PAUSE_SEC / 2
    assert moments[0] > 0
    assert moments[-1] <= answered.elapsed_sec


def test_nothing_is_kept_unless_it_is_asked_for() -> None:
    with Server(answering(lambda _: answer(b"abc"))) as server, Client() as client:
        request = Request(method="GET", url=server.url)
        assert client.call(request, deadline_sec=20.0, fresh=True).arrivals is None


def test_each_chunk_is_handed_over_when_it_comes() -> None:
    answered = call(sending(http_chunk(b"abc"), http_chunk(b"de"), http_chunk(b"f"), then=b"0\r\n\r\n"))

    assert (answered.ok, answered.body) == (True, b"abcdef")
    assert_apart(at(answered, 3, 5, 6), answered)
    assert at(answered, 1) == at(answered, 3)
    assert arrivals_of(answered).at(7) is None


def test_so_is_a_piece_of_a_chunk() -> None:
    answered = call(sending(b"6\r\nabc", b"de", b"f\r\n0\r\n\r\n"))

    assert answered.body == b"abcdef"
    assert_apart(at(answered, 3, 5, 6), answered)


def test_so_is_a_piece_of_a_body_of_known_length() -> None:
    head = b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\n"
    answered = call(sending(b"abc", b"de", b"f", head=head))

    assert answered.body == b"abcdef"
    assert_apart(at(answered, 3, 5, 6), answered)


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_what_a_server_has_flushed_of_compressed_data_is_handed_over_at_once(encoding: str) -> None:
    compressor = zlib.compressobj(wbits=31 if encoding == "gzip" else 15)
    pieces = [
        http_chunk(compressor.compress(piece) + compressor.flush(zlib.Z_SYNC_FLUSH))
        for piece in (b"abc", b"de", b"f")
    ]
    head = CHUNKED.replace(b"\r\n\r\n", f"\r\ncontent-encoding: {encoding}\r\n\r\n".encode())
    answered = call(sending(*pieces, then=http_chunk(compressor.flush()) + b"0\r\n\r\n", head=head))

    assert (answered.ok, answered.body) == (True, b"abcdef")
    assert_apart(at(answered, 3, 5, 6), answered)


def test_ends_are_those_in_the_decoded_body_also_of_a_large_one() -> None:
    body = bytes(range(256)) * (IN_MEMORY_BYTES // 256 + 1000)
    packed = gzip.compress(body)
    answered = call(answering(lambda _: answer(packed, content_encoding="gzip")))

    assert isinstance(answered.body, Path)
    assert arrivals_of(answered).at(len(body)) is not None
    assert arrivals_of(answered).at(len(body) + 1) is None


def test_of_a_redirect_the_last_hops_body_counts() -> None:
    def respond(received: Received) -> bytes:
        return redirect("/there") + b"" if received.path == "/" else answer(b"abc")

    answered = call(answering(respond))

    assert (answered.redirects, answered.body) == (1, b"abc")
    assert arrivals_of(answered).at(3) is not None
    assert arrivals_of(answered).at(4) is None


def test_a_stream_that_is_cut_off_is_a_lost_connection_with_what_had_come() -> None:
    answered = call(sending(http_chunk(b"abc"), b"6\r\nde"))

    assert (answered.ok, answered.cause) == (False, "connection_lost")
    assert answered.body == b"abcde"
    assert_apart(at(answered, 3, 5), answered)


def dripping(connection: Connection) -> None:
    connection.receive()
    connection.send(CHUNKED)
    connection.drip(http_chunk(b"x"), every_sec=0)


def test_a_stream_without_an_end_ends_at_the_deadline() -> None:
    answered = call(dripping, deadline_sec=0.5)

    assert (answered.ok, answered.error, answered.cause) == (False, "Timeout", "timeout")
    assert answered.size_bytes > 0
    assert at(answered, answered.size_bytes)[0] <= answered.elapsed_sec < 5


def test_or_where_it_is_larger_than_allowed() -> None:
    answered = call(dripping, max_body_bytes=100)

    assert (answered.ok, answered.cause) == (False, "invalid_output")
    assert answered.error == "answer larger than 100 bytes"
    assert at(answered, 100)


@given(st.lists(st.integers(1, 50), min_size=1, max_size=30))
def test_a_moment_is_that_of_the_piece_in_which_a_byte_came(sizes: list[int]) -> None:
    arrivals, end = Arrivals(), 0
    moments = []
    for number, size in enumerate(sizes):
        end += size
        moments += [float(number)] * size
        arrivals.add(end, float(number))

    assert [arrivals.at(count) for count in range(1, end + 1)] == moments
    assert arrivals.at(end + 1) is None
    for start in range(end):
        assert list(arrivals.after(start)) == [
            float(number) for number in range(int(moments[start]), len(sizes))
        ]
    assert list(arrivals.after(end)) == []


def test_what_is_kept_is_bounded() -> None:
    arrivals = Arrivals()
    for end in range(1, MOST_PIECES + 4):
        arrivals.add(end, end / 10)

    assert not arrivals.complete
    assert arrivals.at(1) == 0.1
    assert arrivals.at(MOST_PIECES + 3) == (MOST_PIECES + 3) / 10
    assert len(arrivals.after(0)) == MOST_PIECES
