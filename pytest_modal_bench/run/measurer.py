"""Measures endpoints, in the process that calls them: what it has called so far, and under which conditions."""

from __future__ import annotations

from collections import defaultdict
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from msgspec import convert, structs

from pytest_modal_bench.answers.embedded.links import MOST_BYTES, Links
from pytest_modal_bench.answers.inspector import Inspector
from pytest_modal_bench.answers.judging import Judge
from pytest_modal_bench.answers.outputs import Outputs
from pytest_modal_bench.call.client import Client
from pytest_modal_bench.catalogue import resources as test_resources
from pytest_modal_bench.control.interface import ControlError
from pytest_modal_bench.control.pool_observer import NoPoolObserver
from pytest_modal_bench.gate import budgets, stopping
from pytest_modal_bench.model import Level, Sample
from pytest_modal_bench.protocol import outcome
from pytest_modal_bench.protocol.cache_guard import suspicion
from pytest_modal_bench.protocol.measurement import Conditions, Measurement
from pytest_modal_bench.protocol.pairs import in_turn
from pytest_modal_bench.protocol.plan import exhaust, is_cold_due, plan
from pytest_modal_bench.protocol.preflight import says_of_route
from pytest_modal_bench.protocol.progress import Activity, EndpointEnded, unwatched
from pytest_modal_bench.run import spread
from pytest_modal_bench.run.handover import Preparation
from pytest_modal_bench.run.inputs import payload_sha256
from pytest_modal_bench.run.pools import Pool
from pytest_modal_bench.run.spending import Spending
from pytest_modal_bench.safety.secrets import ENVIRONMENT

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

    from pytest_modal_bench.control.observer import Observer
    from pytest_modal_bench.cost.ledger import Ledger
    from pytest_modal_bench.gate.stopping import Limits
    from pytest_modal_bench.model import Endpoint, EndpointResult, Resource
    from pytest_modal_bench.protocol.plan import Turns
    from pytest_modal_bench.protocol.progress import Watch
    from pytest_modal_bench.run.settings import Settings


