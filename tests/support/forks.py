"""How a process that has imported much is asked to fork, and become a program that needs it; and what becomes of it.

A request is one datagram: the program's name, and descriptors of a file with all else, of a socket for what becomes of
it, and of the files that it is to have. Whoever waits for the new process is a process in between.
"""

from __future__ import annotations

import atexit
import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import traceback
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MOST_DESCRIPTORS = 16
_ABOVE = 200
"""Where descriptors are kept that no program asks for by number."""
# Some programs have these replaced, by what must not run where there are no greenlets.
_fork, _waitpid = os.fork, os.waitpid


def ask(  # noqa: PLR0913 - what a process is started with
    server: socket.socket,
    program: str,
    argv: Sequence[str],
    *,
    env: Mapping[str, str],
    cwd: str,
    files: Mapping[int, int],
    session: bool = False,
) -> Fork:
    """Have a process begin that has `files`: its own number of each, and this process's.

    With `session`, it leads a session of its own.
    """
    ours, theirs = socket.socketpair()
    request = {"argv": [*argv], "env": {**env}, "cwd": cwd, "numbers": [*files], "session": session}
    with tempfile.TemporaryFile() as file, theirs:
        file.write(json.dumps(request).encode())
        file.flush()
        socket.send_fds(server, [program.encode()], [file.fileno(), theirs.fileno(), *files.values()])
    return Fork(ours)


class Fork:
    """One process: what `subprocess.Popen` is to pytester."""

    stdin = None

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self.pid = int.from_bytes(_exactly(channel, 4))
        self.returncode: int | None = None

    def status(self, timeout: float | None) -> int | None:
        """Return how it ended, as `os.waitpid` has it; None: it has not, for so many seconds."""
        self._channel.settimeout(timeout)
        try:
            return int.from_bytes(_exactly(self._channel, 4))
        except (TimeoutError, BlockingIOError):
            return None

    def wait(self, timeout: float | None = None) -> int:
        """Return how it ended; raises TimeoutExpired."""
        if self.returncode is None:
            status = self.status(timeout)
            if status is None:
                raise subprocess.TimeoutExpired("pytest", timeout or 0.0)
            self.returncode = os.waitstatus_to_exitcode(status)
            self.close()
        return self.returncode

    def close(self) -> None:
        """Ask no more."""
        self._channel.close()

    def kill(self) -> None:
        """End it."""
        os.kill(self.pid, signal.SIGKILL)


def _exactly(channel: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        piece = channel.recv(size - len(data))
        if not piece:
            raise EOFError("the prepared process has ended")
        data += piece
    return data


def received(server: socket.socket) -> tuple[str, list[int]]:
    """Receive a request: a program's name, and the descriptors that `fork` takes."""
    name, descriptors, _, _ = socket.recv_fds(server, 256, MOST_DESCRIPTORS)
    return name.decode(), descriptors


def fork(descriptors: list[int], keep: Sequence[int] = ()) -> dict[str, Any] | None:
    """Fork as asked. Returns None where it is called, and the request in the new process, which may `keep` files."""
    if _fork():
        close(descriptors)
        with suppress(ChildProcessError):
            while _waitpid(-1, os.WNOHANG)[0]:
                pass
        return None
    request, answer, *files = descriptors
    pid = _fork()
    if pid:
        close([request, *files, *keep])
        _, status = _waitpid(pid, 0)
        with suppress(BrokenPipeError):  # nobody waits for it any more
            os.write(answer, status.to_bytes(4))
        os._exit(0)
    return _become(request, answer, files, keep)


def close(descriptors: Sequence[int]) -> None:
    """Close them."""
    for each in descriptors:
        os.close(each)


def _become(request: int, answer: int, files: list[int], keep: Sequence[int]) -> dict[str, Any]:
    asked: dict[str, Any] = json.loads(os.pread(request, os.fstat(request).st_size, 0))
    high = [fcntl.fcntl(each, fcntl.F_DUPFD, _ABOVE) for each in (answer, *files)]
    answer, *files = high
    for number, file in zip(asked["numbers"], files, strict=True):
        os.dup2(file, number)
    needed = {*asked["numbers"], answer, *keep}
    for number in [int(each.name) for each in Path("/dev/fd").iterdir()]:
        if number not in needed:
            with suppress(OSError):  # the one that the list was read by
                os.close(number)
    if asked["session"]:
        os.setsid()
    os.environ.clear()
    os.environ.update(asked["env"])
    os.chdir(asked["cwd"])
    os.write(answer, os.getpid().to_bytes(4))
    os.close(answer)
    return asked


def end(code: int) -> NoReturn:
    """Do what an interpreter does at its end."""
    threading._shutdown()  # type: ignore[attr-defined] # noqa: SLF001 - waits for threads that are no daemons
    atexit._run_exitfuncs()  # noqa: SLF001
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):
            stream.flush()
    os._exit(code)


def run_and_end(main: Any) -> NoReturn:
    """Do as an interpreter does with a program."""
    code = 0
    try:
        main()
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else int(error.code is not None)
        if not isinstance(error.code, int | None):
            sys.stderr.write(f"{error.code}\n")
    except BaseException:  # noqa: BLE001 - as an interpreter does
        traceback.print_exc()
        code = 1
    end(code)
