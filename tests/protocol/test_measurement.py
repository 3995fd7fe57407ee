from __future__ import annotations

import dataclasses
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from measure_answers import TIMEOUT, answer, endpoint, failure
from msgspec import structs
from report_runs import sample

from pytest_modal_bench.call.spool import SpoolError
from pytest_modal_bench.control.interface import CallRecord, ControlError
from pytest_modal_bench.control.pool_observer import Before
from pytest_modal_bench.cost.ledger import LimitReached
from pytest_modal_bench.model import Provider, Sample, Streamed
from pytest_modal_bench.protocol.evidence import PoolState
from pytest_modal_bench.protocol.measurement import Conditions, Measurement
from pytest_modal_bench.protocol.plan import Step, plan
from pytest_modal_bench.protocol.progress import Activity, CallBegun, CallEnded, Event

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from pytest_modal_bench.call.answer import Answer
    from pytest_modal_bench.call.request import Request
    from pytest_modal_bench.model import StreamForm

BOOM = failure("HTTP 500: boom", "application", status=500)
NO_ROOM = SpoolError("no room for an answer")


class Client:
    """Gives the answers that it is made with, or raises them, and remembers what it was asked."""

    def __init__(self, *answers: Answer | Exception) -> None:
        self.answers = list(answers)
        self.requests: list[Request] = []
        self.fresh: list[bool] = []
        self.arrivals: list[bool] = []

    def call(self, request: Request, *, deadline_sec: float, fresh: bool, arrivals: bool = False) -> Answer:
        assert deadline_sec == 600.0
        self.arrivals.append(arrivals)
        self.requests.append(request)
        self.fresh.append(fresh)
        answered = self.answers.pop(0)
        if isinstance(answered, Exception):
            raise answered
        return answered


class PoolObserver:
    """An app's containers: before each call those of the next list, after it `after`; and the provider's records."""

    def __init__(
        self, *before: list[str], after: Sequence[str] = (), records: Sequence[CallRecord] = ()
    ) -> None:
        self.left = [*before]
        self.now = frozenset(after)
        self.kept = {record.call_id: record for record in records}

    def before(self) -> Before:
        there = self.left.pop(0)
        return Before((len(there), len(there)), frozenset(there))

    def after(self) -> frozenset[str]:
        return self.now

    def records(self, call_ids: Sequence[str], *, questions: int = 0) -> dict[str, CallRecord]:
        del call_ids, questions
        return self.kept


class Pricing:
    """A call costs a dollar for each second that the provider's record says it ran; counts the samples it prices."""

    def __init__(self) -> None:
        self.priced: list[Sample] = []

    def price(self, of: Sample) -> Sample:
        self.priced.append(of)
        seconds = None if of.provider is None else of.provider.execution_sec
        return structs.replace(of, cost_usd=seconds, cost_basis=None if seconds is None else "estimated")

    def bound(self, of: Sample) -> float | None:
        return of.cost_usd

    def bound_of_seconds(self, seconds: float) -> None:
        del seconds


class Permits:
    """Permits `allowed` calls; remembers what each was expected to cost, and what it cost."""

    def __init__(self, allowed: int = 100) -> None:
        self.allowed = allowed
        self.expected: list[float | None] = []
        self.spent: list[float | None] = []

    @contextmanager
    def __call__(self, expected_usd: float | None) -> Iterator[Callable[[float | None], None]]:
        if len(self.expected) == self.allowed:
            raise LimitReached("the spending limit of $1.00 is reached")
        self.expected.append(expected_usd)
        yield self.spent.append


def measurement_with(
    client: Any,
    *,
    headers: dict[str, str] | None = None,
    stream: StreamForm | None = None,
    **conditions: Any,
) -> Measurement:
    given: dict[str, Any] = {"pool": PoolState()} | conditions
    return Measurement(
        endpoint(headers=headers or {}, stream=stream),
        Conditions(client=client, resources={}, environ={}, deadline_sec=600.0, **given),
    )


