"""Starts the local workspace in a process of its own, which ends with this one. This module needs no extra."""

from __future__ import annotations

import base64
import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Self

from pytest_modal_bench.local.control.address import ControlAccess
from pytest_modal_bench.local.workspace.catalogue import REFERENCE

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from pytest_modal_bench.local.workspace.catalogue import Name

STOP_SEC = 5.0
"""How long the workspace may take to stop before it is killed."""


class LaunchError(Exception):
    """The local workspace did not start; the message is one line."""


class LocalWorkspace:
    """A running local workspace; as a context manager, it is stopped at the end."""

    def __init__(self, process: subprocess.Popen[bytes], description: dict[str, Any]) -> None:
        self._process = process
        self.pid = process.pid
        self.workspace: str = description["workspace"]
        self.urls: dict[str, str] = description["urls"]
        """Base URL of each app."""
        self.environment: str = description["environment"]
        """Name of the one environment."""
        access = description["control"]
        self.control: ControlAccess | None = access and ControlAccess(**access)
        """How to reach the control plane; None: there is none."""
        self.resources: dict[str, bytes | None] = {
            name: None if data is None else base64.b64decode(data)
            for name, data in description["resources"].items()
        }
        """Test image, video, mask and voice; None: the scenario has none."""
        self.lora: bool = description["lora"]
        """Whether the LoRA `test-benchmark` exists."""
        self.simulated: str = description["simulated"]
        """What is simulated, in words."""

    def close(self) -> None:
        """Stop it and all its containers; if it is stopped already, do nothing."""
        stop(self._process)

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close it."""
        self.close()


def launch(  # noqa: PLR0913 - what there is to choose
    scenario: str,
    time_scale: float,
    *,
    catalogue: Name = REFERENCE,
    environment: str | None = None,
    control: bool = False,
    log: Path | None = None,
    ready_timeout: float = 60,
) -> LocalWorkspace:
    """Start the workspace of that catalogue and wait until it serves, at most `ready_timeout` seconds.

    With `control`, it has a control plane for the `modal` SDK and CLI, with one environment, named
    `environment`, or `main` if that is None. What happens to containers and calls is appended to the file `log`,
    if given.

    Raises `LaunchError` for an unknown or malformed scenario, a missing extra, or one that does not start.
    """
    command = [sys.executable, "-P", "-m", "pytest_modal_bench.local", "--json"]
    command += [f"--catalogue={catalogue}", f"--scenario={scenario}", f"--time-scale={time_scale!r}"]
    if environment is not None:
        command.append(f"--environment={environment}")
    if control:
        command.append("--control-plane")
    if log is not None:
        command.append(f"--log={log}")
    process = subprocess.Popen(  # noqa: S603 - this package's own module, no shell
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    output: deque[str] = deque(maxlen=20)
    ready: queue.Queue[dict[str, Any] | None] = queue.Queue()
    threading.Thread(target=_read_output, args=(process, output, ready), daemon=True).start()
    try:
        description = ready.get(timeout=ready_timeout)
    except queue.Empty:
        stop(process)
        raise LaunchError(f"the local workspace did not start within {ready_timeout:g} s") from None
    except BaseException:
        stop(process)
        raise
    if description is None:
        stop(process)
        last = output[-1] if output else f"it ended with exit code {process.returncode}"
        raise LaunchError(last)
    return LocalWorkspace(process, description)


def stop(process: subprocess.Popen[bytes]) -> None:
    """Close its standard input and wait; if it does not end, kill it and its containers."""
    assert process.stdin is not None  # noqa: S101 - it is a pipe
    with suppress(BrokenPipeError):
        process.stdin.close()
    try:
        process.wait(STOP_SEC)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _read_output(
    process: subprocess.Popen[bytes],
    output: deque[str],
    ready: queue.Queue[dict[str, Any] | None],
) -> None:
    """Read all that the workspace prints, so that it never blocks; its description goes to `ready`."""
    assert process.stdout is not None  # noqa: S101 - it is a pipe
    with process.stdout as lines:
        for line in lines:
            if line.startswith(b'{"workspace"'):
                ready.put(json.loads(line))
            else:
                output.append(line.decode(errors="replace").strip())
    ready.put(None)
