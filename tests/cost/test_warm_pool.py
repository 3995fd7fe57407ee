from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_modal_bench.cost.warm_pool import DAY_SEC, HOUR_SEC, SMALL_EXTRA, Pool

L40S_USD_PER_SEC = 0.000542
FLUX = Pool(L40S_USD_PER_SEC, call_sec=2.1, start_sec=42.3)

SECONDS = st.floats(0, 2_000)
POOLS = st.builds(Pool, usd_per_sec=st.floats(1e-6, 1), call_sec=SECONDS, start_sec=SECONDS)
RATES = st.floats(0, 100)


def test_for_short_calls_the_share_is_that_of_gaps_longer_than_the_window() -> None:
    short = Pool(L40S_USD_PER_SEC, call_sec=0, start_sec=0)
    assert short.share_cold(60 / HOUR_SEC, 60) == pytest.approx(math.exp(-1))
    assert short.cold_per_hour(60 / HOUR_SEC, 60) == pytest.approx(60 * math.exp(-1))


@given(POOLS, SECONDS)
def test_without_calls_all_of_them_would_be_cold_and_nothing_is_paid(pool: Pool, window: float) -> None:
    assert pool.share_cold(0, window) == 1
    assert pool.cold_per_hour(0, window) == 0
    assert pool.usd_per_day(0, window) == 0


@given(POOLS, st.floats(1, 2_000))
def test_with_any_number_of_calls_a_container_always_lives(pool: Pool, window: float) -> None:
    assert pool.share_cold(1e6, window) == 0
    assert pool.cold_per_hour(1e6, window) == 0
    assert pool.usd_per_day(1e6, window) == pool.warm_usd_per_day == DAY_SEC * pool.usd_per_sec


@given(RATES)
def test_without_a_window_each_short_call_is_cold(rate: float) -> None:
    assert Pool(1.0, call_sec=0, start_sec=0).share_cold(rate, 0) == 1


@given(POOLS, RATES, SECONDS)
def test_one_kept_warm_never_costs_less_and_never_saves_more_than_all_calls(
    pool: Pool, rate: float, window: float
) -> None:
    assert 0 <= pool.share_cold(rate, window) <= 1
    assert 0 <= pool.usd_per_day(rate, window) <= pool.warm_usd_per_day
    assert 0 <= pool.cold_per_hour(rate, window) <= HOUR_SEC * rate


@given(POOLS, RATES, RATES, SECONDS, SECONDS)
def test_more_calls_and_longer_windows_leave_a_smaller_share_cold(
    pool: Pool, rate: float, other: float, window: float, longer: float
) -> None:
    fewer, more = sorted((rate, other))
    assert pool.share_cold(more, window) <= pool.share_cold(fewer, window)
    assert pool.share_cold(rate, window + longer) <= pool.share_cold(rate, window)


@given(POOLS, SECONDS, st.floats(0.01, 1))
def test_at_the_break_even_rate_one_kept_warm_costs_as_much_more_as_is_allowed(
    pool: Pool, window: float, extra: float
) -> None:
    rate = pool.break_even(window, extra)
    if rate is None:
        assert pool.call_sec + window + pool.start_sec == 0
    elif math.isfinite(rate) and rate < 1e100:
        allowed = (1 + extra) * pool.usd_per_day(rate, window)
        assert allowed == pytest.approx(pool.warm_usd_per_day, rel=1e-6)


def test_where_nothing_takes_time_no_rate_breaks_even() -> None:
    assert Pool(1.0, call_sec=0, start_sec=0).break_even(0) is None


def simulated(pool: Pool, rate: float, window: float, calls: int) -> tuple[float, float]:
    """Return the share of calls that find no container, and of the time in which there is none."""
    drawn = random.Random(20_260_202)
    now = ready = ends = without = 0.0
    cold = 0
    for _ in range(calls):
        now += drawn.expovariate(rate)
        if now > ends:
            cold += 1
            without += now - ends
            ready = now + pool.start_sec
        # What comes during the start is served once that is over.
        ends = max(now, ready) + pool.call_sec + window
    return cold / calls, without / ends


@pytest.mark.parametrize(("calls_per_hour", "window"), [(6, 300), (30, 60), (120, 10), (60, 2)])
def test_a_simulation_of_random_calls_agrees(calls_per_hour: float, window: float) -> None:
    rate = calls_per_hour / HOUR_SEC
    of_calls, of_time = simulated(FLUX, rate, window, calls=100_000)

    expected = FLUX.share_cold(rate, window)
    assert of_calls == pytest.approx(expected, rel=0.03)
    assert of_time == pytest.approx(expected, rel=0.03)


def test_the_break_even_rate_of_a_pool_with_a_window_of_five_minutes() -> None:
    rate = FLUX.break_even(300)
    assert rate is not None
    assert rate * HOUR_SEC == pytest.approx(28, abs=1)
    assert FLUX.usd_per_day(rate, 300) == pytest.approx(FLUX.warm_usd_per_day / (1 + SMALL_EXTRA))