def measured(client: Client, steps: Sequence[Step], **conditions: Any) -> list[Sample]:
    measurement = measurement_with(client, **conditions)
    measurement.make(steps)
    return measurement.samples


def of(container: str, request: int | None = None, *, elapsed: float = 1.0) -> Answer:
    """An answer of that container, which says which of its requests it was."""
    ordinal: dict[str, Any] = {} if request is None else {"x_modal_bench_request": str(request)}
    return answer(elapsed=elapsed, x_modal_bench_container=container, **ordinal)


def recorded(number: int, **record: Any) -> CallRecord:
    """The provider's record of the call `fc-<number>`."""
    return CallRecord(call_id=f"fc-{number}", **record)


def called(number: int) -> Answer:
    """The answer to the call `fc-<number>`."""
    return answer(modal_function_call_id=f"fc-{number}")


# --- Calls ---


def test_every_sample_has_its_start_and_a_seed_of_its_own() -> None:
    client = Client(answer(), answer(), answer(), answer())
    samples = measured(client, plan(cold_rounds=1, answered=False, rounds=3))

    assert [sample.start for sample in samples] == ["cold", "warm", "warm", "warm"]
    assert len({sample.seed for sample in samples}) == 4
    assert all(str(s.seed).encode() in (r.body or b"") for s, r in zip(samples, client.requests, strict=True))


def test_only_a_cold_sample_asks_for_a_fresh_connection() -> None:
    client = Client(answer(), answer(), answer())
    measured(client, [Step("cold", 1), Step("first", 1), Step("warm", 1)])

    assert client.fresh == [True, False, False]


def test_the_first_failure_ends_the_measurement_and_keeps_what_came_before() -> None:
    client = Client(answer(), BOOM, answer())
    measurement = measurement_with(client)
    measurement.make([Step("warm", 3)])

    assert [sample.ok for sample in measurement.samples] == [True, False]
    assert measurement.samples[-1].error == "HTTP 500: boom"
    assert (measurement.ended, measurement.stopped, measurement.impossible) == (True, None, None)
    assert len(client.answers) == 1


def test_a_measurement_whose_calls_are_answered_has_not_ended() -> None:
    measurement = measurement_with(Client(answer(), answer()))
    measurement.make([Step("first", 1)])
    assert not measurement.ended

    measurement.make([Step("warm", 1)])
    assert [sample.start for sample in measurement.samples] == ["first", "warm"]
    assert (measurement.ended, measurement.stopped, measurement.impossible) == (False, None, None)


def test_after_the_end_no_more_calls_are_made() -> None:
    client = Client(BOOM, answer())
    measurement = measurement_with(client)
    measurement.make([Step("first", 1), Step("warm", 1)])
    measurement.make([Step("cold", 1), Step("warm", 1)], scale_to_zero=pytest.fail)

    assert [sample.start for sample in measurement.samples] == ["first"]
    assert len(client.answers) == 1


def test_a_call_that_was_made_before_is_one_of_the_samples() -> None:
    measurement = measurement_with(Client(of("ta-2", 3), of("ta-2", 4)))
    measurement.take(sample("cold", 30.0, container="ta-1"))
    assert not measurement.ended
    assert (measurement.kept("cold"), measurement.conditions.pool.called) == (1, True)

    measurement.make([Step("warm", 1)])
    _, other, warm = measurement.samples
    assert (other.start, other.dropped) == ("first", "the container changed from ta-1 to ta-2")
    assert (warm.start, warm.dropped) == ("warm", None)


def test_a_call_that_was_made_before_and_failed_ends_the_measurement() -> None:
    measurement = measurement_with(Client())
    measurement.take(sample("cold", ok=False))
    measurement.make([Step("warm", 1)])

    assert measurement.ended
    assert [sample.start for sample in measurement.samples] == ["cold"]


# --- What ends a measurement beside a failure ---


