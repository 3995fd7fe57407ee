"""The processes of a load on this machine: started here, each ends when this one does, however that ends."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import tempfile
import threading
import time
from typing import TYPE_CHECKING, Self

from pytest_modal_bench.safety.text import inert

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

MISSING = "load needs the extra `load`: pip install 'pytest-modal-bench[load]'"
_END_SEC = 5.0
_LONGEST = 300


class MissingEngine(Exception):
    """Locust is not installed; the message is one line with the way out."""


def require_engine() -> None:
    """Raise MissingEngine where Locust is not installed. Imports nothing of it."""
    if importlib.util.find_spec("locust") is None:
        raise MissingEngine(MISSING)


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Child:
    """A process of the load. It ends when its standard input does; Ctrl-C in a terminal does not reach it."""

    def __init__(
        self, module: str, arguments: Sequence[str], listen: Callable[[bytes | None], None] | None = None
    ) -> None:
        """`listen` is told each line that it writes, in a thread, and None at the end."""
        # Locust reads its settings from variables, which are not meant for this.
        environ = {name: value for name, value in os.environ.items() if not name.startswith("LOCUST_")}
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        self._process = subprocess.Popen(  # noqa: S603 - this package's own module, no shell
            [sys.executable, "-P", "-m", f"pytest_modal_bench.load.engine.{module}", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL if listen is None else subprocess.PIPE,
            stderr=self._said,
            env=environ,
            start_new_session=True,
        )
        self.pid = self._process.pid
        self._listening: threading.Thread | None = None
        if listen is not None:
            self._listening = threading.Thread(target=self._read, args=(listen,), daemon=True)
            self._listening.start()

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._process.poll() is None

    def tell(self, data: bytes) -> None:
        """Write to its standard input. Where it is gone, that shows elsewhere."""
        assert self._process.stdin is not None  # noqa: S101 - it is a pipe
        try:
            self._process.stdin.write(data)
            self._process.stdin.flush()
        except (BrokenPipeError, ValueError):
            return

    def release(self) -> None:
        """Close its standard input, so that it ends."""
        assert self._process.stdin is not None  # noqa: S101 - it is a pipe
        try:
            self._process.stdin.close()
        except BrokenPipeError:
            return

    def interrupt(self) -> None:
        """Ask it to end, with what it still has to say."""
        self._process.terminate()

    def wait(self) -> int:
        """Wait for its end for a moment, and return its exit code; one that does not end is killed."""
        try:
            return self._process.wait(_END_SEC)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()

    def end(self, deadline: float) -> None:
        """Wait for its end until `deadline`, as `time.monotonic` has it; then kill it."""
        self.release()
        try:
            self._process.wait(max(deadline - time.monotonic(), 0.0))
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        finally:
            if self._listening is not None:
                self._listening.join(_END_SEC)
            self._said.close()

    def _read(self, listen: Callable[[bytes | None], None]) -> None:
        assert self._process.stdout is not None  # noqa: S101 - it is a pipe
        with self._process.stdout as lines:
            for line in lines:
                listen(line)
        listen(None)

    @property
    def last_words(self) -> str:
        """The last line that it wrote to standard error; empty: none."""
        self._said.seek(0, os.SEEK_END)
        self._said.seek(max(self._said.tell() - 2**16, 0))
        lines = self._said.read().decode(errors="replace").strip().splitlines()
        text = "".join(c for c in (lines[-1] if lines else "") if c.isprintable())
        return inert(text[:_LONGEST])


class Children:
    """Some of them; a context manager that ends them all."""

    def __init__(self) -> None:
        self.all: list[Child] = []

    def start(
        self, module: str, *arguments: str, listen: Callable[[bytes | None], None] | None = None
    ) -> Child:
        """Start one, as `Child` says."""
        child = Child(module, arguments, listen)
        self.all.append(child)
        return child

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End them, in spite of a second Ctrl-C."""
        try:
            for child in self.all:
                child.release()
            deadline = time.monotonic() + _END_SEC
            for child in self.all:
                child.end(deadline)
        except BaseException:
            for child in self.all:
                child.end(0.0)
            raise
