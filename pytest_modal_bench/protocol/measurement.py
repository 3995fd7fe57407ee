"""One endpoint's calls: made as planned, each judged, held against the evidence and priced once."""

from __future__ import annotations

import random
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from msgspec import structs

from pytest_modal_bench.call.causes import hits_pool
from pytest_modal_bench.call.request import RequestError, build
from pytest_modal_bench.call.spool import SpoolError
from pytest_modal_bench.control.interface import ControlError
from pytest_modal_bench.control.pool_observer import NoPoolObserver, PoolObserver
from pytest_modal_bench.cost.ledger import LimitReached
from pytest_modal_bench.protocol.evidence import (
    NEW_CONTAINER,
    After,
    PoolState,
    against_cold,
    against_warm,
    is_new,
    proof_of_cold,
    with_record,
)
from pytest_modal_bench.protocol.plan import RETAKES, exhaust
from pytest_modal_bench.protocol.progress import Activity, CallBegun, CallEnded, unwatched
from pytest_modal_bench.protocol.sending import send
from pytest_modal_bench.safety.text import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    from pytest_modal_bench.answers.judging import Judge
    from pytest_modal_bench.call.answer import Answer
    from pytest_modal_bench.call.client import Client
    from pytest_modal_bench.call.request import Request
    from pytest_modal_bench.control.pool_observer import Before
    from pytest_modal_bench.cost.pricing import Pricing
    from pytest_modal_bench.model import Endpoint, Preview, Resource, Sample, Start
    from pytest_modal_bench.protocol.plan import Step, Turns
    from pytest_modal_bench.protocol.progress import Watch

_REFUSED = 2
"""After how many refusals in a row a pool is taken not to scale to zero: each may have taken a minute."""

# Not the global generator: whoever seeds that one would make every run send the same seeds, and so measure caches.
_seeds = random.SystemRandom()
_LARGEST_SEED = 2**31 - 1


class CallFailed(Exception):
    """A call failed; its sample says why. Ends the endpoint's measurement, unless that tolerates it."""


@contextmanager
def _permitted(expected_usd: float | None) -> Iterator[Callable[[float | None], None]]:
    del expected_usd
    yield lambda _: None


def _never(_: Sequence[Sample]) -> bool:
    return False


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
    observer: PoolObserver = field(default_factory=NoPoolObserver)
    judge: Judge | None = None
    """Looks at an answer, outside any timer; a sample that comes back as failed has failed. None: nobody looks."""
    pricing: Pricing | None = None
    """Says what a call cost, as far as that is known; None: nobody asks."""
    time_scale: float = 1.0
    """What the seconds between two questions for a job are multiplied by: those of the local workspace are scaled."""
    permit: Callable[[float | None], AbstractContextManager[Callable[[float | None], None]]] = _permitted
    """Asked before each call, with what it is expected to cost; yields what is told its cost. Raises LimitReached."""
    enough: Callable[[Sequence[Sample]], bool] = _never
    """Asked between warm calls, with all samples: whether no more of them are needed than have been made."""
    watch: Watch = unwatched
    """Told what the measurement waits for, never while a call's clock runs."""

    @property
    def billed(self) -> bool:
        """Whether a container's seconds have a price, known or not: those of the local workspace have none."""
        return self.pricing is None or not self.pricing.simulated

    def bound_of_seconds(self, seconds: float) -> float | None:
        """What a call counts as under a limit of which nothing but its seconds is known; None: unknown."""
        return None if self.pricing is None else self.pricing.bound_of_seconds(seconds)