class Measurer:
    """Makes endpoints' calls. What it may call, and with what, it is given first: `found`, `observer`, `prepare`."""

    def __init__(self, settings: Settings, ledger: Ledger | None = None) -> None:
        self.settings = settings
        self.found: dict[str, Resource | str] = {}
        """Test resources by name; one that is missing is absent."""
        self.observer: Observer | None = None
        """Asks and tells Modal's control plane; None: there is none to ask."""
        self.simulated: str | None = None
        """What is simulated, in words; None: the endpoints are real."""
        self.previews = True
        """Whether people are shown something of each endpoint's last answer."""
        self.base: Measurer | None = None
        """Makes the calls of the `counterparts`, in turn with those of this one; None: there is nothing to call so."""
        self.counterparts: dict[str, Endpoint] = {}
        """What endpoints are called in turn with, by their ids."""
        self.spending = Spending(settings, ledger, lambda: self.observer)
        self.limits: dict[str, Limits] = {}
        """By endpoint id: what medians are held against, beside budgets."""
        self.watch: Watch = unwatched
        """Told how measurements go on."""
        self.client = Client(held_after_sec=settings.held_after_sec)
        self._link_client = Client(held_after_sec=settings.held_after_sec, max_body_bytes=MOST_BYTES)
        """Fetches what answers link to, while the other client keeps the answer."""
        self.inspector = Inspector()
        """Looks at what is answered."""
        self._outputs = None if settings.save_outputs is None else Outputs(settings.save_outputs)
        self._pools: defaultdict[str, Pool] = defaultdict(Pool)
        self._begun: set[str] = set()
        self._due: set[str] = set()
        """Endpoints whose pool's cold start is theirs, whether or not it is looked for."""
        self._answered: set[str] = set()
        self._probed: dict[str, Sample] = {}
        self._current: Measurement | None = None
        """The measurement that goes on."""
        self._measured: EndpointResult | None = None
        """What the last one gave."""

    def prepare(self, preparation: dict[str, Any]) -> None:
        """Take over what is known before the first test: a `Preparation` as built-in types."""
        self._take_over(convert(preparation, Preparation))

    def _take_over(self, known: Preparation) -> None:
        if self.base is not None and known.base is not None:
            self.base._take_over(known.base)  # noqa: SLF001 - one of its own kind
        if known.lora is not None:
            self.found["lora"] = known.lora
        for pool in known.called_pools:
            self._pools[pool].state.called = True
        self._begun.update(known.begun_pools)
        self._probed.update(known.probed)
        self.previews = known.previews

    def close(self) -> None:
        """Close what is open."""
        if self.base is not None:
            self.base.close()
        self.client.close()
        self._link_client.close()
        self.inspector.close()
        if self.observer is not None:
            self.observer.close()

    def missing(self, endpoint: Endpoint) -> str | None:
        """`Missing: test image, …`, or None if `endpoint` has all it needs."""
        return test_resources.missing_reason(endpoint.needs, self.found)

    def measure(self, endpoint: Endpoint) -> EndpointResult:
        """Make the endpoint's calls, in turn with those of its counterpart where it has one.

        A call that failed stands in the result, and raises nothing.
        """
        self._measured = None
        counterpart = self.counterparts.get(endpoint.id)
        if self.base is None or counterpart is None:
            result = exhaust(self._turns(endpoint, paired=False))
        elif missing := self.base.missing(counterpart):
            result = structs.replace(
                exhaust(self._turns(endpoint, paired=False)), base=outcome.skipped(counterpart, missing)
            )
        else:
            result, base = in_turn(
                self._turns(endpoint, paired=True),
                self.base._turns(counterpart, paired=True),  # noqa: SLF001 - one of its own kind
            )
            result.base = outcome.as_base(base)
            self.base._current = None  # noqa: SLF001
        self._measured = result
        self._current = None
        self.watch(EndpointEnded(endpoint=endpoint.id))
        return result

    def _turns(self, endpoint: Endpoint, *, paired: bool) -> Turns[EndpointResult]:
        """Make the endpoint's calls; `paired`: one at a time, in turn with another's."""
        pool = self._pools[endpoint.pool]
        down = pool.health.verdict(endpoint.id)
        if down is not None:
            return outcome.explained(outcome.failed(endpoint, down, pool.health.cause), endpoint)
        self._tell(endpoint, "getting ready")
        measurement = self._current = Measurement(endpoint, self.conditions(endpoint))
        cold_rounds = self._cold_rounds(endpoint, paired=paired)
        probe = self._probed.pop(endpoint.id, None)
        if probe is not None:
            measurement.take(self._believed(probe))
            if self.settings.cold == "observe":
                cold_rounds = 0
        if not measurement.ended:
            pool.preflight.before(measurement)
            if not paired:
                self._make(measurement, cold_rounds)
            else:
                yield from spread.turns(
                    measurement,
                    self.settings,
                    cold_rounds=cold_rounds,
                    answered=endpoint.id in self._answered,
                    forced=partial(self._forced, endpoint),
                )
        if not measurement.ended or says_of_route(measurement):
            pool.preflight.after(measurement)
        return self._result(measurement)

    def measure_again(self, endpoint: Endpoint) -> EndpointResult:
        """Measure an endpoint once more: in another container, where they may be ended, and forced cold starts too."""
        self._tell(endpoint, "measuring again")
        measurement = self._current = Measurement(endpoint, self.conditions(endpoint))
        if self.settings.cold == "force" and endpoint.id in self._due:
            self._make(measurement, self.settings.cold_rounds)
        elif self.settings.cold == "force":
            self._end_containers(endpoint)
            measurement.make(plan(cold_rounds=0, answered=False, rounds=self.settings.rounds))
        else:
            self._make(measurement, 0)
        result = self._result(measurement)
        self._current = None
        self.watch(EndpointEnded(endpoint=endpoint.id))
        return result

    def cut_off(self, why: str) -> EndpointResult | None:
        """Return what there is of the measurement that goes on, as one that failed for `why`; None: none goes on.

        Makes no call. The calls of a first measurement stay where a second one is cut off.
        """
        measurement, before = self._current, self._measured
        if measurement is None:
            return None
        self._current = None
        endpoint = measurement.endpoint
        self.watch(EndpointEnded(endpoint=endpoint.id))
        result = self._summed_up(endpoint, measurement.samples, self._known(measurement))
        if before is not None and before.id == endpoint.id:
            result = self.together(endpoint, before, result)
        base = None if self.base is None else self.base.cut_off(why)
        if base is not None:
            result.base = outcome.as_base(base)
        return structs.replace(result, status="failed", error=why, cause=None, meaning=None, remedy=None)

    def together(self, endpoint: Endpoint, *results: EndpointResult) -> EndpointResult:
        """Return one result of several measurements of an endpoint in this run; what any of them lacked, it lacks."""
        samples = [sample for result in results for sample in result.samples]
        known = structs.replace(
            results[-1],
            cold_inconclusive=next(filter(None, (each.cold_inconclusive for each in results)), None),
            warm_inconclusive=next(filter(None, (each.warm_inconclusive for each in results)), None),
            cold_asked=any(each.cold_asked for each in results),
            payload_sha256=results[0].payload_sha256,
            misfits=list(dict.fromkeys(note for each in results for note in each.misfits)),
            notes=list(dict.fromkeys(note for each in results for note in each.notes)),
            previews=next((each.previews for each in reversed(results) if each.previews), []),
        )
        base = next((each.base for each in results if each.base is not None), None)
        return structs.replace(self._summed_up(endpoint, samples, known), base=base)

    def conditions(self, endpoint: Endpoint) -> Conditions:
        """Under which the endpoint's calls are made."""
        return Conditions(
            client=self.client,
            resources=self.found,
            environ=ENVIRONMENT,
            deadline_sec=self.settings.deadline_sec(endpoint.timeout),
            pool=self._pools[endpoint.pool].state,
            tolerant=_tolerates(self._level(endpoint)),
            observer=NoPoolObserver() if self.observer is None else self.observer.of_pool(endpoint),
            judge=Judge(
                endpoint,
                self.inspector,
                self.found,
                self._outputs,
                follow=partial(
                    Links, self._link_client, deadline_sec=self.settings.deadline_sec(endpoint.timeout)
                ),
                previews=self.previews,
            ),
            pricing=self.spending.pricing(endpoint),
            time_scale=self.settings.time_scale if self.settings.local else 1.0,
            permit=partial(
                self.spending.permit, endpoint, partial(self._tell, endpoint, "waiting for its turn")
            ),
            enough=self._enough(endpoint),
            watch=self.watch,
        )

    def _end_containers(self, endpoint: Endpoint) -> None:
        """Have the next call meet a new container, if that can be had: where it did not, its evidence says so."""
        with suppress(ControlError), self._forced(endpoint) as scale_to_zero:
            scale_to_zero()

    def _enough(self, endpoint: Endpoint) -> Callable[[Sequence[Sample]], bool]:
        """Say when an endpoint's warm calls are enough: where nothing else was asked for, when all have been made."""
        if not self.settings.auto:
            return lambda _: False
        limits = budgets.bounds(endpoint.budget.under(self.settings.budget), self.limits.get(endpoint.id))
        return partial(stopping.is_enough, endpoint, limits=limits)

    def _forced(self, endpoint: Endpoint) -> AbstractContextManager[Callable[[], None]]:
        """See `Observer.forced`."""
        assert self.observer is not None  # noqa: S101 - no session that forces begins without
        return self.observer.forced(endpoint)

    def _make(self, measurement: Measurement, cold_rounds: int) -> None:
        """Make the calls that are planned, forced cold starts first."""
        endpoint = measurement.endpoint
        if measurement.kept("cold") >= cold_rounds:
            cold_rounds = 0
        forced = cold_rounds > 0 and self.settings.cold == "force"
        if forced:
            cold, *_ = plan(cold_rounds=cold_rounds, answered=False, rounds=self.settings.rounds)
            with self._forced(endpoint) as scale_to_zero:
                measurement.make([cold], scale_to_zero=scale_to_zero)
            # Only now, with the autoscaler as it was: a container must live from one warm call to the next.
            cold_rounds = 0
        called = endpoint.id in self._answered or (forced and bool(measurement.samples))
        measurement.make(plan(cold_rounds=cold_rounds, answered=called, rounds=self.settings.rounds))

    def _result(self, measurement: Measurement) -> EndpointResult:
        endpoint = measurement.endpoint
        self._remember(measurement)
        if not measurement.samples and measurement.impossible is not None:
            return outcome.failed(endpoint, measurement.impossible)
        if not measurement.samples and measurement.stopped is not None:
            return structs.replace(outcome.not_run(endpoint), skipped_reason=measurement.stopped)
        result = self._summed_up(endpoint, measurement.samples, self._known(measurement))
        if measurement.impossible is not None:
            # No call's failure explains it, if one came before.
            return structs.replace(
                result,
                status="failed",
                error=measurement.impossible,
                cause=None,
                meaning=None,
                remedy=None,
            )
        return result

    def _known(self, measurement: Measurement) -> EndpointResult:
        """What is known of a measurement beside its samples."""
        endpoint = measurement.endpoint
        return structs.replace(
            outcome.not_run(endpoint),
            cold_inconclusive=measurement.cold_inconclusive,
            warm_inconclusive=measurement.warm_inconclusive or measurement.stopped,
            cold_asked=self._cold_asked(measurement),
            payload_sha256=payload_sha256(endpoint, self.found),
            misfits=self._pools[endpoint.pool].preflight.notes(endpoint),
            notes=list(measurement.notes),
            previews=measurement.previews,
        )

    def _remember(self, measurement: Measurement) -> None:
        """Take note of what the calls say of their pool."""
        self._pools[measurement.endpoint.pool].remember(measurement)
        if any(sample.ok for sample in measurement.samples):
            self._answered.add(measurement.endpoint.id)

    def _summed_up(
        self, endpoint: Endpoint, samples: Sequence[Sample], known: EndpointResult
    ) -> EndpointResult:
        """Return what `samples` add up to, with what is `known` beside them."""
        result = outcome.summarise(
            endpoint,
            samples,
            deadline_sec=self.settings.deadline_sec(endpoint.timeout),
            cold_inconclusive=known.cold_inconclusive,
            warm_inconclusive=known.warm_inconclusive,
            min_success=self._level(endpoint).fail or 0.0,
        )
        result = structs.replace(
            result,
            region=next((sample.region for sample in samples if sample.region), None),
            cached=suspicion(endpoint, samples),
            cold_asked=known.cold_asked,
            payload_sha256=known.payload_sha256,
            misfits=known.misfits,
            notes=known.notes,
            previews=known.previews,
            deployed=None if self.observer is None else self.observer.deployed(endpoint),
        )
        return outcome.explained(self.spending.pricing(endpoint).total(result), endpoint)

    def _level(self, endpoint: Endpoint) -> Level:
        """Which share of the endpoint's calls must be answered: all, unless its budget says that fewer will do."""
        return endpoint.budget.under(self.settings.budget).min_success or Level(fail=1.0)

    def _cold_asked(self, measurement: Measurement) -> bool:
        """Whether a cold start was looked for, or would have been if any were."""
        asked = any(sample.meant == "cold" for sample in measurement.samples)
        return asked or measurement.cold_inconclusive is not None or measurement.endpoint.id in self._due

    def _believed(self, probe: Sample) -> Sample:
        """The call that asked for the LoRA, as a sample of its endpoint: no forced cold start is a guess."""
        if self.settings.cold == "force" and probe.start == "cold" and probe.counts and probe.proof is None:
            dropped = "nothing proved that it met a new container"
            return structs.replace(probe, start="first", asked="cold", dropped=dropped)
        return probe

    def _cold_rounds(self, endpoint: Endpoint, *, paired: bool) -> int:
        """How many cold starts an endpoint gets: those of its pool if it is the first, or its own if it asks.

        One that is `paired` meets as many new containers in any case.
        """
        due = is_cold_due(endpoint, self._begun) or (paired and endpoint.cold is not False)
        if due:
            self._due.add(endpoint.id)
        called = self._pools[endpoint.pool].state.called
        match self.settings.cold:
            case "force":
                return self.settings.cold_rounds if due else 0
            case "observe":
                return int(not called and endpoint.cold is not False)
            case "off":
                return 0

    def _tell(self, endpoint: Endpoint, text: str) -> None:
        self.watch(Activity(endpoint=endpoint.id, text=text))


def _tolerates(level: Level) -> bool:
    """Whether a warm call may fail without the endpoint failing for it: the share that is asked for will be known."""
    return level.fail is None or level.fail < 1