def test_a_request_that_cannot_be_built_ends_it_without_a_call() -> None:
    measurement = measurement_with(Client(), headers={"Modal-Key": "{env:NOT_SET_ANYWHERE}"})
    measurement.make(plan(cold_rounds=1, answered=False, rounds=1))

    assert measurement.impossible == "the environment variable NOT_SET_ANYWHERE is not set"
    assert (measurement.ended, measurement.stopped, measurement.samples) == (True, None, [])
    assert not measurement.conditions.pool.called, "a cold start can still be observed"


def test_an_answer_that_cannot_be_kept_ends_it_and_keeps_what_came_before() -> None:
    permits = Permits()
    measurement = measurement_with(Client(answer(x_cost_usd="0.5"), NO_ROOM, answer()), permit=permits)
    measurement.make([Step("first", 1), Step("warm", 2)])

    assert (measurement.ended, measurement.stopped) == (True, None)
    assert measurement.impossible == "no room for an answer"
    assert [sample.start for sample in measurement.samples] == ["first"]
    assert permits.spent == [0.5], "what the other call cost is not known"


def test_a_limit_ends_it_and_keeps_what_came_before() -> None:
    client = Client(answer(), answer(), answer())
    measurement = measurement_with(client, permit=Permits(allowed=2))
    measurement.make(plan(cold_rounds=1, answered=False, rounds=2))

    assert measurement.stopped == "the spending limit of $1.00 is reached"
    assert (measurement.ended, measurement.impossible) == (True, None)
    assert [sample.start for sample in measurement.samples] == ["cold", "warm"]


# --- What becomes of an answer ---


def test_an_answer_is_judged_looked_up_priced_and_paid_for_before_the_next_call() -> None:
    events: list[str] = []

    class Noting(Client):
        def call(
            self, request: Request, *, deadline_sec: float, fresh: bool, arrivals: bool = False
        ) -> Answer:
            assert request.body is not None, "it is built before the clock starts"
            events.append("call")
            return super().call(request, deadline_sec=deadline_sec, fresh=fresh, arrivals=arrivals)

    class Looking(PoolObserver):
        def after(self) -> frozenset[str]:
            events.append("containers")
            return super().after()

        def records(self, call_ids: Sequence[str], *, questions: int = 0) -> dict[str, CallRecord]:
            events.append(f"records of {', '.join(call_ids)}")
            return super().records(call_ids, questions=questions)

    class Judge:
        notes = ("a note",)

        def judge(self, answered: Answer, of: Sample, request: Request) -> Sample:
            del request
            assert answered.ok
            events.append("judge")
            return of

    class NotingPrices(Pricing):
        def price(self, of: Sample) -> Sample:
            events.append(f"price of {of.start}")
            return super().price(of)

    @contextmanager
    def permit(expected_usd: float | None) -> Iterator[Callable[[float | None], None]]:
        del expected_usd
        events.append("begin")
        yield lambda usd: events.append(f"spent {usd}")
        events.append("end")

    measurement = measurement_with(
        Noting(called(1), called(2)),
        observer=Looking([], records=[recorded(1, execution_sec=3.0)]),
        judge=Judge(),
        pricing=NotingPrices(),
        permit=permit,
    )
    measurement.make([Step("cold", 1), Step("warm", 1)])

    assert events == [
        *("begin", "call", "containers", "judge", "records of fc-1", "price of cold", "spent 3.0", "end"),
        *("begin", "call", "judge", "records of fc-2", "price of warm", "spent None", "end"),
    ]
    assert list(measurement.notes) == ["a note"]


def test_without_a_judge_there_are_no_notes() -> None:
    assert measurement_with(Client()).notes == []


def test_an_answer_that_is_judged_wrong_has_failed_and_is_no_time() -> None:
    class Judge:
        notes = ()

        def judge(self, _: Answer, of: Sample, request: Request) -> Sample:
            del request
            return structs.replace(of, ok=False, error="not an image", cause="invalid_output")

    measurement = measurement_with(Client(answer(), answer()), judge=Judge())
    measurement.make([Step("first", 1), Step("warm", 1)])

    assert [sample.error for sample in measurement.samples] == ["not an image"]
    assert (measurement.ended, measurement.kept("first")) == (True, 0)


