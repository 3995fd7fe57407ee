from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from load_runs import BUDGET, Pool, arrivals, burst, failing, of, searched, users

from pytest_modal_bench.load.knee import with_knees
from pytest_modal_bench.model import Budget, Knee, Level, Load, LoadCall, LoadStep


def found(steps: list[LoadStep], budget: Budget = BUDGET) -> Knee:
    (knee,) = with_knees(Load(spec="", steps=tuple(steps)), budget).knees
    return knee


def made(value: float, p95_sec: float, n: int = 100, failed: int = 0) -> LoadStep:
    calls = [LoadCall(meant_sec=at, began_sec=at, elapsed_sec=p95_sec, ok=at >= failed) for at in range(n)]
    return of(calls, "users", value)


def test_of_two_containers_that_take_two_seconds_a_call_four_users_meet_less_than_five() -> None:
    users_, burst_ = searched().knees

    assert users_.value == 4
    assert users_.sentence == (
        "keeps p95 under 5 s and errors under 1 % up to 4 users (too few calls to say it of 1 user alone);"
        " 2 containers; ~$1.09 per 1,000 calls; 8 users: p95 8.45 s > 5 s"
    )
    assert burst_.value is None
    assert burst_.sentence.startswith(
        "does not keep p95 under 5 s and errors under 1 %: a burst of 20: 20 of 20 calls"
    )


@pytest.mark.parametrize(("most", "knee"), [(1, 2), (2, 4), (4, 8), (8, 16)])
def test_it_is_found_to_the_step_whatever_the_capacity_is(most: int, knee: int) -> None:
    pool = Pool(most, boot_sec=0.0)
    steps = [users(pool, number, 150.0) for number in (1, 2, 4, 8, 16, 32)]

    assert found(steps).value == knee


def test_more_arrivals_than_the_pool_can_take_are_beyond_it() -> None:
    knee = found([arrivals(Pool(2, boot_sec=0.0), per_sec, 120.0) for per_sec in (0.5, 0.9, 1.2)])

    assert (knee.kind, knee.value) == ("rate", 0.9)
    assert "up to 0.9 calls/s; 2 containers" in knee.sentence
    assert "1.2 calls/s: p95 " in knee.sentence


def test_a_step_above_one_that_breaks_a_budget_does_not_count() -> None:
    assert found([made(1, 1.0), made(2, 9.0), made(4, 1.0)]).value == 1


def test_a_step_of_too_few_calls_is_no_obstacle_and_no_proof() -> None:
    assert found([made(1, 1.0, n=20), made(2, 1.0), made(4, 1.0, n=20)]).value == 2


def test_too_few_calls_that_are_all_too_slow_break_it_all_the_same() -> None:
    assert found([made(1, 9.0, n=20), made(2, 1.0)]).value is None
    assert "20 of 20 calls took longer than 5 s" in found([made(1, 9.0, n=20), made(2, 1.0)]).sentence


def test_one_slow_call_of_too_few_says_nothing() -> None:
    calls = [*made(1, 1.0, n=19).calls, LoadCall(meant_sec=0, began_sec=0, elapsed_sec=9, ok=True)]

    assert found([of(calls)]).sentence == (
        "whether it keeps p95 under 5 s and errors under 1 % is not known:"
        " 1 user: 20 calls, and p95 takes 59: about 57 s of it"
    )


def test_errors_break_it_too() -> None:
    assert found([made(1, 1.0), made(2, 1.0, failed=2)]).value == 1
    assert found([made(1, 1.0), made(2, 1.0, failed=1)]).value == 2


def test_calls_that_time_out_are_slow() -> None:
    calls = [LoadCall(meant_sec=0, began_sec=0, elapsed_sec=1, ok=True)] * 90
    late = [LoadCall(meant_sec=0, began_sec=0, elapsed_sec=60, ok=False, cause="timeout")] * 10

    assert found([of([*calls, *late])], Budget(max_p95=Level(fail=5))).sentence == (
        "does not keep p95 under 5 s: 1 user: p95 above 60 s: 10 calls timed out"
    )


def test_where_there_is_nothing_to_keep_there_is_no_knee() -> None:
    assert with_knees(searched(), Budget(max_warm=Level(fail=1))).knees == ()


def test_the_highest_step_is_called_so() -> None:
    assert "up to 2 users, the highest step" in found([made(1, 1.0), made(2, 1.0)]).sentence
    assert (
        "in a burst of 80; 2 containers"
        in found([burst(Pool(2, call_sec=0.01), 80)], Budget(max_p95=Level(fail=60))).sentence
    )


def test_no_error_at_all_may_be_asked_for() -> None:
    steps = [made(1, 1.0), of(failing(made(2, 1.0).calls, 50), "users", 2)]
    knee = found(steps, Budget(max_errors=Level(fail=0)))

    assert knee.sentence.startswith("keeps all calls answered up to 1 user")
    assert knee.sentence.endswith("2 users: errors 2 of 100 (2 %) > 0 %")


latencies = st.lists(st.sampled_from([1.0, 4.9, 5.0, 5.1, 9.0]), min_size=1, max_size=6)


@given(latencies)
def test_it_is_the_last_step_before_the_first_that_breaks_a_budget(each: list[float]) -> None:
    steps = [made(number + 1, p95_sec, n=60) for number, p95_sec in enumerate(each)]
    good = next((number for number, p95_sec in enumerate(each) if p95_sec > 5), len(each))

    assert found([*reversed(steps)]).value == (good or None)
