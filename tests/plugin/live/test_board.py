from __future__ import annotations

from typing import Any

import pytest
from progress_events import begun, ended, endpoint
from report_runs import result, sample

from pytest_modal_bench.plugin.live.board import Board
from pytest_modal_bench.protocol.progress import Activity, EndpointEnded


@pytest.fixture
def board() -> Board:
    made = Board([endpoint("flux"), endpoint("wan", "other"), endpoint("chat")], rounds=3)
    made.selected = list(made.endpoints.values())
    return made


def test_a_row_says_what_is_waited_for_and_since_when(board: Board) -> None:
    board.take(Activity(endpoint="flux", text="scaling to zero"), 1.0)
    board.take(Activity(endpoint="wan", text="getting ready"), 2.0)
    board.take(begun(start="cold", rounds=1), 5.0)
    board.take(begun("wan", number=2), 7.0)

    assert [(row.endpoint.id, row.text, row.since, row.begun) for row in board.rows.values()] == [
        ("flux", "cold", 5.0, 1.0),
        ("wan", "warm 2 of 3", 7.0, 2.0),
    ]
    board.take(EndpointEnded(endpoint="flux"), 8.0)
    board.take(EndpointEnded(endpoint="flux"), 8.0)
    assert list(board.rows) == ["wan"]


def test_what_a_lost_worker_waited_for_is_forgotten(board: Board) -> None:
    one, other = object(), object()
    board.take(begun("flux"), 1.0, one)
    board.take(begun("wan"), 1.0, other)
    board.lose(one)
    assert list(board.rows) == ["wan"]


def test_before_is_this_run_or_else_the_earlier_one(board: Board) -> None:
    assert board.before_sec("flux", "warm") is None
    board.earlier = {"flux": result("Flux", cold_time_sec=40.0, warm_time_sec=5.0, cold_verified=True)}
    assert board.before_sec("flux", "warm") == 5.0
    for sec in (1.0, 2.0, 9.0):
        board.take(ended(sec=sec), 1.0)
    board.take(ended(sec=600.0, ok=False), 1.0)
    board.take(ended(sec=300.0, dropped="its container changed"), 1.0)
    assert board.before_sec("flux", "warm") == 2.0
    assert board.before_sec("flux", "cold") == 40.0


def test_a_cold_start_of_before_is_doubted_unless_it_was_proven(board: Board) -> None:
    board.earlier = {"flux": result("Flux", cold_time_sec=40.0, cold_verified=True)}
    assert board.is_proven("flux", "cold")
    assert not board.is_proven("wan", "cold")
    assert board.is_proven("wan", "warm")
    board.take(ended(start="cold", proof="no container before"), 1.0)
    assert board.is_proven("flux", "cold")
    board.take(ended(start="cold"), 1.0)
    assert not board.is_proven("flux", "cold")


def test_time_left_needs_a_ground(board: Board) -> None:
    def left(now: float) -> float | None:
        return board.left_sec(board.rows["flux"], now)

    board.take(Activity(endpoint="flux", text="getting ready"), 0.0)
    assert left(1.0) is None
    board.take(begun(start="cold", rounds=1), 10.0)
    assert left(11.0) is None
    board.earlier = {"flux": result("Flux", cold_time_sec=40.0, warm_time_sec=5.0)}
    assert left(20.0) == 30.0 + 3 * 5.0
    assert left(51.0) is None, "it takes longer than it did: nothing is known"
    board.take(begun(number=2), 100.0)
    assert left(101.0) == 4.0 + 5.0


def test_time_left_of_the_run_is_that_of_the_longest_pool_or_what_each_worker_has_to_do(board: Board) -> None:
    def earlier(*times: float) -> Any:
        return result("E", warm_time_sec=times[-1], samples=[sample("warm", sec) for sec in times])

    board.take(begun("flux", number=3), 0.0)
    assert board.run_left_sec(1.0) is None
    board.earlier = {"flux": earlier(10.0), "wan": earlier(20.0, 30.0)}
    assert board.run_left_sec(4.0) is None, "nobody knows how long the third one takes"
    board.earlier = {**board.earlier, "chat": earlier(14.0)}
    assert board.run_left_sec(4.0) == 6.0 + 50.0 + 14.0
    board.workers = 2
    assert board.run_left_sec(4.0) == 50.0
    board.finished.add("wan")
    assert board.run_left_sec(4.0) == 20.0


def test_dollars_are_counted_and_what_is_missing_of_them_too(board: Board) -> None:
    board.take(ended(), 1.0)
    nothing = board.cost
    board.take(ended(cost_usd=0.25, cost_basis="measured"), 1.0)
    board.take(ended(cost_usd=0.5, cost_basis="estimated"), 1.0)
    board.take(ended(ok=False), 1.0)
    assert nothing is None
    assert board.cost is not None
    assert (board.cost.usd, board.cost.estimated, board.cost.unknown) == (0.75, True, 2)
