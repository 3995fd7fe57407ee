"""Puts endpoints under load: starts the processes that call, has them make each step, and sums up what comes back.

The calls are made by processes of their own, on Locust; this one only says what is next, keeps count, and asks Modal's
control plane meanwhile. Whatever ends it, none of them lives on.
"""

from __future__ import annotations

import random
import tempfile
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_modal_bench.control.interface import ControlError
from pytest_modal_bench.cost.ledger import LimitReached
from pytest_modal_bench.load import figures
from pytest_modal_bench.load.conductor import Conductor, LoadError
from pytest_modal_bench.load.means import Means
from pytest_modal_bench.load.messages import Target, Task
from pytest_modal_bench.load.processes import Children, require_engine
from pytest_modal_bench.load.provider import Watch, settled
from pytest_modal_bench.load.schedule import meant, schedule_seed
from pytest_modal_bench.model import Load

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytest_modal_bench.cost.ledger import Entry
    from pytest_modal_bench.load.conductor import Made
    from pytest_modal_bench.load.messages import Record
    from pytest_modal_bench.load.spec import Spec, Step
    from pytest_modal_bench.model import CostBasis, Endpoint, LoadCall, LoadStep

__all__ = ["Interrupted", "LoadError", "Means", "run", "run_mix"]


class Interrupted(KeyboardInterrupt):
    """A load was interrupted: by Ctrl-C, or a signal that is taken for it. Nothing of it goes on."""

    def __init__(self, loads: dict[str, Load], *args: object) -> None:
        super().__init__(*args)
        self.loads = loads
        """What there is, by endpoint id."""

    @property
    def load(self) -> Load:
        """What there is of the first endpoint."""
        return next(iter(self.loads.values()))


def run(endpoint: Endpoint, spec: Spec, means: Means) -> Load:
    """Put an endpoint under load, and return what it did.

    Calls that failed stand in it, and raise nothing; so does why it ended before its time. Raises MissingEngine and
    LoadError where nothing could be called at all, and Interrupted.
    """
    return run_mix([(endpoint, 1.0)], spec, means)[endpoint.id]


def run_mix(endpoints: Sequence[tuple[Endpoint, float]], spec: Spec, means: Means) -> dict[str, Load]:
    """Put several endpoints under one load, each called as often as its weight says; return what each did, by its id.

    Raises as `run`.
    """
    require_engine()
    return _Running([each for each, _ in endpoints], spec, means).run(_task(endpoints, means))


def _task(endpoints: Sequence[tuple[Endpoint, float]], means: Means) -> Task:
    observer, settings = means.observer, means.settings
    return Task(
        targets=tuple(
            Target(
                endpoint=endpoint,
                weight=weight,
                deadline_sec=settings.deadline_sec(endpoint.timeout),
                gpu=None if observer is None else observer.gpu(endpoint),
            )
            for endpoint, weight in endpoints
        ),
        resources={
            name: means.resources[name]
            for endpoint, _ in endpoints
            for name in endpoint.needs
            if name in means.resources
        },
        held_after_sec=settings.held_after_sec,
        time_scale=settings.time_scale if settings.local else 1.0,
        simulated=settings.local,
        rates=means.spending.rates(),
        seed=means.seed if means.seed is not None else f"{random.SystemRandom().getrandbits(32)}",
        limited=means.spending.ledger is not None,
    )


