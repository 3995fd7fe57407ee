from __future__ import annotations

import random
import threading
from typing import TYPE_CHECKING

import pytest

from pytest_modal_bench.load.allowance import Allowance, SpentUp, Treasury

if TYPE_CHECKING:
    from collections.abc import Callable


def granting(treasury: Treasury, processes: int = 1) -> Allowance:
    def ask(usd: float) -> None:
        # As a message that comes later.
        threading.Timer(0.0, lambda: allowance.grant(treasury.hand_out(usd, processes))).start()

    allowance = Allowance(ask)
    return allowance


def until_spent_up(allowance: Allowance, cost: Callable[[], float | None], most: int = 10_000) -> list[float]:
    spent: list[float] = []
    try:
        for _ in range(most):
            allowance.begin()
            usd = cost()
            spent.append(usd or 0.0)
            allowance.end(usd)
    except SpentUp:
        pass
    return spent


def test_one_caller_spends_what_there_is_and_no_more() -> None:
    spent = until_spent_up(granting(Treasury(1.0)), lambda: 0.01)
    assert 0.98 <= sum(spent) <= 1.0


def test_many_callers_pass_the_limit_by_no_more_than_their_calls_under_way_cost() -> None:
    treasury = Treasury(1.0)
    allowances = [granting(treasury, 2) for _ in range(2)]
    drawn = random.Random(0)
    spent: list[float] = []
    threads = [
        threading.Thread(
            target=lambda each=each: spent.extend(until_spent_up(each, lambda: drawn.uniform(0, 0.02)))
        )
        for each in allowances * 5
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 0.5 < sum(spent) <= 1.0 + 10 * 0.02


def test_a_call_that_would_pass_the_limit_if_it_is_as_those_before_is_not_made() -> None:
    assert until_spent_up(granting(Treasury(1.0)), lambda: 0.4) == [0.4, 0.4]


def test_calls_of_unknown_cost_are_not_counted() -> None:
    assert len(until_spent_up(granting(Treasury(1.0)), lambda: None, most=50)) == 50


def test_without_a_limit_nobody_is_asked() -> None:
    assert not Treasury(None).limited
    assert len(until_spent_up(Allowance(None), lambda: 1e6, most=50)) == 50


def test_nothing_is_handed_out_where_nothing_is_left() -> None:
    treasury = Treasury(0.0)
    assert treasury.limited
    with pytest.raises(SpentUp):
        granting(treasury).begin()
