from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_runs import result

from pytest_modal_bench.cost.forecast import Forecast, Planned, forecast

EARLIER = {
    "flux": result("Flux", cost_usd=0.01, cold_cost_usd=0.5),
    "wan": result("Wan", cost_usd=0.1),
    "unknown": result("Unknown"),
}
AMOUNTS = st.none() | st.floats(0, 100)


def test_calls_cost_what_such_calls_did_and_at_most_their_deadline() -> None:
    planned = [Planned("flux", cold=1, warm=3, longest_usd=2.0)]

    assert forecast(planned, EARLIER) == pytest.approx((0.53, 8.0, 4))


def test_without_a_cold_one_the_first_call_is_expected_to_cost_a_warm_one() -> None:
    assert forecast([Planned("wan", 1, 3, None)], EARLIER).expected_usd == pytest.approx(0.4)


@pytest.mark.parametrize("name", ["unknown", "new"])
def test_one_endpoint_that_is_not_known_leaves_the_whole_unknown(name: str) -> None:
    foreseen = forecast(
        [Planned("flux", 1, 3, 2.0), Planned(name, 1, 3, None), Planned("wan", 1, 3, 1.0)], EARLIER
    )

    assert foreseen == Forecast(None, None, 12)


def test_what_is_expected_and_what_is_possible_are_known_apart() -> None:
    expected, most, calls = forecast([Planned("flux", 1, 1, None)], EARLIER)
    assert (most, calls) == (None, 2)
    assert expected == pytest.approx(0.51)
    assert forecast([Planned("new", 1, 1, 2.0)], EARLIER) == Forecast(None, 4.0, 2)


def test_nothing_planned_costs_nothing() -> None:
    assert forecast([], EARLIER) == Forecast(0.0, 0.0, 0)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 9), AMOUNTS, AMOUNTS, AMOUNTS), max_size=6))
def test_unknown_amounts_never_count_as_nothing(
    plans: list[tuple[int, int, float | None, float | None, float | None]],
) -> None:
    planned = [Planned(str(n), cold, warm, longest) for n, (cold, warm, longest, _, _) in enumerate(plans)]
    earlier = {
        str(n): result(cost_usd=warm_usd, cold_cost_usd=cold_usd)
        for n, (_, _, _, warm_usd, cold_usd) in enumerate(plans)
    }
    foreseen = forecast(planned, earlier)

    assert foreseen.calls == sum(cold + warm for cold, warm, *_ in plans)
    assert (foreseen.most_usd is None) == any(longest is None for _, _, longest, _, _ in plans)
    assert (foreseen.expected_usd is None) == any(warm_usd is None for *_, warm_usd, _ in plans)