class _Running:
    """One load."""

    def __init__(self, endpoints: Sequence[Endpoint], spec: Spec, means: Means) -> None:
        self._endpoints = endpoints
        self._spec = spec
        self._means = means
        self._watches = [Watch(means.observer, endpoint) for endpoint in endpoints]
        self._pricings = [means.spending.pricing(endpoint) for endpoint in endpoints]
        self._steps: list[list[LoadStep]] = [[] for _ in endpoints]
        self._notes: list[str] = []
        self._spent_usd: float = 0.0
        self._engine: str | None = None
        self._processes = 0
        self._seed = ""

    def run(self, task: Task) -> dict[str, Load]:
        self._seed = task.seed
        try:
            with self._money() as left_usd, tempfile.TemporaryDirectory(prefix="modal-bench-load-") as name:
                stopped = self._made(task, Path(name), left_usd)
        except LimitReached as limit:
            stopped = str(limit)
        except KeyboardInterrupt as interrupt:
            raise Interrupted(self._loads("interrupted"), *interrupt.args) from interrupt
        return self._loads(stopped)

    @contextmanager
    def _money(self) -> Iterator[float | None]:
        """Yield what may be spent; None: there is no limit. Others that keep to the same one wait meanwhile."""
        ledger = self._means.spending.ledger
        if ledger is None:
            yield None
            return
        with ledger.many() as (entry, left_usd):
            try:
                yield left_usd
            finally:
                self._settle(entry)

    def _settle(self, entry: Entry) -> None:
        entry.spent(self._spent_usd)

    def _made(self, task: Task, directory: Path, left_usd: float | None) -> str | None:
        """Make all steps; return why they ended before the last."""
        with Children() as children:
            conductor = Conductor(children, self._means, directory, self._watches)
            conductor.start(task, left_usd)
            self._engine, self._processes = conductor.engine, conductor.processes
            try:
                for number, step in enumerate(self._spec.steps):
                    made = self._step(conductor, number, step)
                    if made.interrupt is not None:
                        raise made.interrupt
                    if made.stopped is not None:
                        return made.stopped
            finally:
                self._notes += conductor.notes
        return None

    def _step(self, conductor: Conductor, number: int, step: Step) -> Made:
        with self._from_zero(step):
            made = conductor.make(number, step, [endpoint.id for endpoint in self._endpoints])
        try:
            if made.interrupt is None:
                self._wait_for_records(made)
        except KeyboardInterrupt as interrupt:
            made.interrupt = interrupt
        self._sum_up(step, made)
        if made.stopped is None and made.interrupt is None:
            self._count(number, step)
        return made

    def _wait_for_records(self, made: Made) -> None:
        """Give the control plane a moment to say what it knows of the last calls."""
        ids: list[list[str]] = [[] for _ in self._endpoints]
        for record in made.records():
            if record.call.call_id is not None:
                ids[record.target].append(record.call.call_id)
        for watch, wanted in zip(self._watches, ids, strict=True):
            watch.wait_for(wanted)

    @contextmanager
    def _from_zero(self, step: Step) -> Iterator[None]:
        """Have a burst meet no container, where cold starts are forced."""
        observer = self._means.observer
        with ExitStack() as stack:
            if step.kind == "burst" and self._means.settings.cold == "force" and observer is not None:
                for endpoint in {each.pool: each for each in self._endpoints}.values():
                    scale_to_zero = stack.enter_context(observer.forced(endpoint))
                    try:
                        scale_to_zero()
                    except ControlError as error:
                        self._notes.append(f"{step} did not begin from zero: {error}")
            yield

    def _sum_up(self, step: Step, made: Made) -> None:
        """Work out what the calls of a step come to, those of each endpoint by themselves."""
        calls: list[list[LoadCall]] = [[] for _ in self._endpoints]
        bases: list[set[CostBasis]] = [set() for _ in self._endpoints]
        for record in made.records():
            call, basis = self._settled(record)
            calls[record.target].append(call)
            if basis is not None:
                bases[record.target].add(basis)
            self._spent_usd += record.bound_usd or 0.0
        for index, endpoint in enumerate(self._endpoints):
            self._steps[index].append(
                figures.step(
                    calls[index],
                    kind=step.kind,
                    value=step.value,
                    duration_sec=step.duration_sec,
                    cost_basis="estimated" if "estimated" in bases[index] else next(iter(bases[index]), None),
                    usd_per_sec=self._pricings[index].bound_of_seconds(1.0),
                    scaledown_window_sec=endpoint.scaledown_window,
                    client_busy=made.client_busy,
                    pool=self._watches[index].pool,
                    keep=self._means.keep,
                )
            )

    def _count(self, number: int, step: Step) -> None:
        """Note calls of a schedule that were not made, or not told of: what they would have met is not known."""
        if step.kind != "rate":
            return
        planned = sum(1 for _ in meant(step, schedule_seed(self._seed, number)))
        known = sum(steps[-1].n + steps[-1].under_way for steps in self._steps)
        if known != planned:
            self._notes.append(f"{step}: {known} of the {planned} calls of its schedule are known")

    def _settled(self, record: Record) -> tuple[LoadCall, CostBasis | None]:
        index = record.target
        provider = self._watches[index].records.get(record.call.call_id or "")
        is_job = self._endpoints[index].poll is not None
        return settled(record, provider, self._pricings[index], is_job=is_job)

    def _loads(self, stopped: str | None) -> dict[str, Load]:
        return {
            endpoint.id: Load(
                spec=self._spec.text,
                steps=tuple(steps),
                processes=self._processes,
                engine=self._engine,
                stopped=stopped,
                notes=tuple(self._notes),
            )
            for endpoint, steps in zip(self._endpoints, self._steps, strict=True)
        }
