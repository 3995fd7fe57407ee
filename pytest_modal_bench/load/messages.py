"""What crosses between the run, the process that keeps the load, and those that call. Secrets don't: see `Task`."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from pytest_modal_bench.cost.prices import Rates
from pytest_modal_bench.load.schedule import Split
from pytest_modal_bench.load.spec import Step
from pytest_modal_bench.model import CostBasis, Endpoint, LoadCall, Resource

T = TypeVar("T")


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """An endpoint that is called. What its headers name of the environment, each process takes from its own."""

    endpoint: Endpoint
    weight: float
    deadline_sec: float
    """Of each call."""
    gpu: str | None
    """What the provider says that its containers ask for; None: not known."""


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """All that a process needs to call."""

    targets: tuple[Target, ...]
    resources: dict[str, Resource | str]
    held_after_sec: float
    time_scale: float
    simulated: bool
    """Whether seconds have no price."""
    rates: Rates
    seed: str
    """Of what is drawn: schedules, and which of several endpoints is called."""
    limited: bool
    """Whether there is a limit on what calls cost."""


class Record(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """A call as the process that made it knows it, with what helps to find out more."""

    call: LoadCall
    target: int
    """Index of the endpoint."""
    gpu: str | None = None
    """In the container's own word."""
    cost_basis: CostBasis | None = None
    bound_usd: float | None = None
    """What it counts as under a limit."""


class Prepare(msgspec.Struct, frozen=True, kw_only=True):
    """To a process that calls: a step is about to begin."""

    number: int
    step: Step
    split: Split


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """From it: calls that have ended."""

    number: int
    """Of the step."""
    calls: bytes
    """A line of JSON: a list of `Record`."""
    answered: int
    failed: int
    gone: int
    """Of the failed ones: those that met nobody, or that say that no call can succeed."""
    cut_off: int


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """From it: it has no call under way, and begins none any more."""

    number: int
    cpu_share: float
    """Of one core, that the process used in the step."""
    lag_sec: float
    """By how much it woke too late, at the most."""
    notes: tuple[str, ...] = ()
    """What is to be told of answers that is no failure."""


class Began(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """To the run: a step has begun."""

    number: int


class Ready(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Processes that call can connect."""

    host: str
    port: int
    engine: str
    """With its version."""


class Connected(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A process that calls has all it needs; or it lacks something."""

    generator: int
    problem: str | None = None


class Lost(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A process that calls is gone."""

    generator: int
    at_sec: float | None
    """Seconds since the present step began; None: none goes on."""
    left: int
    """How many there still are."""


class Progress(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """How a step goes on: calls so far."""

    number: int
    answered: int
    failed: int
    gone: int
    cut_off: int


class Ended(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A step has ended; its calls are in its file."""

    number: int
    generators: tuple[Done, ...]
    machine_share: float | None
    """How busy the machine was that the load is kept on, of all its cores."""
    spent_up: bool
    """Whether it ended at the limit on costs."""


class Trouble(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Why it can't go on."""

    text: str


Event = Began | Ready | Connected | Lost | Progress | Ended | Trouble
"""To the run, a line of JSON each."""


class Begin(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """From the run: make this step."""

    number: int
    step: Step


class Stop(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Begin no call any more, and cut off those under way."""


class Died(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A process on this machine has ended."""

    pid: int


Order = Begin | Stop | Died
"""From the run, a line of JSON each."""


def packed(message: msgspec.Struct) -> bytes:
    """Return a message as bytes."""
    return msgspec.msgpack.encode(message, enc_hook=str)


def unpacked(data: bytes, kind: type[T]) -> T:
    """Return the message in `data`."""
    return msgspec.msgpack.decode(data, type=kind)


def line(message: msgspec.Struct) -> bytes:
    """Return an event or an order as a line of JSON."""
    return msgspec.json.encode(message) + b"\n"
