"""The protocol: which calls an endpoint gets, in which order, and what they turned out to be."""

from __future__ import annotations

import random
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from msgspec import structs

from pytest_modal_bench.call.causes import hits_pool
from pytest_modal_bench.call.request import Request, build
from pytest_modal_bench.middleware import GPU
from pytest_modal_bench.model import Sample, Start
from pytest_modal_bench.protocol.evidence import (
    NEW_CONTAINER,
    Before,
    NoWitness,
    PoolState,
    Witness,
    against_cold,
    against_warm,
    identifier,
    is_new,
    number,
    proof_of_cold,
    told,
    with_record,
)
from pytest_modal_bench.safety.text import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    from pytest_modal_bench.answers.judging import Judge
    from pytest_modal_bench.call.client import Answer, Client
    from pytest_modal_bench.control.interface import CallRecord
    from pytest_modal_bench.cost.pricing import Pricing
    from pytest_modal_bench.model import Endpoint, Resource
    from pytest_modal_bench.protocol.recording import Recorder

RETAKES = 2
"""How many more tries a sample gets that evidence speaks against."""

_REFUSED = 2
"""After how many refusals in a row a pool is taken not to scale to zero: each may have taken a minute."""

# Not the global generator: whoever seeds that one would make every run send the same seeds, and so measure caches.
_seeds = random.SystemRandom()
_LARGEST_SEED = 2**31 - 1


class CallFailed(Exception):
    """A call failed; its message is the sample's error. Ends the endpoint's measurement."""


@dataclass(frozen=True)
class Step:
    """`rounds` calls that share a start."""

    start: Start
    rounds: int


def is_cold_due(endpoint: Endpoint, begun: set[str]) -> bool:
    """Whether it gets cold starts that are forced: it asks for them, or is its pool's first that does not refuse.

    `begun`: the pools of those before it, to which its own is added.
    """
    due = bool(endpoint.cold) or (endpoint.cold is None and endpoint.pool not in begun)
    if endpoint.cold is not False:
        begun.add(endpoint.pool)
    return due


def plan(*, cold_rounds: int, answered: bool, rounds: int) -> tuple[Step, ...]:
    """Which calls an endpoint gets: `cold_rounds` meant as cold, and `rounds` warm ones.

    Where none is cold, an endpoint's first call finds the container but not its model: it is `first`, no warm time.
    `answered`: it has had that call before.
    """
    warm = Step("warm", rounds)
    if cold_rounds:
        return (Step("cold", cold_rounds), warm)
    return (warm,) if answered else (Step("first", 1), warm)


@contextmanager
def _permitted(expected_usd: float | None) -> Iterator[Callable[[float | None], None]]:
    del expected_usd
    yield lambda _: None


@dataclass(frozen=True, kw_only=True)
class Conditions:
    """Under which an endpoint's calls are made."""

    client: Client
    resources: Mapping[str, Resource | str]
    environ: Mapping[str, str]
    deadline_sec: float
    """Of each call."""
    pool: PoolState
    tolerant: bool = False
    """Whether a warm call that fails is one of its series, instead of the end of the measurement."""
    witness: Witness = field(default_factory=NoWitness)
    judge: Judge | None = None
    """Looks at an answer, outside any timer; a sample that comes back as failed has failed. None: nobody looks."""
    pricing: Pricing | None = None
    """Says what a call cost, as far as that is known; None: nobody asks."""
    permit: Callable[[float | None], AbstractContextManager[Callable[[float | None], None]]] = _permitted
    """Asked before each call, with what it is expected to cost; yields what is told its cost. Raises what ends it."""


class NotZero(Exception):
    """The pool could not be scaled to zero; the message is one line that says why."""


