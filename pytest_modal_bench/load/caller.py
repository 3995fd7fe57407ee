"""One user's calls, made with this project's own client, judged and priced as all others are."""

from __future__ import annotations

import random
import time
from functools import partial
from typing import TYPE_CHECKING

from pytest_modal_bench.answers.embedded.links import MOST_BYTES, Links
from pytest_modal_bench.answers.inspector import PATIENCE_SEC, Inspector
from pytest_modal_bench.answers.judging import Judge
from pytest_modal_bench.call.causes import hits_pool
from pytest_modal_bench.call.client import Client
from pytest_modal_bench.call.request import build
from pytest_modal_bench.call.watchdog import Watchdog
from pytest_modal_bench.cost.pricing import Pricing
from pytest_modal_bench.load.checking import Checker
from pytest_modal_bench.load.messages import Record
from pytest_modal_bench.model import LoadCall
from pytest_modal_bench.protocol.sending import send
from pytest_modal_bench.safety.secrets import ENVIRONMENT

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_modal_bench.call.answer import Answer
    from pytest_modal_bench.call.request import Request
    from pytest_modal_bench.load.allowance import Allowance
    from pytest_modal_bench.load.messages import Target, Task
    from pytest_modal_bench.model import Sample

_LONGEST_ERROR = 300
"""Characters of a failed call's message: there may be very many."""
_MOST_NOTES = 10
# As in a measurement: a seed that comes again would measure a cache.
_seeds = random.SystemRandom()
_LARGEST_SEED = 2**31 - 1


class Equipment:
    """What all users of a process share."""

    def __init__(self, task: Task, generator: int) -> None:
        """`generator`: which process this is."""
        self.task = task
        self.generator = generator
        self.inspector = Inspector()
        self.checker = Checker()
        self.drawn = random.Random(f"{task.seed}:{generator}")  # noqa: S311 - which endpoint is called next is no secret
        self.watchdog = Watchdog()
        self._links = Client(
            held_after_sec=task.held_after_sec, max_body_bytes=MOST_BYTES, watchdog=self.watchdog
        )
        self._judges = [self._judge(target) for target in task.targets]
        self._pricings = [self._pricing(target) for target in task.targets]
        self._weights = [target.weight for target in task.targets]

    def draw(self) -> int:
        """Return which endpoint is called next, by their weights."""
        if len(self._weights) == 1:
            return 0
        return self.drawn.choices(range(len(self._weights)), self._weights)[0]

    def prepared(self, index: int) -> Prepared:
        """Return a call that is ready to be sent. Raises RequestError."""
        target, seed = self.task.targets[index], _seeds.randint(0, _LARGEST_SEED)
        request = build(target.endpoint, self.task.resources, seed=seed, environ=ENVIRONMENT)
        return Prepared(index, target, request, seed)

    def judge(self, prepared: Prepared, answer: Answer, sample: Sample) -> Sample:
        """Look at an answer. Raises SpoolError."""
        judge = self._judges[prepared.index]
        judged = judge.judge(answer, sample, prepared.request)
        del judge.notes[_MOST_NOTES:]
        return judged

    def priced(self, index: int, sample: Sample) -> Sample:
        """Return a sample with what it cost, as far as is known here."""
        return self._pricings[index].price(sample)

    def bound_usd(self, index: int, sample: Sample) -> float | None:
        """What a call counts as under a limit; None: nobody knows, or there is none."""
        return self._pricings[index].bound(sample) if self.task.limited else None

    def bound_of_seconds(self, index: int, seconds: float) -> float | None:
        """What a call counts as of which nothing but its seconds is known; None: as above."""
        return self._pricings[index].bound_of_seconds(seconds) if self.task.limited else None

    def take_notes(self) -> tuple[str, ...]:
        """Return what is to be told of answers that is no failure, and forget it: there may be ever more of it."""
        notes = tuple(dict.fromkeys(note for judge in self._judges for note in judge.notes[:_MOST_NOTES]))
        for judge in self._judges:
            judge.notes.clear()
        return notes

    def close(self) -> None:
        """End what runs."""
        self.checker.close()
        self.inspector.close()
        self._links.close()
        self.watchdog.close()

    def _judge(self, target: Target) -> Judge:
        return Judge(
            target.endpoint,
            self.inspector,
            self.task.resources,
            follow=partial(Links, self._links, deadline_sec=target.deadline_sec),
        )

    def _pricing(self, target: Target) -> Pricing:
        return Pricing(
            target.endpoint,
            rates=lambda: self.task.rates,
            provider_gpu=lambda: target.gpu,
            simulated=self.task.simulated,
        )


class Prepared:
    """A call that is ready to be sent: what was built for it is not timed."""

    def __init__(self, index: int, target: Target, request: Request, seed: int) -> None:
        self.index = index
        self.target = target
        self.request = request
        self.seed = seed


