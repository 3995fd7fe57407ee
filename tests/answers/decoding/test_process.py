"""The parent's end, against the real decoding process, and against programs that take its place and misbehave."""

from __future__ import annotations

import os
import socket
import sys
import tempfile
import textwrap
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

import media_corpus
import psutil
import pytest

from pytest_modal_bench.answers.decoding import process as process_module
from pytest_modal_bench.answers.decoding.findings import Undecodable, Unusable
from pytest_modal_bench.answers.decoding.process import DecodingProcess

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MEMORY_BYTES = 2 * 1024**3
PATIENCE_SEC = 60
SEND_FDS = socket.send_fds

READ_REQUEST = """
    import os, socket, sys, time
    parent = socket.socket(fileno=0)
    parent.sendall(b"ready\\n")
    socket.recv_fds(parent, 1, 1)
"""


@pytest.fixture
def process() -> Iterator[DecodingProcess]:
    made = DecodingProcess(MEMORY_BYTES, patience_sec=PATIENCE_SEC)
    yield made
    made.end()


@contextmanager
def opened(data: bytes) -> Iterator[BinaryIO]:
    with tempfile.TemporaryFile() as file:
        file.write(data)
        file.flush()
        yield file


def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Have `script` run in the decoding process's place."""
    program = tmp_path / "stand_in"
    program.write_text(f"#!{sys.executable}\n" + textwrap.dedent(script))
    program.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(program))


def decode(process: DecodingProcess, data: bytes = b"anything") -> object:
    with opened(data) as file:
        return process.decode(file.fileno())


def pid_of(process: DecodingProcess) -> int:
    assert process.pid is not None
    return process.pid


def test_it_starts_on_demand_and_ends_when_told() -> None:
    process = DecodingProcess(MEMORY_BYTES, patience_sec=PATIENCE_SEC)
    assert process.pid is None
    decode(process)
    pid = pid_of(process)
    assert psutil.Process(pid).is_running()

    process.end()

    assert not psutil.pid_exists(pid)
    process.end()


def test_one_process_decodes_all_files(process: DecodingProcess) -> None:
    pids, formats = set(), []
    for name in ("png", "mp4", "webp"):
        with opened(media_corpus.good(name)) as file:
            formats.append(process.decode(file.fileno()).format)
        pids.add(pid_of(process))

    assert formats == ["PNG", "MP4", "WEBP"]
    assert len(pids) == 1


def test_a_file_is_read_from_its_beginning_wherever_it_stands(process: DecodingProcess) -> None:
    with opened(media_corpus.good("mp4")) as file:
        file.seek(0, os.SEEK_END)
        assert process.decode(file.fileno()).checked


def test_it_starts_anew_after_its_end(process: DecodingProcess) -> None:
    decode(process)
    first = pid_of(process)
    process.end()
    decode(process)

    assert pid_of(process) != first


