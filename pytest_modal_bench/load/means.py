"""What a load is made with, beside the endpoint and what is asked for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pytest_modal_bench.load.figures import MOST_CALLS
from pytest_modal_bench.protocol.progress import unwatched

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pytest_modal_bench.control.observer import Observer
    from pytest_modal_bench.model import Resource
    from pytest_modal_bench.protocol.progress import Watch
    from pytest_modal_bench.run.settings import Settings
    from pytest_modal_bench.run.spending import Spending

LOOPBACK = "127.0.0.1"


def _unheard(line: str) -> None:
    del line


@dataclass(frozen=True, kw_only=True)
class Means:
    """What it takes. `Measurer` has `settings`, `found`, `spending` and `observer`."""

    settings: Settings
    spending: Spending
    """Prices calls, and knows the limit on what they may cost."""
    resources: Mapping[str, Resource | str] = field(default_factory=dict)
    """Test resources by name; one that is missing is absent."""
    observer: Observer | None = None
    """Asks and tells Modal's control plane; None: there is none to ask."""
    watch: Watch = unwatched
    """Told how it goes on."""
    say: Callable[[str], None] = _unheard
    """Told, in lines for people, what begins: where other processes can connect, which one is gone."""
    seed: str | None = None
    """Of schedules, and of which endpoint is called next; the same one draws the same. None: another one each time."""
    keep: int = MOST_CALLS
    """How many calls of a step a report keeps; its figures are those of all."""
    host: str = LOOPBACK
    """Where processes that call connect: nobody but this machine, unless it is another address."""
    port: int = 0
    """0: any that is free."""
    processes: int | None = None
    """How many call from this machine; None: as many as it has cores."""
    remote: int = 0
    """How many are waited for that are started elsewhere, with `load-worker`."""
    remote_sec: float = 300.0
    """How long they are waited for."""
