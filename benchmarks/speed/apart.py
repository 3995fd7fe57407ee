"""Runs a command by way of a small process in between, and tells what the command took.

On Linux a process that is started inherits the peak memory of the process that starts it: `exec` keeps the greatest
resident set so far (`exec_mmap` in the kernel's fs/exec.c). These programs draw plots and hold reports; the peaks of
what they measure would be at least their own. A fork begins at 0 again, so what the small process starts has at least
the small one's, of about 10 MiB.

    python -S apart.py FILE COMMAND...      writes [seconds, seconds of CPU, peak MiB] into FILE
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence


class Usage(NamedTuple):
    """What a command took."""

    seconds: float
    cpu_sec: float
    peak_mib: float


def apart(command: Sequence[str], usage: str | Path = os.devnull) -> list[str]:
    """Return the command line that runs `command`, and writes what it took into `usage`."""
    return [sys.executable, "-S", __file__, str(usage), *command]


def read(usage: Path) -> Usage:
    """Return what the command took, once it has ended."""
    return Usage(*json.loads(usage.read_text()))


def peak_mib(of: resource.struct_rusage) -> float:
    """Return the greatest resident set, which Linux counts in KiB and macOS in bytes."""
    return of.ru_maxrss / (1024 if sys.platform != "darwin" else 1 << 20)


def _run(file: Path, command: Sequence[str]) -> int:
    began = time.perf_counter()
    code = subprocess.call(command)  # noqa: S603 - what it was given
    seconds = time.perf_counter() - began
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    file.write_text(json.dumps(Usage(seconds, used.ru_utime + used.ru_stime, peak_mib(used))))
    return code


if __name__ == "__main__":
    sys.exit(_run(Path(sys.argv[1]), sys.argv[2:]))
