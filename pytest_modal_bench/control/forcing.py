"""Forces cold starts: scales a function to zero as often as it is asked, and puts its settings back in every case."""

from __future__ import annotations

import time
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pytest_modal_bench.control.interface import Autoscaler, ControlError
from pytest_modal_bench.safety.signals import deferred_signals

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_modal_bench.control.interface import ControlPlane, Function
    from pytest_modal_bench.control.journal import Entry, Journal

LEAST_WINDOW = 2
"""The shortest `scaledown_window` that Modal takes, in seconds."""

_ASKS = 2
"""How often the count must be zero in a row to be believed."""


class Forced:
    """A function that keeps no container of its own accord."""

    def __init__(self, function: Function, window: int | None, patience_sec: float, poll_sec: float) -> None:
        self._function = function
        self._window = window
        self._patience_sec = patience_sec
        self._poll_sec = poll_sec

    def zero(self) -> None:
        """End all containers, and return when there are none; `ControlError` if that is not to be had in time.

        The app's other functions keep theirs. So where there are others, a container of which no record says that it is
        this function's ends by itself, once it has been idle for the least window.
        """
        self._function.set_autoscaler(Autoscaler(scaledown_window=LEAST_WINDOW))
        self._end_containers()
        # The container that the next call starts is to live through the warm calls that follow.
        self._function.set_autoscaler(Autoscaler(scaledown_window=self._window))
        if again := self._function.count():
            raise ControlError(
                f"{_containers(again)} of {_named(self._function)} came up again at once: somebody else calls it"
            )

    def _end_containers(self) -> None:
        since = datetime.now(UTC)
        deadline = time.monotonic() + self._patience_sec
        stopped: set[str] = set()
        refusals: list[ControlError] = []
        zeros = 0
        while True:
            left = self._function.count()
            zeros = 0 if left else zeros + 1
            if zeros == _ASKS:
                return
            if left:
                # Again and again: one that was booting is listed late.
                for container in sorted(self._function.own_containers() - stopped):
                    stopped.add(container)
                    try:
                        self._function.stop(container)
                    except ControlError as error:
                        refusals.append(error)
            # A zero that came at the last moment gets its second look.
            if left and time.monotonic() >= deadline:
                break
            time.sleep(self._poll_sec)
        told = (
            "all were told to end"
            if stopped
            else f"the window was {LEAST_WINDOW} s; none is known to be its own"
        )
        refused = f"; {len(refusals)} could not be stopped: {refusals[0]}" if refusals else ""
        raise ControlError(
            f"{_containers(left)} of {_named(self._function)} left {self._patience_sec:g} s after {told} "
            f"(since {since:%H:%M:%S} UTC){refused}"
        )


@contextmanager
def forced(
    plane: ControlPlane, function: Function, journal: Journal, *, patience_sec: float, poll_sec: float
) -> Iterator[Forced]:
    """Have a function keep no containers until the end, then put its settings back, which the journal holds till then.

    `patience_sec` is how long `zero()` waits for containers to end, asking every `poll_sec`. If the settings can't be
    put back, the journal keeps them, and a `ControlError` says so, or a note at the exception that is on its way.
    """
    before = function.autoscaler()
    with ExitStack() as stack:
        entry = None
        try:
            # An interrupt meanwhile would leave an entry of which nobody knows.
            with deferred_signals():
                entry = stack.enter_context(
                    journal.open(
                        server_url=plane.server_url,
                        environment=plane.environment,
                        app=function.app,
                        function=function.name,
                        before=before,
                    )
                )
            before = entry.change.before
            # The window too: a run that was killed may have left it at its least.
            function.set_autoscaler(
                Autoscaler(min_containers=0, buffer_containers=0, scaledown_window=before.scaledown_window)
            )
            yield Forced(function, before.scaledown_window, patience_sec, poll_sec)
        except BaseException as error:
            if entry is not None:
                try:
                    _put_back(function, entry)
                except ControlError as trouble:
                    error.add_note(str(trouble))
            raise
        _put_back(function, entry)


def _put_back(function: Function, entry: Entry) -> None:
    before = entry.change.before
    with deferred_signals():
        try:
            function.set_autoscaler(before)
            now = function.autoscaler()
        except ControlError as error:
            raise _not_put_back(function, str(error)) from None
        if now != before:
            raise _not_put_back(function, f"it is {_shown(now)} instead of {_shown(before)}")
        entry.remove()


def _not_put_back(function: Function, why: str) -> ControlError:
    return ControlError(
        f"the autoscaler of {_named(function)} could not be put back, the next run will try again: {why}"
    )


def _named(function: Function) -> str:
    """A function as Modal's commands write it."""
    return f"{function.app}/{function.name}"


def _containers(count: int) -> str:
    return f"{count} container{'s' if count != 1 else ''}"


def _shown(settings: Autoscaler) -> str:
    return ", ".join(f"{name} {getattr(settings, name)}" for name in settings.__struct_fields__)
