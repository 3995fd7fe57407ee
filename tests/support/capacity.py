"""A local workspace with an app of known capacity, and calls of it all at once or to a schedule."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import requests
from workspace_log import WorkspaceLog

from pytest_modal_bench.local.launch import LocalWorkspace, launch

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

APP, CATALOGUE_PATH = "embed", "/"
"""An app of the catalogue `shapes` whose answers cost next to nothing to make."""
BODY = {"input": "a lake"}
HEAD = """
summary = "an app of known capacity"
middleware = true
[resources]
image = true
video = true
mask = true
lora = true
"""


def scenario(folder: Path, settings: str, *, limits: str = "", app: str = APP) -> Path:
    """Write a scenario in which an app has these settings, lines of TOML; and the edge these limits."""
    path = folder / "capacity.toml"
    path.write_text(f"{HEAD}\n[limits]\n{limits}\n[apps.{app}]\n{settings}\n")
    return path


@dataclass(frozen=True)
class Call:
    """One call as its client saw it; moments as in the log."""

    began: float
    ended: float
    status: int
    text: str
    id: str | None


@dataclass(frozen=True)
class Served:
    """The running workspace, and its log."""

    workspace: LocalWorkspace
    log_file: Path
    app: str = APP

    def log(self) -> WorkspaceLog:
        return WorkspaceLog.read(self.log_file, self.app)

    def call(self, at: float = 0.0) -> Call:
        """Call once, not before that moment."""
        time.sleep(max(0.0, at - time.monotonic()))
        began = time.monotonic()
        answer = requests.post(self.workspace.urls[self.app] + CATALOGUE_PATH, json=BODY, timeout=60)
        ended = time.monotonic()
        return Call(
            began, ended, answer.status_code, answer.text, answer.headers.get("modal-function-call-id")
        )

    def call_at(self, moments: Sequence[float]) -> list[Call]:
        """Call at each of these moments, whether or not the calls before have ended."""
        with ThreadPoolExecutor(len(moments)) as threads:
            return list(threads.map(self.call, moments))


@contextmanager
def serving(
    folder: Path, settings: str, *, time_scale: float = 1.0, limits: str = "", **options: Any
) -> Iterator[Served]:
    """Serve the catalogue `shapes`, in which one app has these settings."""
    log = folder / "workspace.log"
    path = scenario(folder, settings, limits=limits)
    with launch(str(path), time_scale, catalogue="shapes", log=log, **options) as workspace:
        yield Served(workspace, log)
