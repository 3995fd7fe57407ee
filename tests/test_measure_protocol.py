from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_modal_bench.measure import protocol
from pytest_modal_bench.measure.client import Answer
from pytest_modal_bench.model import Endpoint, Phases, Sample, Start

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pytest_modal_bench.measure.request import Request

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
        elapsed_sec=elapsed,
        started_at="2026-02-02T12:22:58+00:00",
        phases=Phases(wait_sec=elapsed),
        redirects=0,
        held_sec=0.0,
        error=None if ok else "HTTP 500: boom",
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


def measured(client: Client, steps: Sequence[protocol.Step]) -> list[Sample]:
    samples: list[Sample] = []
    stand_in: Any = client
    protocol.measure(
        ENDPOINT,
        steps,
        client=stand_in,
        recorder=protocol.PlainRecorder(),
        resources={},
        environ={},
        deadline_sec=600.0,
        samples=samples,
    )
    return samples


def starts(**known: bool) -> list[tuple[Start, int]]:
    known = {"pool_called": False, "answered": False, "quick": False} | known
    return [(step.start, step.rounds) for step in protocol.plan(rounds=3, **known)]


def test_a_pools_first_call_may_be_cold_and_what_follows_is_warm() -> None:
    assert starts() == [("cold", 1), ("warm", 3)]


def test_an_endpoint_of_a_pool_that_was_called_has_a_first_call_that_is_neither() -> None:
    assert starts(pool_called=True) == [("first", 1), ("warm", 3)]


def test_quick_measures_no_cold_start() -> None:
    assert starts(quick=True) == [("first", 1), ("warm", 3)]


def test_an_endpoint_that_has_answered_before_is_warm() -> None:
    assert starts(pool_called=True, answered=True) == [("warm", 3)]


def test_every_sample_has_its_start_and_a_seed_of_its_own() -> None:
    client = Client(answer(), answer(), answer(), answer())
    samples = measured(client, protocol.plan(pool_called=False, answered=False, quick=False, rounds=3))

    assert [sample.start for sample in samples] == ["cold", "warm", "warm", "warm"]
    assert len({sample.seed for sample in samples}) == 4
    assert all(str(s.seed).encode() in (r.body or b"") for s, r in zip(samples, client.requests, strict=True))


def test_only_a_cold_sample_asks_for_a_fresh_connection() -> None:
    client = Client(answer(), answer(), answer())
    measured(client, [protocol.Step("cold", 1), protocol.Step("first", 1), protocol.Step("warm", 1)])

    assert client.fresh == [True, False, False]


def test_the_first_failure_ends_the_measurement_and_keeps_what_came_before() -> None:
    samples: list[Sample] = []
    client: Any = Client(answer(), answer(ok=False), answer())
    with pytest.raises(protocol.CallFailed, match="HTTP 500: boom"):
        protocol.measure(
            ENDPOINT,
            [protocol.Step("warm", 3)],
            client=client,
            recorder=protocol.PlainRecorder(),
            resources={},
            environ={},
            deadline_sec=600.0,
            samples=samples,
        )

    assert [sample.ok for sample in samples] == [True, False]
    assert len(client.answers) == 1


def test_building_the_request_is_not_part_of_what_a_recorder_times() -> None:
    events: list[str] = []

    class Recorder(protocol.PlainRecorder):
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
    protocol.measure(
        ENDPOINT,
        [protocol.Step("warm", 1)],
        client=client,
        recorder=Recorder(),
        resources={},
        environ={},
        deadline_sec=600.0,
        samples=[],
    )

    assert events == ["clock starts", "call", "clock stops"]


def sample(start: Start, elapsed: float, *, ok: bool = True, **more: Any) -> Sample:
    return Sample(
        start=start,
        ok=ok,
        elapsed_sec=elapsed,
        started_at="2026-02-02T12:22:58+00:00",
        error=None if ok else "Timeout",
        size_bytes=2048 if ok else None,
        **more,
    )


def test_a_result_has_the_median_of_each_start() -> None:
    samples = [sample("cold", 44.0), sample("warm", 3.0), sample("warm", 1.0), sample("warm", 2.0)]
    result = protocol.summarise(ENDPOINT, samples, deadline_sec=600.0)

    assert (result.cold_time_sec, result.first_time_sec, result.warm_time_sec) == (44.0, None, 2.0)
    assert (result.status, result.error, result.size_kb) == ("success", None, 2.0)
    assert result.cold_verified is False


def test_a_cold_start_is_verified_only_if_every_one_is_proven() -> None:
    proven, unproven = sample("cold", 1.0, proof="first request"), sample("cold", 2.0)

    assert protocol.summarise(ENDPOINT, [proven], deadline_sec=1).cold_verified is True
    assert protocol.summarise(ENDPOINT, [proven, unproven], deadline_sec=1).cold_verified is False
    assert protocol.summarise(ENDPOINT, [sample("warm", 1.0)], deadline_sec=1).cold_verified is None


def test_a_failed_sample_is_never_a_latency() -> None:
    samples = [sample("first", 1.0), sample("warm", 2.0), sample("warm", 600.0, ok=False)]
    result = protocol.summarise(ENDPOINT, samples, deadline_sec=600.0)

    assert (result.status, result.error) == ("failed", "Timeout")
    assert result.warm_time_sec == 2.0
    assert len(result.samples) == 3


def test_an_endpoint_without_a_single_call_has_not_succeeded() -> None:
    assert protocol.summarise(ENDPOINT, [], deadline_sec=1).status == "failed"


def test_cost_is_that_of_a_warm_call_where_it_is_known() -> None:
    samples = [sample("cold", 44.0, cost_usd=9.0), sample("warm", 1.0, cost_usd=0.001), sample("warm", 1.0)]

    assert protocol.summarise(ENDPOINT, samples, deadline_sec=1).cost_usd == 0.001
    assert protocol.summarise(ENDPOINT, samples[:1], deadline_sec=1).cost_usd is None


def test_the_gpu_is_what_the_endpoint_says_not_what_the_catalogue_hopes() -> None:
    unknown = protocol.summarise(ENDPOINT, [sample("warm", 1.0)], deadline_sec=1)
    known = protocol.summarise(ENDPOINT, [sample("warm", 1.0, gpu_type="L40S")], deadline_sec=1)

    assert (unknown.gpu_type, known.gpu_type) == (None, "L40S")


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
