from __future__ import annotations

from itertools import count, cycle, pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from measure_answers import FakeClient, answer, endpoint, failure

from pytest_modal_bench.protocol.evidence import PoolState
from pytest_modal_bench.protocol.measurement import Conditions, Measurement
from pytest_modal_bench.protocol.pairs import base_first, in_turn
from pytest_modal_bench.protocol.plan import Step, plan

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from random import Random

    from pytest_modal_bench.call.answer import Answer
    from pytest_modal_bench.model import Start
    from pytest_modal_bench.protocol.plan import Turns

Called = list[tuple[str, str, int | None]]
"""Side, start and pair of each call, in their order."""


def side(name: str, steps: Sequence[Step], called: Called) -> Turns[str]:
    for step in steps:
        pair = yield step
        called.append((name, step.start, pair))
    return f"{name} ended"


def called_by(own: Sequence[Step], base: Sequence[Step], order: Iterator[bool] | None = None) -> Called:
    called: Called = []
    drawn = cycle([False, True]) if order is None else order
    results = in_turn(side("own", own, called), side("base", base, called), base_first=lambda: next(drawn))
    assert results == ("own ended", "base ended")
    return called


def test_calls_are_made_in_pairs_whose_order_is_drawn() -> None:
    steps = [Step("cold", 1), *[Step("warm", 2)] * 2]

    assert called_by(steps, steps) == [
        ("own", "cold", 1),
        ("base", "cold", 1),
        ("base", "warm", 2),
        ("own", "warm", 2),
        ("own", "warm", 3),
        ("base", "warm", 3),
    ]


def test_the_order_is_drawn_at_random_by_default() -> None:
    assert {base_first() for _ in range(200)} == {False, True}


def test_first_calls_and_cold_starts_come_before_warm_calls_and_pair_with_their_like_alone() -> None:
    warm = [Step("warm", 1)]

    assert called_by(warm, [Step("first", 1), *warm]) == [
        ("base", "first", None),
        ("own", "warm", 1),
        ("base", "warm", 1),
    ]
    assert [pair for _, _, pair in called_by([Step("cold", 1)], [Step("first", 1)])] == [None, None]


def test_a_side_that_has_ended_leaves_the_other_one_its_calls() -> None:
    assert called_by([], [Step("warm", 2)] * 2) == [("base", "warm", None)] * 2
    assert called_by([Step("warm", 2)] * 2, [Step("warm", 1)])[-1] == ("own", "warm", None)


def test_the_next_container_waits_for_the_calls_that_are_made_in_this_one() -> None:
    one, two = ([Step("cold", n, 2, n), Step("warm", n, 2, n)] for n in (1, 2))

    calls = called_by([*one, *two], [one[1], *two], order=cycle([False]))

    assert [(name, start) for name, start, _ in calls[:4]] == [
        ("own", "cold"),
        ("own", "warm"),
        ("base", "warm"),
        ("own", "cold"),
    ]


@given(st.lists(st.sampled_from("fcw")), st.lists(st.sampled_from("fcw")), st.randoms())
def test_every_call_is_made_once_and_a_pair_is_one_of_each_side_made_next_to_each_other(
    own: list[str], base: list[str], drawn: Random
) -> None:
    starts: dict[str, Start] = {"f": "first", "c": "cold", "w": "warm"}
    sides = [[Step(starts[each], 1) for each in letters] for letters in (own, base)]
    calls = called_by(sides[0], sides[1], order=(drawn.random() < 0.5 for _ in count()))

    assert [start for name, start, _ in calls if name == "own"] == [step.start for step in sides[0]]
    assert [start for name, start, _ in calls if name == "base"] == [step.start for step in sides[1]]
    for first, second in pairwise(calls):
        if first[2] is not None and first[2] == second[2]:
            assert first[0] != second[0]
            assert first[1] == second[1]
    pairs = [pair for _, _, pair in calls if pair is not None]
    assert sorted(pairs) == [number for number in range(1, len(pairs) // 2 + 1) for _ in range(2)]


def test_both_sides_are_closed_where_a_call_is_interrupted() -> None:
    closed = []

    def interrupted() -> Turns[None]:
        yield Step("warm", 1)
        raise KeyboardInterrupt

    def other() -> Turns[None]:
        try:
            yield Step("warm", 1)
        finally:
            closed.append("other")

    with pytest.raises(KeyboardInterrupt):
        in_turn(interrupted(), other(), base_first=lambda: False)
    assert closed == ["other"]


def measurement(*answers: Answer) -> Measurement:
    client = FakeClient({"/flux": list(answers)})
    conditions = Conditions(
        client=client,  # type: ignore[arg-type]
        resources={},
        environ={},
        deadline_sec=10.0,
        pool=PoolState(),
    )
    return Measurement(endpoint(), conditions)


def test_a_call_that_does_not_count_is_taken_again_in_the_same_turn() -> None:
    def by(container: str, number: int) -> Answer:
        return answer(x_modal_bench_container=container, x_modal_bench_request=str(number))

    own = measurement(by("c1", 1), by("c2", 1), by("c2", 2), by("c2", 3))
    base = measurement(by("b1", 1), by("b1", 2), by("b1", 3))
    steps = plan(cold_rounds=1, answered=False, rounds=2)
    in_turn(own.turns(steps), base.turns(steps), base_first=lambda: True)

    assert [(each.pair, each.counts) for each in own.samples] == [(1, True), (2, False), (2, True), (3, True)]
    assert [(each.pair, each.counts) for each in base.samples] == [(1, True), (2, True), (3, True)]


def test_a_failure_ends_the_calls_of_its_own_side_alone() -> None:
    own = measurement(answer(), failure("HTTP 500: boom", "application", status=500), answer(), answer())
    base = measurement(*[answer()] * 4)
    steps = plan(cold_rounds=0, answered=False, rounds=3)
    in_turn(own.turns(steps), base.turns(steps), base_first=lambda: False)

    assert (own.ended, len(own.samples)) == (True, 2)
    assert [each.pair for each in base.samples] == [1, 2, None, None]
