"""The parent's end of the decoding process: starts it, asks it, and tells how it was lost."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from io import FileIO

import msgspec

from pytest_modal_bench.answers.decoding.findings import Findings, Undecodable, Unusable
from pytest_modal_bench.answers.previews.limits import ANSWER_BYTES

_START_SEC = 60.0
_END_SEC = 5.0
# How much longer than the parent's patience the process may live on its own clock.
_GRACE_SEC = 5.0
_LONGEST_ANSWER = ANSWER_BYTES * 4 // 3 + 16_384
"""Bytes of a line: a preview's frames in base64, and all else that is found."""
_PLAIN, _WITH_PREVIEW = b"+", b"p"
# What Python needs to find itself and its packages. Whatever else there is, secrets are among it.
_KEPT_ENVIRONMENT = ("PYTHONHOME", "PYTHONPATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")


_OWN_WATCH = frozenset({signal.SIGIO, signal.SIGALRM})
"""What the process ends itself with when its parent is gone, or when its own clock has run out."""


class _Lost(Exception):
    """The process is no more, or does not make sense any more; the message says why."""


class _Late(_Lost):
    """It has not answered in time."""


class _EndedItself(_Lost):
    """Its own watch ended it, which says nothing of the file."""


class DecodingProcess:
    """A process that decodes one file at a time, started on demand."""

    def __init__(self, memory_bytes: int, patience_sec: float) -> None:
        self._memory_bytes = memory_bytes
        self._patience_sec = patience_sec
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: socket.socket | None = None
        self._lifeline: FileIO | None = None
        """A pipe that nothing is ever written to: the process ends when it is closed."""

    @property
    def pid(self) -> int | None:
        """Its id; None: it does not run."""
        return self._process.pid if self._process is not None else None

    def decode(self, descriptor: int, *, preview: bool = False) -> Findings:
        """What the file is that `descriptor` is open for, which must not be empty.

        A process that is lost over the file may be lost by chance, so that the file is given to a second one. Raises
        Unusable if that is lost as well, or if it takes too long; Undecodable if no process starts or stays.
        """
        order = _WITH_PREVIEW if preview else _PLAIN
        try:
            return self._ask(descriptor, order)
        except _Late as error:
            raise Unusable(str(error)) from None
        except _Lost:
            pass
        try:
            return self._ask(descriptor, order)
        except _EndedItself as error:
            raise Undecodable(str(error)) from None
        except _Lost as error:
            raise Unusable(str(error)) from None

    def _ask(self, descriptor: int, order: bytes) -> Findings:
        """What the process answers. Raises _Lost if it does not; it is then ended."""
        connection = self._ready()
        try:
            try:
                socket.send_fds(connection, [order], [descriptor])
            except OSError:  # it died since the last answer, of which this file is not guilty
                self.end()
                connection = self._ready()
                socket.send_fds(connection, [order], [descriptor])
            line = self._line(connection, self._patience_sec)
            return msgspec.json.decode(line, type=Findings)
        except OSError as error:
            self.end()
            raise _Lost(str(error)) from None
        except msgspec.DecodeError:
            self.end()
            raise _Lost("the decoder went wrong over it") from None
        except BaseException:
            self.end()  # or its late answer would be taken for the next one's
            raise

    def end(self) -> None:
        """Kill it, if it runs: it has nothing to lose."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None
        if self._lifeline is not None:
            self._lifeline.close()
            self._lifeline = None

    def _ready(self) -> socket.socket:
        if self._process is not None and self._process.poll() is not None:
            self.end()
        if self._connection is None:
            self._connection = self._start()
            try:
                self._line(self._connection, _START_SEC)
            except (_Lost, OSError) as error:
                self.end()
                raise Undecodable(f"the decoding process does not start: {error}") from None
            except BaseException:
                self.end()
                raise
        return self._connection

    def _start(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        reading, writing = os.pipe()
        self._lifeline = FileIO(writing, "wb")
        try:
            self._process = subprocess.Popen(  # noqa: S603 - this package's own module, no shell
                [
                    *(sys.executable, "-P", "-m", "pytest_modal_bench.answers.decoding.worker"),
                    *(str(self._memory_bytes), repr(self._patience_sec + _GRACE_SEC), str(reading)),
                ],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={name: os.environ[name] for name in _KEPT_ENVIRONMENT if name in os.environ},
                pass_fds=(reading,),
                start_new_session=True,
            )
        except BaseException:
            ours.close()
            self.end()
            raise
        finally:
            theirs.close()
            os.close(reading)
        return ours

    def _line(self, connection: socket.socket, patience_sec: float) -> bytes:
        """The next line that comes within `patience_sec` seconds. Raises _Lost if none does."""
        deadline = time.monotonic() + patience_sec
        line = b""
        while not line.endswith(b"\n"):
            left_sec = deadline - time.monotonic()
            # Whoever was stopped meanwhile finds the deadline passed, and the answer there.
            connection.settimeout(max(left_sec, 0.0))
            try:
                received = connection.recv(_LONGEST_ANSWER)
            except (TimeoutError, BlockingIOError):
                received = None
            except ConnectionError:
                received = b""
            if received == b"":
                raise self._death()
            line += received or b""
            if not line.endswith(b"\n") and (left_sec <= 0 or len(line) > _LONGEST_ANSWER):
                raise _Late(f"not decoded within {patience_sec:g} s")
        return line

    def _death(self) -> _Lost:
        """Why the process ended."""
        assert self._process is not None  # noqa: S101 - its end was just read
        try:
            code = self._process.wait(_END_SEC)
        except subprocess.TimeoutExpired:
            return _Lost("the decoder closed its connection")
        if code >= 0:
            return _Lost(f"the decoder ended over it, with exit code {code}")
        # The real-time signals have no names.
        name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
        if -code in _OWN_WATCH:
            return _EndedItself(f"the decoder ended itself: {name}")
        return _Lost(f"the decoder crashed over it: {name}")
