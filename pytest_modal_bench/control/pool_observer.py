"""What can be asked about a pool's containers without waking it, whoever answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pytest_modal_bench.control.interface import CallRecord

ASKS = 2
"""How often the control plane says, before a call, that there is no container, before it is believed."""

RECORDS = 200
"""Records of a pool's last calls that are looked at."""


class Before(NamedTuple):
    """What the control plane said right before a call."""

    counts: tuple[int, ...]
    """How many containers the pool had, each time it was asked."""
    containers: frozenset[str]
    """The containers of the whole app."""


class PoolObserver(Protocol):
    """Whoever can be asked about a pool's containers. None: there is no answer."""

    def before(self) -> Before | None:
        """What there is now, right before a call."""

    def after(self) -> frozenset[str] | None:
        """The containers right after a call that are known to be the pool's own, by `Function.own_containers`."""

    def records(self, call_ids: Sequence[str], *, questions: int = 0) -> Mapping[str, CallRecord] | None:
        """The provider's records of the pool's last calls, by call id; those of `call_ids` are waited for a little.

        `questions` of these calls only asked for a job: so many more are looked at than `RECORDS`.
        """


class NoPoolObserver:
    """Where there is nobody to ask."""

    def before(self) -> None:
        """See `PoolObserver.before`."""

    def after(self) -> None:
        """See `PoolObserver.after`."""

    def records(self, call_ids: Sequence[str], *, questions: int = 0) -> None:
        """See `PoolObserver.records`."""
        del call_ids, questions
