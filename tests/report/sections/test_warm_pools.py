from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from report_runs import result, run, sample, tables

from pytest_modal_bench.report.sections.recommendations import recommendations

if TYPE_CHECKING:
    from pytest_modal_bench.model import EndpointResult, Run

L40S_USD_PER_SEC = 0.000542
PRICED: dict[str, Any] = {"container_usd_per_sec": L40S_USD_PER_SEC, "scaledown_window_sec": 300.0}


def pool(app: str, cold: float, *warm: float, **fields: Any) -> EndpointResult:
    """Return the endpoint of a pool of its own whose cold start and warm calls took so many seconds."""
    samples = [sample("cold", cold, proof="new"), *(sample("warm", each) for each in warm)]
    times = {"cold_time_sec": cold, "warm_time_sec": sorted(warm)[len(warm) // 2], "cold_verified": True}
    given = {"app": app, "pool": app, **times, **PRICED, **fields}
    return result(app.title(), samples=samples, **given)


def rows(run: Run) -> list[list[str]]:
    (found,) = tables(recommendations(run).partition("<details>")[2])
    return found


FLUX, WAN = pool("flux", 44.4, 2.0, 2.1, 2.2), pool("wan", 90.0, 30.0, 30.1, 30.2)


def test_at_a_rate_of_calls_each_pool_has_its_costs_and_cold_starts_for_two_windows_and_kept_warm() -> None:
    header, *found = rows(run([FLUX, WAN], traffic_per_hour=60))

    assert header == ["Pool", "min_containers", "Window (s)", "$/Day", "Cold Starts/h", "Saved/h"]
    assert found[:3] == [
        # 60 calls an hour are one a minute: r = 1 / 60, T = 302.1 and 62.1, S = 42.3, 46.83 $/day for the container.
        ["flux", "0", "300.0", "46.53", "0.39", "-"],
        ["flux", "0", "60.0", "33.53", "17.0", "-16.7"],
        ["flux", "1", "-", "46.83", "0", "0.39"],
    ]
    assert [row[0] for row in found] == ["flux"] * 3 + ["wan"] * 3


def test_without_a_rate_the_one_that_breaks_even_stands_for_it() -> None:
    header, *found = rows(run([FLUX]))

    assert header[2] == "Break-Even (Calls/h)"
    assert found == [
        ["flux", "300.0", "28.2", "42.57", "46.83", "2.6"],
        ["flux", "60.0", "130.3", "42.57", "46.83", "11.8"],
    ]


def test_a_window_that_is_modals_default_is_compared_with_one_five_times_as_long() -> None:
    assert [row[1] for row in rows(run([pool("flux", 44.4, 2.1, 2.1, scaledown_window_sec=60.0)]))[1:]] == [
        "60.0",
        "300.0",
    ]


def test_the_advice_is_for_the_pool_where_most_waiting_is_saved_and_says_what_that_costs() -> None:
    at_20 = recommendations(run([FLUX, WAN], traffic_per_hour=20)).splitlines()
    assert at_20[0] == (
        "1. **Keep one container of wan warm** at 20.0 calls an hour - saves 3.0 cold starts an hour, 59.9s each,"
        " and costs about 7.11 USD a day more than scaling to zero"
    )
    assert at_20[1].startswith("2. **Let flux scale down after 60.0s** instead of 300.0s - saves about ")

    without = recommendations(run([FLUX, WAN])).splitlines()
    assert without[0].startswith(
        "1. **Keep one container of wan warm** from 25.7 calls an hour on - saves 2.3"
    )


def test_the_formula_its_assumptions_and_its_sources_are_in_the_report() -> None:
    for given in (run([FLUX]), run([FLUX], traffic_per_hour=60)):
        folded = recommendations(given).partition("<summary>What a warm pool costs</summary>")[2]
        assert "1 / (e^(r T) + r S)" in folded
        assert "e^(-r window)" in folded
        assert "Poisson" in folded
        assert "Sources: " in folded


@pytest.mark.parametrize(
    "fields",
    [
        {"container_usd_per_sec": None},
        {"scaledown_window_sec": None},
        {"status": "failed"},
        {"cold_time_sec": None},
    ],
    ids=["price", "window", "failed", "cold"],
)
def test_what_lacks_a_price_a_window_or_a_cold_start_is_left_out(fields: dict[str, Any]) -> None:
    lacking = pool("wan", 90.0, 30.0, 30.1, **fields)

    assert {row[0] for row in rows(run([FLUX, lacking]))[1:]} == {"flux"}
    assert "USD" not in recommendations(run([lacking]))
    assert "<details>" not in recommendations(run([lacking]))


def test_a_cold_start_that_noise_explains_has_no_price() -> None:
    assert "<details>" not in recommendations(run([pool("flux", 2.5, 2.0, 2.1, 2.2)], traffic_per_hour=60))


def test_simulated_seconds_have_no_price() -> None:
    assert "USD" not in recommendations(run([FLUX], traffic_per_hour=60, simulated="inference times"))
    assert "<details>" not in recommendations(run([FLUX], traffic_per_hour=60, simulated="inference times"))


def test_endpoints_of_a_pool_that_name_different_prices_name_none() -> None:
    other = pool("wan", 90.0, 30.0, 30.1, pool="flux", container_usd_per_sec=0.001)
    assert "<details>" not in recommendations(run([pool("flux", 44.4, 2.0, 2.1), other]))


def test_cold_starts_that_hardly_ever_come_are_no_reason_to_keep_a_container() -> None:
    busy = recommendations(run([FLUX], traffic_per_hour=10_000))
    assert "Keep one container" not in busy


def test_what_rests_on_an_unproven_cold_start_has_its_question_mark() -> None:
    doubtful = pool("flux", 44.4, 2.0, 2.1, 2.2, cold_verified=False)
    for given in (run([doubtful]), run([doubtful], traffic_per_hour=60)):
        for row in rows(given)[1:]:
            assert row[-1] == "-" or row[-1].endswith("?")
        assert "42.3s?" in recommendations(given)


def test_names_of_pools_change_no_table() -> None:
    (found,) = tables(recommendations(run([pool("a | b <script>", 44.4, 2.0, 2.1)], traffic_per_hour=60)))
    assert {len(row) for row in found} == {6}
    assert found[1][0] == "a | b <script>"