def test_a_sample_is_priced_once_by_what_the_providers_record_says_and_the_ledger_has_that_price() -> None:
    pricing, permits = Pricing(), Permits()
    records = [recorded(number, execution_sec=float(number)) for number in range(1, 6)]
    measurement = measurement_with(
        Client(*(called(number) for number in range(1, 6))),
        observer=PoolObserver([], records=records),
        pricing=pricing,
        permit=permits,
    )
    measurement.make([Step("cold", 1), Step("first", 1), Step("warm", 3)])

    assert [sample.cost_usd for sample in measurement.samples] == [1.0, 2.0, 3.0, 4.0, 5.0]
    assert permits.spent == [1.0, 2.0, 3.0, 4.0, 5.0]
    assert [priced.seed for priced in pricing.priced] == [sample.seed for sample in measurement.samples]


def test_a_sample_that_is_dropped_or_fails_is_priced_once_too() -> None:
    pricing, permits = Pricing(), Permits()
    records = [recorded(1, execution_sec=1.0, startup_sec=9.0), recorded(2, execution_sec=2.0)]
    crashed = dataclasses.replace(called(2), ok=False, status=500, error="HTTP 500: boom")
    measurement = measurement_with(
        Client(called(1), crashed), observer=PoolObserver(records=records), pricing=pricing, permit=permits
    )
    measurement.make([Step("warm", 1)])
    dropped, failed = measurement.samples

    assert (dropped.dropped, dropped.cost_usd) == ("it ran in a new container", 1.0)
    assert (failed.ok, failed.cost_usd) == (False, 2.0)
    assert permits.spent == [1.0, 2.0]
    assert [priced.start for priced in pricing.priced] == ["first", "warm"], "as what they turned out to be"


@pytest.mark.parametrize("start", ["cold", "first", "warm"])
def test_a_call_that_failed_is_looked_up_as_well(start: Any) -> None:
    crashed = dataclasses.replace(called(1), ok=False, status=500, error="HTTP 500: boom")
    observer = PoolObserver([], records=[recorded(1, container="ta-1", execution_sec=2.0)])
    (failed,) = measured(Client(crashed), [Step(start, 1)], observer=observer)

    assert (failed.start, failed.ok, failed.proof, failed.dropped) == (start, False, None, None)
    assert failed.provider == Provider(container="ta-1", execution_sec=2.0)


def test_a_call_is_expected_to_cost_the_most_of_those_before_of_its_start_first() -> None:
    costs = ["4", "1", "3", "2"]
    permits = Permits()
    measured(
        Client(*(answer(x_cost_usd=usd) for usd in costs)), [Step("cold", 1), Step("warm", 3)], permit=permits
    )

    assert permits.expected == [None, 4.0, 1.0, 3.0]
    assert permits.spent == [4.0, 1.0, 3.0, 2.0]


def test_what_nobody_accounts_for_is_known_without_a_control_plane_too() -> None:
    (warm,) = measured(Client(answer(elapsed=10.0, server_timing="handler;dur=4000")), [Step("warm", 1)])

    assert (warm.handler_sec, warm.unattributed_sec) == (4.0, 6.0)


# --- Cold starts that are observed ---


def test_without_evidence_a_cold_start_is_kept_and_unverified() -> None:
    (cold,) = measured(Client(answer()), [Step("cold", 1)])

    assert (cold.start, cold.proof, cold.dropped) == ("cold", None, None)


def test_the_first_request_of_a_container_proves_a_cold_start() -> None:
    (cold,) = measured(Client(of("ta-1", 1)), [Step("cold", 1)])

    assert (cold.start, cold.proof) == ("cold", "first request of container ta-1")


