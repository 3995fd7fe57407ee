from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_modal_bench.call.client import Answer
from pytest_modal_bench.control.interface import CallRecord
from pytest_modal_bench.model import Endpoint, Phases, Provider, Sample, Start
from pytest_modal_bench.protocol import measurement as protocol
from pytest_modal_bench.protocol.evidence import Before, PoolState
from pytest_modal_bench.protocol.recording import PlainRecorder

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pytest_modal_bench.call.request import Request

ENDPOINT = Endpoint(
    id="flux",
    name="Flux",
    path="/flux",
    app="ryla-flux",
    url="http://127.0.0.1:9",
    pool="http://127.0.0.1:9",
    category="Flux",
    payload={"prompt": "a lake", "seed": "{seed}"},
)


def answer(*, ok: bool = True, elapsed: float = 1.0, **headers: str) -> Answer:
    return Answer(
        ok=ok,
        status=200 if ok else 500,
        headers={name.replace("_", "-"): value for name, value in headers.items()},
        body=b"x" * 2048,
        size_bytes=2048,
        elapsed_sec=elapsed,
        started_at="2026-02-02T12:22:58+00:00",
        phases=Phases(wait_sec=elapsed),
        redirects=0,
        held_sec=0.0,
        error=None if ok else "HTTP 500: boom",
        cause=None if ok else "application",
        url="http://127.0.0.1:9/flux",
    )


