"""The decoding process, driven over its socket as its parent does."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from io import FileIO
from typing import TYPE_CHECKING, NamedTuple

import media_corpus
import msgspec
import psutil
import pytest

from pytest_modal_bench.answers.decoding.findings import Findings

if TYPE_CHECKING:
    from collections.abc import Iterator

MIB = 1024**2


class Worker(NamedTuple):
    process: subprocess.Popen[bytes]
    parent: socket.socket
    lifeline: FileIO
    """The end of a pipe whose closing means that the parent is gone."""

    def line(self) -> bytes:
        received = b""
        while not received.endswith(b"\n"):
            piece = self.parent.recv(1)
            if not piece:
                raise EOFError(received)
            received += piece
        return received

    def send(self, data: bytes, *, length: int | None = None) -> None:
        with tempfile.TemporaryFile() as file:
            file.write(data)
            if length is not None:
                file.truncate(length)
            file.flush()
            socket.send_fds(self.parent, [b"+"], [file.fileno()])

    def decode(self, data: bytes, *, length: int | None = None) -> Findings:
        self.send(data, length=length)
        return msgspec.json.decode(self.line(), type=Findings)


@contextmanager
def started(memory_mib: int = 2048, patience_sec: float = 60) -> Iterator[Worker]:
    """A decoding process that is ready."""
    parent, child = socket.socketpair()
    reading, writing = os.pipe()
    command = [sys.executable, "-m", "pytest_modal_bench.answers.decoding.worker"]
    with child, FileIO(reading):
        process = subprocess.Popen(
            [*command, str(memory_mib * MIB), str(patience_sec), str(reading)],
            stdin=child.fileno(),
            stderr=subprocess.PIPE,
            pass_fds=[reading],
        )
    parent.settimeout(60)
    with parent, FileIO(writing, "wb") as lifeline, process:
        try:
            worker = Worker(process, parent, lifeline)
            assert worker.line() == b"ready\n"
            yield worker
        finally:
            process.kill()


def slow_gif() -> bytes:
    """A file that takes seconds to decode."""
    return media_corpus.bomb_gif(19_000, 256)


def busy(worker: Worker) -> None:
    """Wait until it decodes: until it has spent processor time on its file."""
    decoder = psutil.Process(worker.process.pid)
    before = decoder.cpu_times().user
    end = time.monotonic() + 30
    while decoder.cpu_times().user < before + 0.1:
        assert time.monotonic() < end
        time.sleep(0.01)


def test_it_answers_file_after_file_with_a_line_of_findings_each() -> None:
    with started() as worker:
        assert worker.decode(media_corpus.good("png")).format == "PNG"
        assert worker.decode(b'{"a": 1}').kind == "json"
        assert worker.decode(media_corpus.good("png")[:-1]).problem == (
            "truncated: ends before the chunk IEND"
        )
        assert worker.decode(media_corpus.good("webm")).checked


def test_it_ends_without_a_word_when_its_parent_closes_the_connection() -> None:
    with started() as worker:
        worker.decode(media_corpus.good("png"))
        worker.parent.close()

        assert worker.process.wait(60) == 0
        assert worker.process.stderr is not None
        assert worker.process.stderr.read() == b""


@pytest.mark.parametrize("decoding", [True, False], ids=["decoding", "idle"])
def test_it_ends_at_once_when_its_parent_is_gone_whatever_it_does(decoding: bool) -> None:
    with started() as worker:
        if decoding:
            worker.send(slow_gif())
            busy(worker)
        worker.lifeline.close()

        assert worker.process.wait(60) == -signal.SIGIO


def test_what_its_socket_reports_while_it_decodes_does_not_end_it() -> None:
    # The kernel may report a request when it has been read already; here it reports the next one.
    with started() as worker:
        worker.send(media_corpus.bomb_gif(2000, 256))
        busy(worker)
        worker.send(media_corpus.good("png"))

        assert msgspec.json.decode(worker.line(), type=Findings).format == "GIF"
        assert msgspec.json.decode(worker.line(), type=Findings).format == "PNG"


def test_its_own_clock_ends_it_where_the_parents_does_not() -> None:
    with started(patience_sec=0.5) as worker:
        worker.send(slow_gif())

        with pytest.raises(EOFError):
            worker.line()
        assert worker.process.wait(60) == -signal.SIGALRM


def test_its_clock_stands_while_it_waits_for_a_file() -> None:
    with started(patience_sec=2) as worker:
        worker.decode(media_corpus.good("png"))
        time.sleep(2.2)

        assert worker.decode(media_corpus.good("png")).checked


def test_it_takes_no_more_memory_than_it_may() -> None:
    with started(memory_mib=192) as worker:
        assert worker.decode(media_corpus.grey_png(7_900)).problem == (
            "takes more memory than allowed to decode"
        )
        assert worker.decode(media_corpus.good("mp4"), length=400 * MIB).problem == (
            "larger than the memory allowed to decode"
        )
        assert worker.decode(media_corpus.good("png")).checked


def test_it_can_write_no_file_and_leaves_no_core() -> None:
    with started(memory_mib=512) as worker:
        process = psutil.Process(worker.process.pid)

        assert process.rlimit(psutil.RLIMIT_FSIZE) == (0, 0)
        assert process.rlimit(psutil.RLIMIT_CORE) == (0, 0)
        assert process.rlimit(psutil.RLIMIT_NOFILE) == (64, 64)
        assert process.rlimit(psutil.RLIMIT_AS) == (512 * MIB, 512 * MIB)


def test_it_holds_no_descriptor_of_a_file_that_is_done() -> None:
    with started() as worker:
        worker.decode(media_corpus.good("png"))
        before = psutil.Process(worker.process.pid).num_fds()
        for name in ("png", "mp4", "gif"):
            worker.decode(media_corpus.good(name))

        assert psutil.Process(worker.process.pid).num_fds() == before