def test_an_observed_cold_start_that_was_none_is_dropped_and_not_taken_again() -> None:
    client = Client(of("ta-1", 5), of("ta-1", 6))
    measurement = measurement_with(client)
    measurement.make(plan(cold_rounds=1, answered=False, rounds=1))
    first, warm = measurement.samples

    assert (first.start, first.asked, first.proof) == ("first", "cold", None)
    assert first.dropped == "its container had served 4 requests before"
    assert measurement.cold_inconclusive == first.dropped
    assert (warm.start, warm.dropped) == ("warm", None)


def test_a_pool_that_is_awake_is_not_asked_for_a_cold_start() -> None:
    measurement = measurement_with(Client(answer(), answer()), observer=PoolObserver(["ta-9"]))
    measurement.make(plan(cold_rounds=1, answered=False, rounds=1))

    assert [sample.start for sample in measurement.samples] == ["first", "warm"]
    assert measurement.cold_inconclusive == "the pool had 1 container before its first call"


def test_the_control_plane_proves_a_cold_start_too() -> None:
    measurement = measurement_with(Client(answer()), observer=PoolObserver([], after=["ta-1"]))
    measurement.make([Step("cold", 1)])

    assert measurement.samples[0].proof == "no container before, ta-1 after"


def test_a_record_says_where_the_time_of_a_cold_start_went() -> None:
    record = CallRecord(
        call_id="fc-1",
        container="ta-1",
        enqueued_at=100.0,
        started_at=112.0,
        startup_sec=9.0,
        execution_sec=30.0,
    )
    client = Client(answer(elapsed=45.0, modal_function_call_id="fc-1"))
    measurement = measurement_with(client, observer=PoolObserver([], records=[record]))
    measurement.make([Step("cold", 1)])
    (cold,) = measurement.samples

    assert (cold.container, cold.proof) == ("ta-1", "no container before, ta-1 after")
    assert cold.provider == Provider(container="ta-1", queue_sec=3.0, boot_sec=9.0, execution_sec=30.0)
    assert cold.unattributed_sec == 3.0


# --- Cold starts that are forced ---


def forced(measurement: Measurement, rounds: int) -> list[int]:
    """Force cold starts; returns how many calls had been made each time the pool was scaled to zero."""
    zeros: list[int] = []
    measurement.make([Step("cold", rounds)], scale_to_zero=lambda: zeros.append(len(measurement.samples)))
    return zeros


def test_a_forced_cold_start_scales_to_zero_each_time() -> None:
    measurement = measurement_with(Client(of("ta-1", 1), of("ta-2", 1)))

    assert forced(measurement, 2) == [0, 1]
    assert [sample.proof is not None for sample in measurement.samples] == [True, True]
    assert measurement.cold_inconclusive is None


def test_a_contaminated_cold_start_is_taken_again() -> None:
    measurement = measurement_with(Client(of("ta-1", 3), of("ta-2", 1)))

    assert forced(measurement, 1) == [0, 1]
    assert [sample.start for sample in measurement.samples] == ["first", "cold"]
    assert [sample.counts for sample in measurement.samples] == [False, True]
    assert measurement.kept("cold") == 1
    assert measurement.cold_inconclusive is None


@given(rounds=st.integers(1, 5), good=st.lists(st.booleans(), min_size=20, max_size=20))
def test_tries_have_a_bound_and_no_contaminated_one_is_called_cold(rounds: int, good: list[bool]) -> None:
    answers = [of(f"ta-{number}", 1 if is_new else 2) for number, is_new in enumerate(good)]
    measurement = measurement_with(Client(*answers))
    forced(measurement, rounds)
    made = len(measurement.samples)

    assert made <= 3 * rounds
    assert [sample.start == "cold" for sample in measurement.samples] == good[:made]
    assert measurement.kept("cold") == sum(good[:made])
    assert (sum(good[:made]) == rounds) == (measurement.cold_inconclusive is None)


