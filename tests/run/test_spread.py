from __future__ import annotations

from contextlib import contextmanager
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import pytest
from measure_answers import FakeClient, answer, endpoint, failure

from pytest_modal_bench.control.interface import ControlError
from pytest_modal_bench.protocol.evidence import PoolState
from pytest_modal_bench.protocol.measurement import Conditions, Measurement
from pytest_modal_bench.protocol.plan import exhaust
from pytest_modal_bench.run.settings import Settings
from pytest_modal_bench.run.spread import turns, warm_calls

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from pytest_modal_bench.call.answer import Answer


def settings(**given: Any) -> Settings:
    unset: dict[str, Any] = dict.fromkeys(field.name for field in fields(Settings))
    return Settings(**unset | {"against": "staging", "cold": "force", "cold_rounds": 3, "rounds": 4} | given)


class Pool:
    """Whose containers can be ended, while its autoscaler keeps none."""

    def __init__(self, *, refuses_after: int = 100) -> None:
        self.zeros = 0
        self.is_forced = False
        self._refuses_after = refuses_after

    @contextmanager
    def forced(self) -> Iterator[Callable[[], None]]:
        self.is_forced = True
        yield self._zero
        self.is_forced = False

    def _zero(self) -> None:
        if self.zeros >= self._refuses_after:
            raise ControlError("somebody else calls it")
        self.zeros += 1


def called(
    pool: Pool, given: Settings, *, cold_rounds: int = 3, answers: Sequence[Answer] = ()
) -> Measurement:
    conditions = Conditions(
        client=FakeClient({"/flux": [*answers, answer()]}),  # type: ignore[arg-type]
        resources={},
        environ={},
        deadline_sec=10.0,
        pool=PoolState(),
    )
    measurement = Measurement(endpoint(), conditions)
    made = turns(measurement, given, cold_rounds=cold_rounds, answered=False, forced=pool.forced)
    while (step := next(made, None)) is not None:
        assert not pool.is_forced, f"while {step} waits for its turn, the autoscaler is as it was"
    return measurement


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, "cold warm warm cold warm cold warm"),
        ({"rounds": 6}, "cold warm warm cold warm warm cold warm warm"),
        ({"rounds": 1}, "cold warm cold warm cold warm"),
    ],
)
def test_each_container_gets_its_share_of_the_warm_calls_and_one_at_least(
    given: dict[str, Any], expected: str
) -> None:
    pool = Pool()
    measurement = called(pool, settings(**given))

    assert [each.start for each in measurement.samples] == expected.split()
    assert pool.zeros == 3
    assert warm_calls(settings(**given)) == expected.count("warm")


def test_one_that_is_to_get_no_cold_starts_meets_new_containers_all_the_same() -> None:
    pool = Pool()
    measurement = called(pool, settings(), cold_rounds=0)

    assert [each.start for each in measurement.samples] == [
        "first",
        "warm",
        "warm",
        "first",
        "warm",
        "first",
        "warm",
    ]
    assert pool.zeros == 3


def test_where_no_more_can_be_had_the_rest_is_made_in_the_last_one() -> None:
    measurement = called(Pool(refuses_after=1), settings())

    assert [each.start for each in measurement.samples] == ["cold", *["warm"] * 4]
    assert measurement.cold_inconclusive == "1 of 3 cold starts: somebody else calls it"


def test_a_failure_ends_it() -> None:
    boom = failure("HTTP 500: boom", "application", status=500)

    assert len(called(Pool(), settings(), answers=[answer(), boom]).samples) == 2


def test_where_nothing_is_forced_the_calls_are_those_of_any_endpoint() -> None:
    pool = Pool()
    measurement = called(pool, settings(cold="observe"), cold_rounds=1)

    assert [each.start for each in measurement.samples] == ["cold", *["warm"] * 4]
    assert (pool.zeros, warm_calls(settings(cold="observe"))) == (0, 4)


def test_all_calls_in_a_row_are_no_pairs() -> None:
    conditions = Conditions(
        client=FakeClient({"/flux": [answer()]}),  # type: ignore[arg-type]
        resources={},
        environ={},
        deadline_sec=10.0,
        pool=PoolState(),
    )
    measurement = Measurement(endpoint(), conditions)
    exhaust(turns(measurement, settings(), cold_rounds=3, answered=False, forced=Pool().forced))

    assert {each.pair for each in measurement.samples} == {None}