def test_a_program_that_ends_at_once_is_no_decoder(
    process: DecodingProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in(tmp_path, monkeypatch, "raise SystemExit(3)")

    with pytest.raises(Undecodable, match=r"^the decoding process does not start: .* with exit code 3$"):
        decode(process)
    assert process.pid is None


def test_a_program_that_never_is_ready_is_no_decoder(
    process: DecodingProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process_module, "_START_SEC", 0.2)
    stand_in(tmp_path, monkeypatch, "import time; time.sleep(60)")

    with pytest.raises(
        Undecodable, match=r"^the decoding process does not start: not decoded within 0\.2 s$"
    ):
        decode(process)
    assert process.pid is None


@pytest.mark.parametrize(
    ("script", "problem"),
    [
        ("raise SystemExit(3)", "the decoder ended over it, with exit code 3"),
        ("os.kill(os.getpid(), 11)", "the decoder crashed over it: SIGSEGV"),
        ("parent.sendall(b'nonsense\\n')\n    time.sleep(60)", "the decoder went wrong over it"),
        ('parent.sendall(b\'{"kind": "film"}\\n\')\n    time.sleep(60)', "the decoder went wrong over it"),
        (
            'parent.sendall(b\'{"kind": "image", "checked": true, "problem": "x"}\\n\')\n    time.sleep(60)',
            "the decoder went wrong over it",
        ),
        ("parent.sendall(b'x' * 200_000)\n    time.sleep(60)", "not decoded within 60 s"),
    ],
    ids=["exit", "crash", "nonsense", "unknown kind", "contradiction", "endless line"],
)
def test_a_decoder_that_misbehaves_is_the_files_problem_and_is_ended(
    process: DecodingProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, problem: str
) -> None:
    stand_in(tmp_path, monkeypatch, f"{READ_REQUEST}    {script}")
    began = time.monotonic()

    with pytest.raises(Unusable) as caught:
        decode(process)

    assert str(caught.value) == problem
    assert process.pid is None
    assert time.monotonic() - began < PATIENCE_SEC


def test_a_decoder_that_closes_its_connection_and_stays_is_ended(
    process: DecodingProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process_module, "_END_SEC", 0.2)
    stand_in(tmp_path, monkeypatch, f"{READ_REQUEST}    parent.close()\n    time.sleep(60)")

    with pytest.raises(Unusable, match=r"^the decoder closed its connection$"):
        decode(process)
    assert process.pid is None


def test_patience_ends_for_a_decoder_that_answers_bit_by_bit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in(
        tmp_path,
        monkeypatch,
        f"{READ_REQUEST}    while True:\n        parent.sendall(b'x')\n        time.sleep(0.02)",
    )
    process = DecodingProcess(MEMORY_BYTES, patience_sec=0.3)

    with pytest.raises(Unusable, match=r"^not decoded within 0\.3 s$"):
        decode(process)
    assert process.pid is None


def test_an_interrupted_parent_ends_the_decoder_whose_answer_it_will_not_read(
    process: DecodingProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    decode(process)
    pid = pid_of(process)

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(DecodingProcess, "_line", interrupt)
    with pytest.raises(KeyboardInterrupt):
        decode(process)

    assert process.pid is None
    assert not psutil.pid_exists(pid)


@contextmanager
def killed_over_each_file(process: DecodingProcess, times: int) -> Iterator[None]:
    """Kill the decoding process as soon as it has been given a file, that many times, before it can answer."""
    killed: list[int] = []

    def send_and_kill(connection: socket.socket, data: list[bytes], descriptors: list[int]) -> None:
        decoder = psutil.Process(pid_of(process))
        if len(killed) < times:
            decoder.suspend()
        SEND_FDS(connection, data, descriptors)
        if len(killed) < times:
            decoder.kill()
            killed.append(decoder.pid)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "send_fds", send_and_kill)
        yield


def test_a_file_over_which_the_decoder_is_killed_once_is_given_to_another_one(
    process: DecodingProcess,
) -> None:
    with killed_over_each_file(process, 1), opened(media_corpus.good("png")) as file:
        assert process.decode(file.fileno()).checked


def test_a_file_over_which_the_decoder_is_killed_twice_is_at_fault(process: DecodingProcess) -> None:
    with (
        killed_over_each_file(process, 2),
        pytest.raises(Unusable, match=r"^the decoder crashed over it: SIGKILL$"),
    ):
        decode(process)
    assert decode(process)


@pytest.mark.parametrize("name", ["SIGIO", "SIGALRM"])
def test_a_decoder_that_ended_itself_says_nothing_of_the_file(
    process: DecodingProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    stand_in(tmp_path, monkeypatch, f"{READ_REQUEST}    import signal; os.kill(os.getpid(), signal.{name})")

    with pytest.raises(Undecodable, match=rf"^the decoder ended itself: {name}$"):
        decode(process)
    assert process.pid is None