def test_a_pool_that_does_not_scale_to_zero_is_inconclusive_and_soon_left_alone() -> None:
    asked: list[None] = []

    def refuse() -> None:
        asked.append(None)
        raise ControlError("1 container left")

    measurement = measurement_with(Client())
    measurement.make([Step("cold", 5)], scale_to_zero=refuse)

    assert measurement.cold_inconclusive == "0 of 5 cold starts: 1 container left"
    assert len(asked) == 2, "each may take a minute"
    assert measurement.samples == []
    assert not measurement.ended, "warm calls can still be made"


def test_a_pool_that_refuses_now_and_then_is_asked_again() -> None:
    refusals = iter([ControlError("1 container left"), None] * 2)

    def scale_to_zero() -> None:
        refusal = next(refusals)
        if refusal is not None:
            raise refusal

    measurement = measurement_with(Client(of("ta-1", 1), of("ta-2", 1)))
    measurement.make([Step("cold", 2)], scale_to_zero=scale_to_zero)

    assert (measurement.kept("cold"), measurement.cold_inconclusive) == (2, None)


# --- Warm and first calls ---


def test_a_warm_call_in_another_container_is_dropped_and_taken_again() -> None:
    client = Client(of("ta-1", 1), of("ta-1", 2), of("ta-2", 7), of("ta-2", 8))
    samples = measured(client, plan(cold_rounds=1, answered=False, rounds=2))

    assert [sample.start for sample in samples] == ["cold", "warm", "first", "warm"]
    assert samples[2].dropped == "the container changed from ta-1 to ta-2"
    assert [sample.dropped is None for sample in samples] == [True, True, False, True]


def test_no_warm_sample_ever_ran_in_a_new_container() -> None:
    client = Client(of("ta-1", 1), of("ta-2", 1), of("ta-2", 2))
    samples = measured(client, plan(cold_rounds=1, answered=False, rounds=1))

    assert [(sample.start, sample.meant) for sample in samples] == [
        ("cold", "cold"),
        ("first", "warm"),
        ("warm", "warm"),
    ]
    assert samples[1].dropped == "it ran in a new container"


def test_warm_calls_that_never_stay_in_one_container_are_inconclusive() -> None:
    measurement = measurement_with(Client(*(of(f"ta-{number}", 2) for number in range(9))))
    measurement.make(plan(cold_rounds=0, answered=False, rounds=2))

    assert len(measurement.samples) == 7
    assert measurement.warm_inconclusive == "0 of 2 warm calls: the container changed from ta-5 to ta-6"


def test_a_first_call_that_ran_in_a_new_container_is_neither_first_nor_cold() -> None:
    steps = plan(cold_rounds=0, answered=False, rounds=1)
    first, warm = measured(Client(of("ta-2", 1), of("ta-2", 2)), steps)

    assert (first.start, first.dropped) == ("first", "it ran in a new container")
    assert (warm.start, warm.dropped) == ("warm", None)


def test_where_failures_are_tolerated_a_warm_series_goes_on() -> None:
    client = Client(answer(), BOOM, answer())
    measurement = measurement_with(client, tolerant=True)
    measurement.make([Step("warm", 3)])

    assert [sample.ok for sample in measurement.samples] == [True, False, True]
    assert (measurement.kept("warm"), measurement.warm_inconclusive) == (2, None)
    assert not measurement.ended


def test_a_failure_that_hits_the_whole_pool_is_not_tolerated() -> None:
    down = failure("HTTP 404: modal-http: invalid function call", "not_deployed", status=404)
    client = Client(answer(), down, answer())
    measurement = measurement_with(client, tolerant=True)
    measurement.make([Step("warm", 3)])

    assert ([sample.ok for sample in measurement.samples], measurement.ended) == ([True, False], True)


