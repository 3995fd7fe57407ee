from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_runs import result

from pytest_modal_bench.gate.common_shift import Move, of_results, shifts
from pytest_modal_bench.model import Check


def moves(ratios: list[float], per_pool: int = 1) -> list[Move]:
    return [Move("warm", f"pool{number // per_pool}", ratio) for number, ratio in enumerate(ratios)]


def test_what_most_pools_do_is_common() -> None:
    (shift,) = shifts(moves([1.4, 1.38, 1.42, 1.41, 1.4, 1.02]))

    assert (shift.metric, shift.pools, shift.of) == ("warm", 5, 6)
    assert shift.ratio == pytest.approx(1.4, rel=0.02)


@pytest.mark.parametrize(
    "ratios",
    [
        [1.4, 1.0, 1.0, 1.0, 1.0, 1.0],  # one deploy
        [1.4, 1.4, 1.4, 1.0, 1.0, 1.0],  # half of them
        [1.03] * 8,  # less than anybody minds
        [1.4, 1.4, 1.4],  # too few pools
        [1.4, 0.7, 1.4, 0.7, 1.5, 0.6],  # no direction
    ],
)
def test_what_some_do_is_their_own(ratios: list[float]) -> None:
    assert shifts(moves(ratios)) == []


def test_many_endpoints_of_one_app_are_one_pool() -> None:
    assert shifts([Move("warm", "one", 1.5)] * 10 + moves([1.0, 1.01, 0.99, 1.0])) == []
    assert shifts(moves([1.5] * 12, per_pool=4)) == [], "three apps"


def test_each_metric_has_its_own() -> None:
    found = shifts([*moves([1.4] * 5), *(Move("cold", f"pool{n}", 1.0) for n in range(5))])
    assert [shift.metric for shift in found] == ["warm"]


def test_a_run_shows_its_shift_by_its_checks() -> None:
    def checked(number: int, against: str = "baseline") -> Check:
        return Check(metric="warm", against=against, verdict="PASS", message="", ratio=1.4 + number / 100)  # type: ignore[arg-type]

    run = [result(f"E{n}", pool=f"pool{n}", checks=[checked(n)]) for n in range(5)]
    assert of_results(run)[0].pools == 5
    assert (
        of_results([result(f"E{n}", pool=f"pool{n}", checks=[checked(n, "budget")]) for n in range(5)]) == []
    )


@given(st.lists(st.floats(0.01, 100), max_size=20))
def test_a_shift_lies_within_what_was_seen(ratios: list[float]) -> None:
    for shift in shifts(moves(ratios)):
        assert min(ratios) * (1 - 1e-9) <= shift.ratio <= max(ratios) * (1 + 1e-9)
        assert shift.pools <= shift.of == len(ratios)
