"""What processes tell each other of loads in the directory that they share, where no test's report can say it."""

from __future__ import annotations

import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import msgspec

from pytest_modal_bench.model import Check, Load

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

UNDER_LOAD = "under load"
"""The unit of work that all loads are: in one process, one after the other."""
_MAY_BEGIN = "loads-may-begin"
_GOES_ON = "a-load-goes-on"
_CUT_OFF = "loads-cut-off"
_LOOK_SEC = 0.05
_PATIENCE_SEC = 15.0
"""How long an interrupted load may take to end its processes and sum up its calls."""


class CutOff(msgspec.Struct, frozen=True):
    """What there is of an endpoint's load that was interrupted."""

    endpoint: str
    load: Load
    checks: list[Check]


def let_begin(shared: Path) -> None:
    """Let loads begin, which may wait in another process."""
    shared.mkdir(mode=0o700, exist_ok=True)
    (shared / _MAY_BEGIN).touch()


def wait_to_begin(shared: Path) -> None:
    """Wait until no endpoint is called one by one any more, in any process."""
    while not (shared / _MAY_BEGIN).exists():
        time.sleep(_LOOK_SEC)


@contextmanager
def going_on(shared: Path) -> Iterator[None]:
    """Have others know that a load goes on."""
    mark = shared / _GOES_ON
    mark.touch()
    try:
        yield
    finally:
        with suppress(FileNotFoundError):
            mark.unlink()


def keep_cut_off(shared: Path, loads: Sequence[CutOff]) -> None:
    """Keep what an interrupt has left: pytest makes no report of its test."""
    (shared / _CUT_OFF).write_bytes(msgspec.json.encode(loads))


def cut_off(shared: Path) -> list[CutOff]:
    """Return what was kept of loads that were interrupted, once none goes on any more."""
    deadline = time.monotonic() + _PATIENCE_SEC
    while (shared / _GOES_ON).exists() and time.monotonic() < deadline:
        time.sleep(_LOOK_SEC)
    try:
        return msgspec.json.decode((shared / _CUT_OFF).read_bytes(), type=list[CutOff])
    except FileNotFoundError:
        return []
