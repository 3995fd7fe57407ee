"""A program in a terminal of its own, and what a person sees there."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import threading
from contextlib import suppress
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self

import psutil
import pyte
from pytest_process import MAIN, PATIENCE_SEC, until

if TYPE_CHECKING:
    import signal
    from collections.abc import Mapping
    from pathlib import Path


# So that Ctrl-C comes as a signal.
_IN_FRONT = "import fcntl, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0)"


class Screen:
    """A terminal's screen with what has scrolled off it, made of what a program writes."""

    def __init__(self, columns: int, lines: int = 40) -> None:
        self._screen: Any = pyte.HistoryScreen(columns, lines, history=10_000, ratio=0.1)
        self._stream: Any = pyte.ByteStream(self._screen)
        self._lock = threading.Lock()

    def feed(self, data: bytes) -> None:
        with self._lock:
            self._stream.feed(data)

    @property
    def text(self) -> str:
        """All that there is to see, by scrolling up, without the blanks at the ends of lines."""
        with self._lock:
            columns = self._screen.columns
            history = [
                "".join(line[number].data for number in range(columns)) for line in self._screen.history.top
            ]
            return "\n".join(line.rstrip() for line in [*history, *self._screen.display]).rstrip()


class TerminalProcess:
    """A pytest in a terminal of so many columns. `with` leaves no process behind."""

    def __init__(
        self, directory: Path, *args: str, columns: int, environ: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        self.screen = Screen(columns)
        self.written = b""
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
        # As on a person's machine.
        usual = {
            name: value for name, value in os.environ.items() if name not in ("CI", "BUILD_NUMBER", "COLUMNS")
        }
        self._process = subprocess.Popen(
            [sys.executable, "-c", f"{_IN_FRONT}; {MAIN}", "--basetemp=basetemp", *args],
            cwd=directory,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            env={**usual, "TERM": "xterm-256color", **environ},
        )
        os.close(slave)
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        found = []
        with suppress(psutil.NoSuchProcess):
            found = psutil.Process(self._process.pid).children(recursive=True)
        self._process.kill()
        self._process.wait()
        for process in found:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self._reader.join()
        os.close(self._master)

    def _read(self) -> None:
        # Once nobody has it open, reading fails.
        with suppress(OSError):
            while data := os.read(self._master, 65536):
                self.written += data
                self.screen.feed(data)

    def until_shown(self, *patterns: str) -> str:
        """Wait until all of the regular expressions are found on the screen at once; the screen."""
        said = f"{patterns} on the screen"

        def found() -> str | None:
            text = self.screen.text
            return text if all(re.search(each, text, re.MULTILINE) for each in patterns) else None

        try:
            return until(said, found)  # type: ignore[no-any-return]
        except AssertionError:
            raise AssertionError(f"never: {said}\n{self.screen.text}") from None

    def type(self, keys: bytes) -> None:
        os.write(self._master, keys)

    def workers(self) -> list[psutil.Process]:
        """Its xdist workers."""
        children = psutil.Process(self._process.pid).children()
        return [each for each in children if "import sys;exec(eval" in " ".join(each.cmdline())]

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def wait(self) -> int:
        """Wait until it has ended, and all that it wrote is on the screen; its exit code."""
        code = self._process.wait(PATIENCE_SEC)
        self._reader.join(PATIENCE_SEC)
        return code