class Caller:
    """One user: it has a client of its own, so that its connections are its own, too."""

    def __init__(self, equipment: Equipment, allowance: Allowance, keep: Callable[[Record], None]) -> None:
        """`keep` is told of each call, some time after it has ended."""
        self._equipment = equipment
        self._allowance = allowance
        self._keep = keep
        self._client = Client(held_after_sec=equipment.task.held_after_sec, watchdog=equipment.watchdog)

    def prepare(self) -> Prepared:
        """Get the next call ready. Raises RequestError."""
        return self._equipment.prepared(self._equipment.draw())

    def call(self, prepared: Prepared, *, zero: float, meant_sec: float | None = None) -> bool:
        """Make a call, and return whether it was answered.

        `zero`: when the step began, as `time.monotonic` has it. `meant_sec`: when the call is meant to begin, in
        seconds since then; None: now. Raises SpentUp where it may not be made, and SpoolError. Whatever else cuts it
        off leaves it as one that was under way.
        """
        self._allowance.begin()
        began = time.monotonic()
        try:
            answer, sample = self._sent(prepared)
        except BaseException:
            elapsed_sec = time.monotonic() - began
            bound_usd = self._equipment.bound_of_seconds(prepared.index, elapsed_sec)
            self._allowance.end(bound_usd)
            began_sec = began - zero
            call = LoadCall(
                meant_sec=began_sec if meant_sec is None else meant_sec,
                began_sec=began_sec,
                elapsed_sec=elapsed_sec,
                ok=False,
                under_way=True,
                generator=self._equipment.generator,
            )
            self._keep(Record(call=call, target=prepared.index, bound_usd=bound_usd))
            raise
        if prepared.target.endpoint.poll is None:
            began = answer.began
        sample = self._equipment.priced(prepared.index, sample)
        self._allowance.end(self._equipment.bound_usd(prepared.index, sample))
        self._look(prepared, answer, sample, began - zero, meant_sec)
        return sample.ok

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _sent(self, prepared: Prepared) -> tuple[Answer, Sample]:
        return send(
            self._client,
            prepared.request,
            prepared.target.endpoint,
            start="warm",
            seed=prepared.seed,
            deadline_sec=prepared.target.deadline_sec,
            fresh=False,
            time_scale=self._equipment.task.time_scale,
        )

    def _look(
        self, prepared: Prepared, answer: Answer, sample: Sample, began_sec: float, meant_sec: float | None
    ) -> None:
        """Have an answer judged, where it is its turn; and keep what is known of the call."""
        equipment, checker = self._equipment, self._equipment.checker
        kept = False

        def keep(judged: Sample, *, checked: bool) -> None:
            nonlocal kept
            if not kept:
                kept = True
                self._keep(_record(equipment, prepared.index, judged, began_sec, meant_sec, checked=checked))

        def judge() -> None:
            judged = equipment.judge(prepared, answer, sample)
            keep(judged, checked=judged.unchecked is None)

        def leave() -> None:
            keep(sample, checked=False)

        if prepared.target.endpoint.stream is not None:
            judge()
        elif not (sample.ok and checker.is_free):
            leave()
        else:
            checker.check(judge, leave)
            if not isinstance(answer.body, bytes):
                # A large answer lies in the client's file: the next call would be written over it.
                checker.finish(2 * PATIENCE_SEC)


def _record(  # noqa: PLR0913 - what is known of a call comes from several hands
    equipment: Equipment,
    index: int,
    sample: Sample,
    began_sec: float,
    meant_sec: float | None,
    *,
    checked: bool,
) -> Record:
    error = None if sample.error is None else sample.error[:_LONGEST_ERROR].encode(errors="replace").decode()
    stream = sample.stream
    return Record(
        call=LoadCall(
            meant_sec=began_sec if meant_sec is None else meant_sec,
            began_sec=began_sec,
            elapsed_sec=sample.elapsed_sec,
            ok=sample.ok,
            checked=checked,
            cause=sample.cause,
            error=error,
            http_status=sample.http_status,
            container=sample.container,
            first_of_container=None if sample.container_request is None else sample.container_request == 1,
            execution_sec=sample.worked_sec,
            cost_usd=sample.cost_usd,
            ttft_sec=None if stream is None else stream.ttft_sec,
            output_tokens=None if stream is None else stream.output_tokens,
            call_id=sample.call_id,
            generator=equipment.generator,
        ),
        target=index,
        gpu=sample.gpu_type,
        cost_basis=sample.cost_basis,
        bound_usd=equipment.bound_usd(index, sample),
    )


def met_nobody(call: LoadCall) -> bool:
    """Whether a call's failure says that the next one fails as well: nobody answers, or the app is gone."""
    return (
        not call.ok and call.cause is not None and (hits_pool(call.cause) or call.cause == "connection_lost")
    )