def test_a_warm_call_that_failed_in_a_new_container_still_counts_as_a_failure() -> None:
    crashed = of("ta-2", 1)
    client = Client(
        of("ta-1", 2), of("ta-1", 3), dataclasses.replace(crashed, ok=False, error="HTTP 500: boom")
    )
    measurement = measurement_with(client, tolerant=True)
    measurement.make(plan(cold_rounds=0, answered=True, rounds=3))

    failed = measurement.samples[-1]
    assert (failed.ok, failed.dropped, failed.start, failed.meant) == (False, None, "first", "warm")


def test_a_series_of_failures_alone_is_one() -> None:
    measurement = measurement_with(Client(TIMEOUT, BOOM), tolerant=True)
    measurement.make([Step("warm", 2)])

    assert (len(measurement.samples), measurement.ended) == (2, True)


@pytest.mark.parametrize("cold_rounds", [0, 1])
def test_a_first_or_cold_call_that_fails_ends_it_all_the_same(cold_rounds: int) -> None:
    measurement = measurement_with(Client(BOOM), tolerant=True)
    measurement.make(plan(cold_rounds=cold_rounds, answered=False, rounds=2))

    assert (len(measurement.samples), measurement.ended) == (1, True)


@pytest.mark.parametrize("stream", [None, "openai", "bytes"])
def test_only_of_a_stream_it_is_kept_when_its_pieces_arrived(stream: StreamForm | None) -> None:
    client = Client(answer(), answer())
    measurement_with(client, stream=stream).make([Step("warm", 2)])

    assert client.arrivals == [stream is not None] * 2


def test_a_stream_that_failed_is_timed_and_has_still_failed() -> None:
    class Judge:
        notes = ()

        def judge(self, _: Answer, of: Sample, request: Request) -> Sample:
            del request
            return structs.replace(of, stream=Streamed(ttft_sec=0.5))

    measurement = measurement_with(Client(BOOM), stream="openai", judge=Judge())
    measurement.make([Step("warm", 1)])

    (failed,) = measurement.samples
    assert (failed.ok, failed.error, failed.stream) == (False, "HTTP 500: boom", Streamed(ttft_sec=0.5))


# --- Who watches ---


class Watched:
    """A client, and who watches what it does: all in the order in which it happens."""

    def __init__(self, *answers: Answer) -> None:
        self.happened: list[str] = []
        self._client = Client(*answers)

    def call(self, request: Request, **how: Any) -> Answer:
        self.happened.append("call")
        return self._client.call(request, **how)

    def __call__(self, event: Event) -> None:
        match event:
            case Activity():
                self.happened.append(event.text)
            case CallBegun():
                self.happened.append(f"{event.start} {event.number} of {event.rounds} begins")
            case CallEnded():
                fate = "dropped" if event.dropped else "ok" if event.ok else "failed"
                self.happened.append(f"{event.meant} {event.number} ends: {fate}")


def test_who_watches_is_told_before_a_call_and_after_it() -> None:
    watched = Watched(of("A"), of("B", 1), of("A"), of("A"), BOOM)
    measurement_with(watched, watch=watched).make([Step("cold", 1), Step("warm", 3)])

    looked = ["call", "checking the answer"]
    assert watched.happened == [
        *("cold 1 of 1 begins", *looked, "cold 1 ends: ok"),
        *("warm 1 of 3 begins", *looked, "warm 1 ends: dropped"),
        *("warm 1 of 3 begins", *looked, "warm 1 ends: ok"),
        *("warm 2 of 3 begins", *looked, "warm 2 ends: ok"),
        *("warm 3 of 3 begins", *looked, "warm 3 ends: failed"),
    ]


def test_who_watches_is_told_that_a_pool_is_scaled_to_zero() -> None:
    watched = Watched(of("A", 1), of("B", 1))
    measurement_with(watched, watch=watched).make([Step("cold", 2)], scale_to_zero=lambda: None)

    assert [each for each in watched.happened if each not in ("call", "checking the answer")] == [
        *("scaling to zero", "cold 1 of 2 begins", "cold 1 ends: ok"),
        *("scaling to zero", "cold 2 of 2 begins", "cold 2 ends: ok"),
    ]