class Measurement:
    """One endpoint's calls and what they turned out to be."""

    def __init__(self, endpoint: Endpoint, conditions: Conditions, recorder: Recorder) -> None:
        self.endpoint = endpoint
        self.samples: list[Sample] = []
        self.cold_inconclusive: str | None = None
        self.warm_inconclusive: str | None = None
        self.conditions = conditions
        self._recorder = recorder
        self._seed = 0

    def make(self, steps: Sequence[Step], *, scale_to_zero: Callable[[], None] | None = None) -> None:
        """Make the calls of `steps`.

        `scale_to_zero` ends all of the pool's containers, or raises `NotZero`; None: cold starts are observed, not
        forced. Raises `CallFailed` at the first call that fails: what would follow costs as much again and says no
        more.
        """
        for step in steps:
            match step.start:
                case "cold" if scale_to_zero is not None:
                    self._force_cold(step.rounds, scale_to_zero)
                case "cold":
                    self._observe_cold()
                case "first":
                    self._first()
                case "warm":
                    self._warm(step.rounds)

    def take(self, sample: Sample) -> None:
        """Add a call that was made before, as if made now."""
        self.samples.append(sample)
        self.conditions.pool.called = True
        self.conditions.pool.remember(self.endpoint.id, sample)
        if sample.ok and sample.dropped is None:
            self._recorder.add(sample.start, [sample.elapsed_sec])

    @property
    def notes(self) -> list[str]:
        """What is to be told of its answers that is no failure."""
        return [] if self.conditions.judge is None else self.conditions.judge.notes

    def kept(self, start: Start) -> list[bool]:
        """Of each call meant as `start`, in their order, whether it counts."""
        return [sample.counts and sample.start == start for sample in self.samples if sample.meant == start]

    def recorded(self, start: Start) -> list[bool]:
        """The same for records: none of a start with a failed call, since what came before it looks like good times."""
        meant = [sample for sample in self.samples if sample.meant == start]
        return self.kept(start) if all(sample.ok for sample in meant) else [False] * len(meant)

    def _observe_cold(self) -> None:
        """Make the pool's first call. It has one try: after it the pool is awake, as it is if someone else woke it."""
        before = self.conditions.witness.before()
        if before is not None and any(before.counts):
            there = counted(max(before.counts), "container")
            self.cold_inconclusive = f"the pool had {there} before its first call"
            self._first()
        else:
            self.cold_inconclusive = self._call_cold(before)

    def _force_cold(self, rounds: int, scale_to_zero: Callable[[], None]) -> None:
        """Meet a new container `rounds` times, with at most `RETAKES` more tries each."""
        reason: str | None = None
        tries, refused = rounds * (1 + RETAKES), 0
        while (missing := rounds - sum(self.kept("cold"))) > 0 and tries > 0 and refused < _REFUSED:
            tries -= 1
            try:
                scale_to_zero()
            except NotZero as error:
                reason, refused = str(error), refused + 1
                continue
            refused = 0
            reason = self._call_cold(self.conditions.witness.before()) or reason
        if missing > 0:
            found = f"{rounds - missing} of {counted(rounds, 'cold start')}: " if rounds > 1 else ""
            self.cold_inconclusive = f"{found}{reason}"

    def _call_cold(self, before: Before | None) -> str | None:
        """Make one call meant as cold. Returns why it was dropped."""
        conditions = self.conditions
        self._run("cold", 1)
        after = conditions.witness.after()
        sample, records = self._looked_up(self.samples[-1:])
        dropped = against_cold(sample, before, records, conditions.pool)
        if dropped is not None:
            sample = structs.replace(sample, start=self._live(sample), asked="cold", dropped=dropped)
        else:
            sample = structs.replace(sample, proof=proof_of_cold(sample, before, after))
        self._settle(-1, sample)
        return dropped

    def _first(self) -> None:
        """Make this endpoint's first call in a live container. One that ran in a new one is neither first nor cold."""
        self._run("first", 1)
        sample, records = self._looked_up(self.samples[-1:])
        if is_new(sample, records):
            sample = structs.replace(sample, dropped=NEW_CONTAINER)
        self._settle(-1, sample)

    def _warm(self, rounds: int) -> None:
        """Make `rounds` calls in a container that has answered this endpoint; at most `RETAKES` more tries each."""
        tries = rounds * (1 + RETAKES)
        reason: str | None = None
        while (missing := rounds - sum(self.kept("warm")) - self._failed_warm()) > 0 and tries > 0:
            series = min(missing, tries)
            tries -= series
            begun = len(self.samples)
            try:
                self._run("warm", series)
            finally:
                reason = self._look_at_warm(begun) or reason
        kept = sum(self.kept("warm"))
        if missing > 0:
            self.warm_inconclusive = f"{kept} of {counted(rounds, 'warm call')}: {reason}"
        elif kept == 0:
            raise CallFailed(self.samples[-1].error)

    def _failed_warm(self) -> int:
        return sum(not sample.ok for sample in self.samples if sample.meant == "warm")

    def _look_at_warm(self, begun: int) -> str | None:
        """Judge the calls since `begun`, meant as warm. Returns why the last of those was dropped that were."""
        if begun == len(self.samples):
            return None
        reason = None
        _, records = self._looked_up(self.samples[begun:])
        for index in range(begun, len(self.samples)):
            sample = with_record(self.samples[index], records)
            unlike_warm = against_warm(sample, records, self.conditions.pool)
            if unlike_warm is not None:
                start = self._live(sample)
                asked: Start | None = "warm" if start != "warm" else None
                sample = structs.replace(sample, start=start, asked=asked)
                # One that failed is never a time, and never taken again: it stays, for the share that succeeded.
                if sample.ok:
                    reason = unlike_warm
                    sample = structs.replace(sample, dropped=unlike_warm)
            self._settle(index, sample)
        return reason

    def _live(self, sample: Sample) -> Start:
        """What a call in a container that was there already was."""
        loaded = self.conditions.pool.loaded.get(self.endpoint.id, set())
        return "warm" if sample.container in loaded else "first"

    def _run(self, start: Start, rounds: int) -> None:
        for _ in range(rounds):
            with self.conditions.permit(self._expected_usd(start)) as spend:
                begun = len(self.samples)
                try:
                    self._call(start)
                except CallFailed:
                    if not self._is_tolerated(start):
                        raise
                finally:
                    made = self.samples[begun:]
                    spend(made[0].cost_usd if made else None)

    def _is_tolerated(self, start: Start) -> bool:
        """Whether the call that has just failed is one of a series; what must fail again is not worth more calls."""
        cause = self.samples[-1].cause
        return self.conditions.tolerant and start == "warm" and not (cause is not None and hits_pool(cause))

    def _call(self, start: Start) -> None:
        """Make one call, meant as `start`, and judge its answer once the clock has stopped."""
        conditions = self.conditions
        answers: list[Answer] = []

        def prepare() -> Request:
            self._seed = _seeds.randint(0, _LARGEST_SEED)
            return build(self.endpoint, conditions.resources, seed=self._seed, environ=conditions.environ)

        def call(request: Request) -> None:
            # A new container has no connection to keep; warm calls of a real client reuse theirs.
            answer = conditions.client.call(
                request, deadline_sec=conditions.deadline_sec, fresh=start == "cold"
            )
            answers.append(answer)
            if not answer.ok:
                raise CallFailed(answer.error)

        conditions.pool.called = True
        try:
            self._recorder.run(start, call, prepare, 1)
        finally:
            for answer in answers:
                sample = as_sample(answer, start=start, seed=self._seed)
                if sample.ok and conditions.judge is not None:
                    sample = conditions.judge.judge(answer, sample)
                self.samples.append(
                    sample if conditions.pricing is None else conditions.pricing.price(sample)
                )
        if not self.samples[-1].ok:
            raise CallFailed(self.samples[-1].error)

    def _expected_usd(self, start: Start) -> float | None:
        """What a call is expected to cost: as much as those before, of the same start if there are any."""
        known = [sample for sample in self.samples if sample.cost_usd is not None]
        alike = [sample for sample in known if sample.meant == start] or known
        return max((sample.cost_usd for sample in alike if sample.cost_usd is not None), default=None)

    def _looked_up(self, samples: Sequence[Sample]) -> tuple[Sample, Mapping[str, CallRecord]]:
        """The provider's records of the pool's last calls, and the last sample with what they say of it."""
        ids = [sample.call_id for sample in samples if sample.call_id is not None]
        records = self.conditions.witness.records(ids) or {}
        return with_record(samples[-1], records), records

    def _settle(self, index: int, sample: Sample) -> None:
        self.samples[index] = sample
        self.conditions.pool.remember(self.endpoint.id, sample)


def as_sample(answer: Answer, *, start: Start, seed: int | None) -> Sample:
    """What is kept of an answer; what the server says of itself in headers is believed only if it makes sense."""
    headers = answer.headers
    cost_usd = number(headers.get("x-cost-usd"))
    sample = Sample(
        start=start,
        ok=answer.ok,
        elapsed_sec=answer.elapsed_sec,
        started_at=answer.started_at,
        seed=seed,
        http_status=answer.status,
        error=answer.error,
        cause=answer.cause,
        size_bytes=answer.size_bytes if answer.ok else None,
        content_type=identifier(headers.get("content-type")),
        redirects=answer.redirects,
        held_sec=answer.held_sec,
        phases=answer.phases,
        cost_usd=cost_usd,
        cost_basis=None if cost_usd is None else "measured",
        cost_source=None if cost_usd is None else "the endpoint's own header",
        execution_sec=number(headers.get("x-execution-time-sec")),
        gpu_type=identifier(headers.get("x-gpu-type")) or identifier(headers.get(GPU.lower())),
        **structs.asdict(told(headers)),
    )
    return with_record(sample, {})