class Client:
    """Gives the answers it was told to, and remembers what it was asked."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.requests: list[Request] = []
        self.fresh: list[bool] = []

    def call(self, request: Request, *, deadline_sec: float, fresh: bool) -> Answer:
        assert deadline_sec == 600.0
        self.requests.append(request)
        self.fresh.append(fresh)
        return self.answers.pop(0)


def measurement_with(client: Any, recorder: Any = None, **conditions: Any) -> protocol.Measurement:
    given = {"pool": PoolState()} | conditions
    return protocol.Measurement(
        ENDPOINT,
        protocol.Conditions(client=client, resources={}, environ={}, deadline_sec=600.0, **given),
        recorder or PlainRecorder(),
    )


def measured(client: Client, steps: Sequence[protocol.Step]) -> list[Sample]:
    measurement = measurement_with(client)
    measurement.make(steps)
    return measurement.samples


def starts(*, cold_rounds: int = 0, answered: bool = False) -> list[tuple[Start, int]]:
    steps = protocol.plan(cold_rounds=cold_rounds, answered=answered, rounds=3)
    return [(step.start, step.rounds) for step in steps]


def test_where_a_cold_start_is_due_what_follows_it_is_warm() -> None:
    assert starts(cold_rounds=2) == [("cold", 2), ("warm", 3)]


def test_where_none_is_due_the_first_call_is_neither() -> None:
    assert starts() == [("first", 1), ("warm", 3)]


def test_an_endpoint_that_has_answered_before_is_warm() -> None:
    assert starts(answered=True) == [("warm", 3)]


def test_every_sample_has_its_start_and_a_seed_of_its_own() -> None:
    client = Client(answer(), answer(), answer(), answer())
    samples = measured(client, protocol.plan(cold_rounds=1, answered=False, rounds=3))

    assert [sample.start for sample in samples] == ["cold", "warm", "warm", "warm"]
    assert len({sample.seed for sample in samples}) == 4
    assert all(str(s.seed).encode() in (r.body or b"") for s, r in zip(samples, client.requests, strict=True))


def test_only_a_cold_sample_asks_for_a_fresh_connection() -> None:
    client = Client(answer(), answer(), answer())
    measured(client, [protocol.Step("cold", 1), protocol.Step("first", 1), protocol.Step("warm", 1)])

    assert client.fresh == [True, False, False]


def test_the_first_failure_ends_the_measurement_and_keeps_what_came_before() -> None:
    client = Client(answer(), answer(ok=False), answer())
    measurement = measurement_with(client)
    with pytest.raises(protocol.CallFailed, match="HTTP 500: boom"):
        measurement.make([protocol.Step("warm", 3)])

    assert [sample.ok for sample in measurement.samples] == [True, False]
    assert len(client.answers) == 1


def test_building_the_request_is_not_part_of_what_a_recorder_times() -> None:
    events: list[str] = []

    class Recorder(PlainRecorder):
        def run(
            self, start: Start, call: Callable[[Request], None], prepare: Callable[[], Request], rounds: int
        ) -> None:
            assert start == "warm"
            for _ in range(rounds):
                request = prepare()
                events.append("clock starts")
                call(request)
                events.append("clock stops")

    class Noting(Client):
        def call(self, request: Request, *, deadline_sec: float, fresh: bool) -> Answer:
            assert request.body is not None
            events.append("call")
            return super().call(request, deadline_sec=deadline_sec, fresh=fresh)

    client: Any = Noting(answer())
    measurement_with(client, Recorder()).make([protocol.Step("warm", 1)])

    assert events == ["clock starts", "call", "clock stops"]


def test_headers_are_believed_as_far_as_they_make_sense() -> None:
    said = answer(
        x_cost_usd="0.0012", x_execution_time_sec="2.5", x_gpu_type="  L40S\t", content_type="image/png"
    )
    kept = protocol.as_sample(said, start="warm", seed=7)

    assert (kept.cost_usd, kept.execution_sec, kept.gpu_type) == (0.0012, 2.5, "L40S")
    assert (kept.content_type, kept.size_bytes, kept.seed) == ("image/png", 2048, 7)


@given(st.one_of(st.text(), st.sampled_from(["", "nan", "inf", "-1", "-0.1", "1e999", "free", "$0.01"])))
def test_a_header_that_is_no_amount_is_unknown_never_zero(text: str) -> None:
    cost = protocol.as_sample(answer(x_cost_usd=text), start="warm", seed=None).cost_usd
    try:
        expected: float | None = float(text)
    except ValueError:
        expected = None
    if expected is not None and not (0 <= expected < float("inf")):
        expected = None

    assert cost == expected


def test_an_absent_header_is_unknown() -> None:
    kept = protocol.as_sample(answer(), start="warm", seed=None)

    assert (kept.cost_usd, kept.execution_sec, kept.gpu_type) == (None, None, None)


def test_a_failed_answer_has_no_size() -> None:
    assert protocol.as_sample(answer(ok=False), start="warm", seed=None).size_bytes is None


def of(container: str, request: int | None = None, *, elapsed: float = 1.0) -> Answer:
    """An answer of that container, which says which of its requests it was."""
    told: dict[str, Any] = {} if request is None else {"x_modal_bench_request": str(request)}
    return answer(elapsed=elapsed, x_modal_bench_container=container, **told)


class Witness:
    """Says what it was told, of an app that has as many containers as its list."""

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

    def records(self, call_ids: Sequence[str]) -> dict[str, CallRecord]:
        del call_ids
        return self.kept


def test_without_evidence_a_cold_start_is_kept_and_unverified() -> None:
    (cold,) = measured(Client(answer()), [protocol.Step("cold", 1)])

    assert (cold.start, cold.proof, cold.dropped) == ("cold", None, None)


def test_the_first_request_of_a_container_proves_a_cold_start() -> None:
    (cold,) = measured(Client(of("ta-1", 1)), [protocol.Step("cold", 1)])

    assert (cold.start, cold.proof) == ("cold", "first request of container ta-1")


def test_an_observed_cold_start_that_was_none_is_dropped_and_not_taken_again() -> None:
    client = Client(of("ta-1", 5), of("ta-1", 6))
    measurement = measurement_with(client)
    measurement.make(protocol.plan(cold_rounds=1, answered=False, rounds=1))
    first, warm = measurement.samples

    assert (first.start, first.asked, first.proof) == ("first", "cold", None)
    assert first.dropped == "its container had served 4 requests before"
    assert measurement.cold_inconclusive == first.dropped
    assert (warm.start, warm.dropped) == ("warm", None)


def test_a_pool_that_is_awake_is_not_asked_for_a_cold_start() -> None:
    measurement = measurement_with(Client(answer(), answer()), witness=Witness(["ta-9"]))
    measurement.make(protocol.plan(cold_rounds=1, answered=False, rounds=1))

    assert [sample.start for sample in measurement.samples] == ["first", "warm"]
    assert measurement.cold_inconclusive == "the pool had 1 container before its first call"


def test_the_control_plane_proves_a_cold_start_too() -> None:
    measurement = measurement_with(Client(answer()), witness=Witness([], after=["ta-1"]))
    measurement.make([protocol.Step("cold", 1)])

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
    measurement = measurement_with(client, witness=Witness([], records=[record]))
    measurement.make([protocol.Step("cold", 1)])
    (cold,) = measurement.samples

    assert (cold.container, cold.proof) == ("ta-1", "no container before, ta-1 after")
    assert cold.provider == Provider(container="ta-1", queue_sec=3.0, boot_sec=9.0, execution_sec=30.0)
    assert cold.unattributed_sec == 3.0


def forced(measurement: protocol.Measurement, rounds: int) -> list[int]:
    """Force cold starts; returns how many calls had been made each time the pool was scaled to zero."""
    zeros: list[int] = []
    measurement.make(
        [protocol.Step("cold", rounds)], scale_to_zero=lambda: zeros.append(len(measurement.samples))
    )
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
    assert measurement.kept("cold") == [False, True]
    assert measurement.cold_inconclusive is None


@given(rounds=st.integers(1, 5), good=st.lists(st.booleans(), min_size=20, max_size=20))
def test_tries_have_a_bound_and_no_contaminated_one_is_called_cold(rounds: int, good: list[bool]) -> None:
    answers = [of(f"ta-{number}", 1 if is_new else 2) for number, is_new in enumerate(good)]
    measurement = measurement_with(Client(*answers))
    forced(measurement, rounds)
    made = len(measurement.samples)

    assert made <= 3 * rounds
    assert [sample.start == "cold" for sample in measurement.samples] == good[:made]
    assert (sum(good[:made]) == rounds) == (measurement.cold_inconclusive is None)


def test_a_pool_that_does_not_scale_to_zero_is_inconclusive_and_soon_left_alone() -> None:
    asked: list[None] = []

    def refuse() -> None:
        asked.append(None)
        raise protocol.NotZero("1 container left")

    measurement = measurement_with(Client())
    measurement.make([protocol.Step("cold", 5)], scale_to_zero=refuse)

    assert measurement.cold_inconclusive == "0 of 5 cold starts: 1 container left"
    assert len(asked) == 2, "each may take a minute"
    assert measurement.samples == []


def test_a_warm_call_in_another_container_is_dropped_and_taken_again() -> None:
    client = Client(of("ta-1", 1), of("ta-1", 2), of("ta-2", 7), of("ta-2", 8))
    samples = measured(client, protocol.plan(cold_rounds=1, answered=False, rounds=2))

    assert [sample.start for sample in samples] == ["cold", "warm", "first", "warm"]
    assert samples[2].dropped == "the container changed from ta-1 to ta-2"
    assert [sample.dropped is None for sample in samples] == [True, True, False, True]


def test_no_warm_sample_ever_ran_in_a_new_container() -> None:
    client = Client(of("ta-1", 1), of("ta-2", 1), of("ta-2", 2))
    samples = measured(client, protocol.plan(cold_rounds=1, answered=False, rounds=1))

    assert [(sample.start, sample.meant) for sample in samples] == [
        ("cold", "cold"),
        ("first", "warm"),
        ("warm", "warm"),
    ]
    assert samples[1].dropped == "it ran in a new container"


def test_warm_calls_that_never_stay_in_one_container_are_inconclusive() -> None:
    measurement = measurement_with(Client(*(of(f"ta-{number}", 2) for number in range(9))))
    measurement.make(protocol.plan(cold_rounds=0, answered=False, rounds=2))

    assert len(measurement.samples) == 7
    assert measurement.warm_inconclusive == "0 of 2 warm calls: the container changed from ta-5 to ta-6"


def test_a_first_call_that_ran_in_a_new_container_is_neither_first_nor_cold() -> None:
    steps = protocol.plan(cold_rounds=0, answered=False, rounds=1)
    first, warm = measured(Client(of("ta-2", 1), of("ta-2", 2)), steps)

    assert (first.start, first.dropped) == ("first", "it ran in a new container")
    assert (warm.start, warm.dropped) == ("warm", None)


def test_where_failures_are_tolerated_a_warm_series_goes_on() -> None:
    client = Client(answer(), answer(ok=False), answer())
    measurement = measurement_with(client, tolerant=True)
    measurement.make([protocol.Step("warm", 3)])

    assert [sample.ok for sample in measurement.samples] == [True, False, True]
    assert measurement.warm_inconclusive is None
    assert measurement.recorded("warm") == [False] * 3, "what came before a failure looks like good times"


def test_a_warm_call_that_failed_in_a_new_container_still_counts_as_a_failure() -> None:
    crashed = of("ta-2", 1)
    client = Client(
        of("ta-1", 2), of("ta-1", 3), dataclasses.replace(crashed, ok=False, error="HTTP 500: boom")
    )
    measurement = measurement_with(client, tolerant=True)
    measurement.make(protocol.plan(cold_rounds=0, answered=True, rounds=3))

    failed = measurement.samples[-1]
    assert (failed.ok, failed.dropped, failed.start, failed.meant) == (False, None, "first", "warm")


def test_a_series_of_failures_alone_is_one() -> None:
    with pytest.raises(protocol.CallFailed):
        measurement_with(Client(*[answer(ok=False)] * 2), tolerant=True).make([protocol.Step("warm", 2)])


def test_a_first_or_cold_call_that_fails_ends_it_all_the_same() -> None:
    measurement = measurement_with(Client(answer(ok=False)), tolerant=True)
    with pytest.raises(protocol.CallFailed):
        measurement.make(protocol.plan(cold_rounds=0, answered=False, rounds=2))
