"""Who runs an endpoint's timed calls, and keeps their times: pytest-benchmark, or nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pytest_modal_bench.call.request import Request
    from pytest_modal_bench.model import Start


class Recorder(Protocol):
    """Who runs the timed calls of one endpoint, such as pytest-benchmark."""

    def run(
        self, start: Start, call: Callable[[Request], None], prepare: Callable[[], Request], rounds: int
    ) -> None:
        """Call `call(prepare())` `rounds` times, meant as `start`; only `call` is timed."""

    def add(self, start: Start, seconds: Sequence[float]) -> None:
        """Keep calls that were timed elsewhere."""

    def records(
        self, extra_info: Callable[[Start], dict[str, Any]], kept: Callable[[Start], Sequence[bool]]
    ) -> list[dict[str, Any]]:
        """What was kept, as built-in types, with `extra_info` of each record's start.

        `kept` says of each call that was meant as a start, in their order, whether it counts.
        """


class PlainRecorder:
    """Runs the calls and keeps nothing: the samples have their own times."""

    def run(
        self, start: Start, call: Callable[[Request], None], prepare: Callable[[], Request], rounds: int
    ) -> None:
        """See `Recorder.run`."""
        del start
        for _ in range(rounds):
            call(prepare())

    def add(self, start: Start, seconds: Sequence[float]) -> None:
        """See `Recorder.add`."""

    def records(
        self, extra_info: Callable[[Start], dict[str, Any]], kept: Callable[[Start], Sequence[bool]]
    ) -> list[dict[str, Any]]:
        """See `Recorder.records`."""
        del extra_info, kept
        return []
