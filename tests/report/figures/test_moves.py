from __future__ import annotations

from typing import Any

import pytest
from report_runs import result, sample

from pytest_modal_bench.model import Check
from pytest_modal_bench.report.figures.moves import history, moves, sentence


def check(ratio: float, **fields: Any) -> Check:
    given: dict[str, Any] = {"metric": "warm", "limit": 1.15, "p": 0.01, "value": 2.1, "runs": 5} | fields
    return Check(against="baseline", verdict="PASS", message="", ratio=ratio, **given)


def test_the_largest_move_comes_first_in_either_direction() -> None:
    faster = result("A", checks=[check(0.25, p=0.99)])
    slower = result("B", checks=[check(2.0), check(1.5, metric="ttft")])
    found = moves([slower, faster])

    assert [(move.result.endpoint, move.check.ratio, move.direction) for move in found] == [
        ("A", 0.25, "faster"),
        ("B", 2.0, "slower"),
        ("B", 1.5, "slower"),
    ]
    assert [move.is_worse for move in found] == [False, True, True]


@pytest.mark.parametrize(
    "unmoved",
    [
        check(1.1),
        check(1.4, limit=1.5),
        check(1.4, p=None),
        check(0.7, limit=1.5),
        check(0.0),
        check(float("inf")),
    ],
)
def test_what_chance_explains_or_nobody_minds_did_not_move(unmoved: Check) -> None:
    assert moves([result(checks=[unmoved])]) == []


@pytest.mark.parametrize(
    ("moved", "said"),
    [
        (check(1.4), "warm 1.4x (slower): 2.1 s, was 1.5 s in 5 earlier runs"),
        (check(0.5, p=0.99, runs=1), "warm 0.5x (faster): 2.1 s, was 4.2 s in 1 earlier run"),
        (
            check(2.0, metric="cost", value=0.02),
            "cost 2x (dearer): 0.0200 USD, was 0.0100 USD in 5 earlier runs",
        ),
        (
            check(0.5, metric="tokens_per_sec", limit=0.87),
            "tokens/s 0.5x (slower): 2.1, was 4.2 in 5 earlier runs",
        ),
        (check(1.4, value=None, runs=None), "warm 1.4x (slower)"),
    ],
)
def test_a_sentence_says_from_where_to_where_it_moved(moved: Check, said: str) -> None:
    (move,) = moves([result(checks=[moved])])
    assert sentence(move) == said


def test_a_median_beyond_its_deadline_is_at_least_so_long() -> None:
    timeouts = [sample(elapsed_sec=600.0, ok=False, cause="timeout")] * 3
    (move,) = moves([result(samples=timeouts, checks=[check(2.0, value=600.0)])])
    assert sentence(move) == "warm 2x (slower): at least 600.0 s, was 300.0 s in 5 earlier runs"


def test_a_cold_start_that_nothing_proves_keeps_its_question_mark() -> None:
    cold = check(2.0, metric="cold", limit=1.5, value=44.4)
    for proven, said in (
        (True, "cold 2x (slower): 44.4 s, was 22.2 s in 5 earlier runs"),
        (False, "cold 2x? (slower): 44.4? s, was 22.2? s in 5 earlier runs"),
    ):
        (move,) = moves([result(cold_verified=proven, checks=[cold])])
        assert sentence(move) == said


def test_its_history_is_a_block_a_run_and_the_last_is_this_one() -> None:
    for fields, said in (
        ({"history": (1.0, 1.02, 1.01, 1.0)}, " ▁▁▁▁█"),
        ({"history": (1.0, 1.0), "metric": "cold"}, " ▁▁█?"),
        ({"history": (1.0, 1.0), "value": None}, ""),
        ({}, ""),
    ):
        (move,) = moves([result(checks=[check(2.0, **{"limit": 1.5} | fields)])])
        assert history(move) == said
