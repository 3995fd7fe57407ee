from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from measure_answers import endpoint

from pytest_modal_bench.protocol.plan import is_cold_due, plan

if TYPE_CHECKING:
    from pytest_modal_bench.model import Start

POOL = endpoint().pool


def starts(*, cold_rounds: int = 0, answered: bool = False) -> list[tuple[Start, int]]:
    steps = plan(cold_rounds=cold_rounds, answered=answered, rounds=3)
    return [(step.start, step.rounds) for step in steps]


def test_where_a_cold_start_is_due_what_follows_it_is_warm() -> None:
    assert starts(cold_rounds=2) == [("cold", 2), ("warm", 3)]
    assert starts(cold_rounds=2, answered=True) == [("cold", 2), ("warm", 3)]


def test_where_none_is_due_the_first_call_is_neither() -> None:
    assert starts() == [("first", 1), ("warm", 3)]


def test_an_endpoint_that_has_answered_before_is_warm() -> None:
    assert starts(answered=True) == [("warm", 3)]


def test_a_pools_first_endpoint_gets_its_cold_starts() -> None:
    begun: set[str] = set()

    assert [is_cold_due(endpoint(path), begun) for path in ("/flux", "/wan")] == [True, False]
    assert is_cold_due(endpoint("/sdxl", pool="another"), begun)
    assert begun == {POOL, "another"}


def test_an_endpoint_that_refuses_cold_starts_leaves_them_to_the_next() -> None:
    begun: set[str] = set()

    assert [is_cold_due(endpoint(cold=cold), begun) for cold in (False, None, None)] == [False, True, False]


@pytest.mark.parametrize("begun", [set(), {POOL}], ids=["first of its pool", "not the first"])
def test_an_endpoint_that_asks_for_cold_starts_gets_its_own(begun: set[str]) -> None:
    assert is_cold_due(endpoint(cold=True), begun)
    assert not is_cold_due(endpoint("/wan"), begun), "and they stand for those of its pool"
