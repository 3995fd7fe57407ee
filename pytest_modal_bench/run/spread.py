"""Which calls an endpoint gets that is called in turn with its base: where its containers may be ended, in several."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from pytest_modal_bench.control.interface import ControlError
from pytest_modal_bench.protocol.plan import Step, plan

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from pytest_modal_bench.protocol.measurement import Measurement
    from pytest_modal_bench.protocol.plan import Turns
    from pytest_modal_bench.run.settings import Settings


def containers(settings: Settings) -> int:
    """In how many containers an endpoint is called beside its base: all calls of one share its host."""
    return settings.cold_rounds if settings.against is not None and settings.cold == "force" else 1


def warm_calls(settings: Settings) -> int:
    """How many warm calls it gets: one a container, at least."""
    return max(settings.rounds, containers(settings))


def turns(
    measurement: Measurement,
    settings: Settings,
    *,
    cold_rounds: int,
    answered: bool,
    forced: Callable[[], AbstractContextManager[Callable[[], None]]],
) -> Turns[None]:
    """Make an endpoint's calls one at a time: in each container its first one, then its share of the warm ones.

    `cold_rounds`: cold starts that it gets. `answered`: it has been called before. Within `forced` its containers can
    be ended, as with `Observer.forced`, and its autoscaler is as it was before the next call is announced.
    """
    rounds, number = warm_calls(settings), containers(settings)
    if settings.cold != "force":
        yield from measurement.turns(plan(cold_rounds=cold_rounds, answered=answered, rounds=rounds))
        return
    for container in range(number):
        # One that is to get no cold starts meets as many new containers, with a call that stands in no figure.
        start = (
            Step("cold", container + 1, number, container) if cold_rounds else Step("first", 1, 1, container)
        )
        if measurement.kept("cold") < start.rounds or not cold_rounds:
            pair = yield start
            with forced() as scale_to_zero:
                if not cold_rounds:
                    with suppress(ControlError):  # then the evidence says that its containers are not new
                        scale_to_zero()
                measurement.make([start], scale_to_zero=scale_to_zero, pair=pair)
        is_last = container + 1 == number or measurement.cold_inconclusive is not None
        share = rounds if is_last else -(-rounds * (container + 1) // number)
        yield from measurement.turns([Step("warm", share, rounds, container)])
        if is_last or measurement.ended or measurement.warm_inconclusive is not None:
            return