class Measurement:
    """One endpoint's calls and what they turned out to be."""

    def __init__(self, endpoint: Endpoint, conditions: Conditions) -> None:
        self.endpoint = endpoint
        self.conditions = conditions
        self.samples: list[Sample] = []
        self.cold_inconclusive: str | None = None
        self.warm_inconclusive: str | None = None
        self.ended = False
        """Whether no more calls are to be made: one has failed, or one could not be made."""
        self.stopped: str | None = None
        """Which limit ended it; None: none."""
        self.impossible: str | None = None
        """Why a call could not be made, or its answer not be kept: trouble of this machine. None: there was none."""
        self._pair: int | None = None
        """Which pair of calls the next call is one of."""

    def make(
        self,
        steps: Sequence[Step],
        *,
        scale_to_zero: Callable[[], None] | None = None,
        pair: int | None = None,
    ) -> None:
        """Make the calls of `steps`, until one fails: what would follow costs as much again and says no more.

        `scale_to_zero` ends all of the pool's containers, or raises `ControlError`; None: cold starts are observed,
        not forced. `pair`: which pair of calls they are of.
        """
        exhaust(self.turns(steps, scale_to_zero=scale_to_zero), pair)

    def turns(self, steps: Sequence[Step], *, scale_to_zero: Callable[[], None] | None = None) -> Turns[None]:
        """Make the same calls one at a time, each when the step that it is of is answered with the number of its pair.

        What does not count is taken again at once, in the same turn.
        """
        try:
            for step in steps:
                if self.ended:
                    return
                match step.start:
                    case "cold" if scale_to_zero is not None:
                        yield from self._force_cold(step, scale_to_zero)
                    case "cold":
                        self._pair = yield step
                        self._observe_cold()
                    case "first":
                        self._pair = yield step
                        self._first()
                    case "warm":
                        yield from self._warm(step)
        except CallFailed:
            self.ended = True  # its sample says why
        except LimitReached as limit:
            self.ended, self.stopped = True, str(limit)
        except (RequestError, SpoolError) as error:
            self.ended, self.impossible = True, str(error)

    def take(self, sample: Sample) -> None:
        """Add a call that was made before, as if made now."""
        self.conditions.pool.called = True
        self._keep(sample)
        self.ended = not sample.ok

    @property
    def notes(self) -> list[str]:
        """What is to be told of its answers that is no failure."""
        return [] if self.conditions.judge is None else self.conditions.judge.notes

    @property
    def previews(self) -> list[Preview]:
        """What people are shown of its last answer."""
        return [] if self.conditions.judge is None else self.conditions.judge.previews

    def kept(self, start: Start) -> int:
        """How many calls count as `start`."""
        return sum(sample.counts and sample.start == start for sample in self.samples)

    def _observe_cold(self) -> None:
        """Make the pool's first call. It has one try: after it the pool is awake, as it is if someone else woke it."""
        before = self.conditions.observer.before()
        if before is not None and any(before.counts):
            there = counted(max(before.counts), "container")
            self.cold_inconclusive = f"the pool had {there} before its first call"
            self._first()
        else:
            self.cold_inconclusive = self._cold(before)

    def _force_cold(self, step: Step, scale_to_zero: Callable[[], None]) -> Turns[None]:
        """Meet a new container `step.rounds` times, with at most `RETAKES` more tries each."""
        reason: str | None = None
        kept = -1
        tries, refused = (step.rounds - self.kept("cold")) * (1 + RETAKES), 0
        while (missing := step.rounds - self.kept("cold")) > 0 and tries > 0 and refused < _REFUSED:
            if self.kept("cold") > kept:
                kept = self.kept("cold")
                self._pair = yield step
            tries -= 1
            self._tell("scaling to zero")
            try:
                scale_to_zero()
            except ControlError as error:
                reason, refused = str(error), refused + 1
                continue
            refused = 0
            reason = self._cold(self.conditions.observer.before(), step.total) or reason
        if missing > 0:
            total = step.total
            found = f"{self.kept('cold')} of {counted(total, 'cold start')}: " if total > 1 else ""
            self.cold_inconclusive = f"{found}{reason}"

    def _cold(self, before: Before | None, rounds: int = 1) -> str | None:
        """Make one call meant as cold, of `rounds`. Returns why it was dropped."""

        def settle(sample: Sample, after: After) -> Sample:
            dropped = against_cold(sample, before, after.records, self.conditions.pool)
            if dropped is not None:
                return structs.replace(sample, start=self._live(sample), asked="cold", dropped=dropped)
            return structs.replace(sample, proof=proof_of_cold(sample, before, after.containers))

        return self._call("cold", settle, rounds).dropped

    def _first(self) -> None:
        """Make this endpoint's first call in a live container. One that ran in a new one is neither first nor cold."""

        def settle(sample: Sample, after: After) -> Sample:
            return structs.replace(sample, dropped=NEW_CONTAINER) if is_new(sample, after.records) else sample

        self._call("first", settle)

    def _warm(self, step: Step) -> Turns[None]:
        """Make `step.rounds` calls in a container that has answered this endpoint; `RETAKES` more tries each."""
        tries = self._missing_warm(step) * (1 + RETAKES)
        reason: str | None = None
        dropped: str | None = None
        while (missing := self._missing_warm(step)) > 0 and tries > 0 and not self._warm_is_enough():
            if dropped is None:
                self._pair = yield step
            tries -= 1
            try:
                dropped = self._call("warm", self._settle_warm, step.total).dropped
            except CallFailed:
                if not self._is_tolerated():
                    raise
                dropped = None
            reason = dropped or reason
        if missing > 0 and not self._warm_is_enough():
            self.warm_inconclusive = f"{self.kept('warm')} of {counted(step.total, 'warm call')}: {reason}"
        elif not self.kept("warm"):
            raise CallFailed

    def _warm_is_enough(self) -> bool:
        return self.conditions.enough(self.samples)

    def _settle_warm(self, sample: Sample, after: After) -> Sample:
        unlike_warm = against_warm(sample, after.records, self.conditions.pool, self.endpoint.id)
        if unlike_warm is None:
            return sample
        start = self._live(sample)
        asked: Start | None = "warm" if start != "warm" else None
        # One that failed is never a time, and never taken again: it stays, for the share that succeeded.
        return structs.replace(sample, start=start, asked=asked, dropped=unlike_warm if sample.ok else None)

    def _missing_warm(self, step: Step) -> int:
        failed = sum(not sample.ok for sample in self.samples if sample.meant == "warm")
        return step.rounds - self.kept("warm") - failed

    def _live(self, sample: Sample) -> Start:
        """What a call in a container that was there already was."""
        loaded = self.conditions.pool.loaded.get(self.endpoint.id, set())
        return "warm" if sample.container in loaded else "first"

    def _is_tolerated(self) -> bool:
        """Whether the call that has just failed is one of a series; what must fail again is not worth more calls."""
        cause = self.samples[-1].cause
        return self.conditions.tolerant and not (cause is not None and hits_pool(cause))

    def _call(self, meant: Start, settle: Callable[[Sample, After], Sample], rounds: int = 1) -> Sample:
        """Make one call of `rounds`; once its clock has stopped, judge the answer, `settle` what it was, and price it.

        Raises CallFailed for one that failed, which is kept all the same.
        """
        conditions = self.conditions
        number = 1 + sum(each.meant == meant and each.dropped is None for each in self.samples)
        seed = _seeds.randint(0, _LARGEST_SEED)
        # Before it is permitted: what can't be sent is not in the ledger.
        request = build(self.endpoint, conditions.resources, seed=seed, environ=conditions.environ)
        with conditions.permit(self._expected_usd(meant)) as spend:
            conditions.watch(
                CallBegun(
                    endpoint=self.endpoint.id,
                    start=meant,
                    number=number,
                    rounds=rounds,
                    deadline_sec=conditions.deadline_sec,
                )
            )
            began = time.monotonic()
            try:
                conditions.pool.called = True
                answer, sample = self._sent(request, meant, seed)
                self._tell("checking the answer")
                sample = self._settled(answer, sample, settle, request)
            except BaseException:
                usd = conditions.bound_of_seconds(time.monotonic() - began)
                if usd is not None:
                    spend(usd)
                raise
            spend(sample.cost_usd if conditions.pricing is None else conditions.pricing.bound(sample))
        self._keep(sample)
        conditions.watch(CallEnded.of(sample, self.endpoint.id, number))
        if not sample.ok:
            raise CallFailed
        return sample

    def _tell(self, text: str) -> None:
        self.conditions.watch(Activity(endpoint=self.endpoint.id, text=text))

    def _sent(self, request: Request, meant: Start, seed: int) -> tuple[Answer, Sample]:
        """See `send`."""
        conditions = self.conditions
        return send(
            conditions.client,
            request,
            self.endpoint,
            start=meant,
            seed=seed,
            deadline_sec=conditions.deadline_sec,
            # A new container has no connection to keep; warm calls of a real client reuse theirs.
            fresh=meant == "cold",
            time_scale=conditions.time_scale,
        )

    def _settled(
        self,
        answer: Answer,
        sample: Sample,
        settle: Callable[[Sample, After], Sample],
        request: Request,
    ) -> Sample:
        """Return the sample of an answer, judged, held against the evidence and priced."""
        conditions, meant = self.conditions, sample.start
        containers = conditions.observer.after() if meant == "cold" and answer.ok else None
        if conditions.judge is not None and (sample.ok or self.endpoint.stream is not None):
            sample = conditions.judge.judge(answer, sample, request)
        ids = [] if sample.call_id is None else [sample.call_id]
        questions = 0 if sample.job is None else sample.job.asked
        after = After(containers, conditions.observer.records(ids, questions=questions) or {})
        sample = with_record(sample, after.records)
        if sample.ok or meant == "warm":
            sample = settle(sample, after)
        return sample if conditions.pricing is None else conditions.pricing.price(sample)

    def _keep(self, sample: Sample) -> None:
        self.samples.append(sample if self._pair is None else structs.replace(sample, pair=self._pair))
        self.conditions.pool.remember(self.endpoint.id, sample)

    def _expected_usd(self, start: Start) -> float | None:
        """What a call is expected to cost: as much as those before, of the same start if there are any."""
        known = [sample for sample in self.samples if sample.cost_usd is not None]
        alike = [sample for sample in known if sample.meant == start] or known
        return max((sample.cost_usd for sample in alike if sample.cost_usd is not None), default=None)
