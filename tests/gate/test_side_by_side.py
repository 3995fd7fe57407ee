from __future__ import annotations

import importlib.util
import math
import random
from typing import TYPE_CHECKING, Any

import pytest
from measure_answers import endpoint
from project import ROOT
from report_runs import result, sample, streamed

from pytest_modal_bench.gate.moderation import NOTHING, Spread
from pytest_modal_bench.gate.side_by_side import (
    Basis,
    checks,
    compared,
    estimate,
    priors,
    scatter,
    waiting,
)
from pytest_modal_bench.gate.statistics import wilson_interval

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pytest_modal_bench.gate.metrics import Name
    from pytest_modal_bench.model import Check, EndpointResult

NAMES: tuple[Name, ...] = ("warm",)


def side_by_side(
    own: Sequence[float],
    theirs: Sequence[float],
    *,
    containers: int | None = None,
    start: Any = "warm",
    **fields: Any,
) -> EndpointResult:
    """A result in pairs with its base, spread over so many containers a side."""

    def samples(times: Sequence[float], side: str) -> list[Any]:
        return [
            sample(
                start,
                seconds,
                pair=number,
                container=None if containers is None else f"{side}{number * containers // len(times)}",
            )
            for number, seconds in enumerate(times)
        ]

    known: dict[str, Any] = {"warm_time_sec": own[0], "samples": samples(own, "own")}
    return result(**known | {"base": result(samples=samples(theirs, "base"))} | fields)


def basis(
    expected: Mapping[tuple[Name, bool], Spread] | None = None, names: tuple[Name, ...] = NAMES
) -> Basis:
    return Basis("staging", names, 1, expected or {})


def checked(found: EndpointResult, **given: Any) -> Check:
    (check,) = checks(found, basis(**given))
    return check


FLAT = [1.0, 1.01, 0.99, 1.0, 1.02, 0.98, 1.0, 1.01]
SLOW = [1.4 * each for each in (1.01, 0.99, 1.0, 1.02, 1.0, 1.0, 0.98, 1.0)]


def test_what_is_surely_slower_by_more_than_the_tolerance_fails() -> None:
    check = checked(side_by_side(SLOW, FLAT))

    assert (check.verdict, check.against, check.n, check.containers) == ("FAIL", "base", 8, None)
    assert check.ratio == pytest.approx(1.4, rel=0.02)
    assert check.low is not None
    assert check.high is not None
    assert check.noticed is not None
    assert 1.1 < check.low < (check.ratio or 0.0) < check.high
    assert check.message.startswith("warm 1.40x of staging (")
    assert "8 pairs of calls: the hosts' own difference is in it" in check.message


def test_over_calls_alone_what_two_hosts_may_differ_by_is_a_warning() -> None:
    own = [1.2 * each for each in FLAT]
    check = checked(side_by_side(own, FLAT))

    assert check.verdict == "WARN"
    assert "two hosts may differ as much: --modal-bench-cold=force" in check.message
    assert checked(side_by_side(own, FLAT, containers=4)).verdict == "FAIL"


def test_what_is_alike_passes_and_says_what_it_would_have_noticed() -> None:
    check = checked(side_by_side(FLAT, [*reversed(FLAT)]))

    assert check.verdict == "PASS"
    assert check.noticed is not None
    assert 1.1 < check.noticed < 1.25
    assert f"would have noticed {check.noticed - 1:+.0%}" in check.message


def test_what_is_slower_by_less_than_the_tolerance_passes() -> None:
    assert checked(side_by_side([1.08 * each for each in FLAT], FLAT)).verdict == "PASS"


def test_one_that_scatters_too_much_to_see_half_as_much_again_is_inconclusive() -> None:
    check = checked(side_by_side([1.0, 2.0, 1.0, 2.0], [1.0, 1.0, 2.0, 2.0]))

    assert check.verdict == "INCONCLUSIVE"
    assert "(--modal-bench-rounds) would see more" in check.message


@pytest.mark.parametrize(
    ("found", "advice"),
    [
        (side_by_side(SLOW[:2], FLAT[:2]), "needs 3 (--modal-bench-rounds=3)"),
        (
            side_by_side(SLOW, FLAT, containers=1),
            "needs 3 containers a side, as one may be slow by itself: --modal-bench-cold=force",
        ),
    ],
    ids=["calls", "containers"],
)
def test_of_fewer_than_three_it_is_not_known_how_much_they_scatter(
    found: EndpointResult, advice: str
) -> None:
    check = checked(found)

    assert (check.verdict, check.low, check.noticed) == ("INCONCLUSIVE", None, None)
    assert check.ratio == pytest.approx(1.4, rel=0.02)
    assert advice in check.message


def test_where_containers_are_known_they_are_what_counts() -> None:
    check = checked(side_by_side(SLOW, FLAT, containers=4))

    assert (check.verdict, check.n, check.containers) == ("FAIL", 8, 4)
    assert "8 pairs of calls in 4 containers a side" in check.message
    assert "hosts" not in check.message


def test_how_much_the_other_endpoints_scatter_moderates_what_few_pairs_say() -> None:
    few = side_by_side(SLOW[:3], FLAT[:3])
    quiet = {("warm", False): Spread(0.0004, 100.0)}

    assert checked(few, expected=quiet).verdict == "FAIL"
    loud = {("warm", False): Spread(0.04, 100.0)}
    assert checked(few, expected=loud).verdict == "INCONCLUSIVE"


def test_the_scatter_of_an_endpoint_that_was_told_twice_counts_once() -> None:
    twice = [*scatter(side_by_side(SLOW, FLAT), NAMES), *scatter(side_by_side(FLAT, SLOW), NAMES)]

    assert priors(twice) == {("warm", False): NOTHING}, "one endpoint says nothing of others"
    assert scatter(side_by_side(SLOW[:1], FLAT[:1]), NAMES) == []


def test_fewer_tokens_a_second_are_worse() -> None:
    def streams(rates: Sequence[float]) -> list[Any]:
        return [sample(pair=n, stream=streamed(tokens_per_sec=rate)) for n, rate in enumerate(rates)]

    found = result(
        samples=streams([20 * each for each in FLAT]), base=result(samples=streams([40 * e for e in FLAT]))
    )
    check = checked(found, names=("tokens_per_sec",))

    assert check.verdict == "FAIL"
    assert check.ratio == pytest.approx(0.5)
    assert check.low is not None
    assert check.high is not None
    assert check.low <= check.ratio <= check.high < check.limit  # type: ignore[operator]


def test_an_unproven_cold_start_of_either_side_is_said() -> None:
    colds = [10.0, 10.1, 9.9]
    found = side_by_side(colds, colds, start="cold", cold_verified=True)
    assert found.base is not None
    found.base.cold_verified = False

    assert ", unverified" in checked(found, names=("cold",)).message


@pytest.mark.parametrize(
    ("base", "said"),
    [
        (result(status="failed", error="HTTP 500: boom"), "which failed: HTTP 500: boom"),
        (result(status="skipped", skipped_reason="Missing: LoRA file"), "which failed: Missing: LoRA file"),
        (result(status="success"), "no pair of calls that both answered"),
    ],
)
def test_a_base_that_failed_is_no_reason_to_fail_and_no_reason_to_pass(
    base: EndpointResult, said: str
) -> None:
    check = checked(side_by_side(FLAT, FLAT, base=base))

    assert (check.verdict, check.metric) == ("INCONCLUSIVE", "success")
    assert check.message.startswith("not compared with staging")
    assert said in check.message


def test_without_a_base_nothing_is_checked() -> None:
    assert checks(side_by_side(FLAT, FLAT, base=None), basis()) == []


def test_nothing_fails_before_all_have_been_measured() -> None:
    (check,) = waiting([checked(side_by_side(SLOW, FLAT))])

    assert (check.verdict, check.message.endswith(": the run was not finished")) == ("INCONCLUSIVE", True)


def test_cold_starts_are_compared_where_they_are_forced_and_streams_have_more_to_compare() -> None:
    endpoints = [endpoint(), endpoint("/chat", stream="openai")]

    assert compared(endpoints, forced=False) == (("warm", "cost", "ttft", "itl", "tokens_per_sec"), 4 + 3)
    assert compared(endpoints, forced=True)[1] == 4 + 3 + 2


def test_half_of_the_calls_timed_out_is_no_pass() -> None:
    found = side_by_side(FLAT[:4], FLAT[:4])
    found.samples = [
        *found.samples[:2],
        *(sample("warm", 1.0, ok=False, cause="timeout", pair=each.pair) for each in found.samples[2:]),
    ]

    check = checked(found)
    assert check.verdict == "INCONCLUSIVE"
    assert "at least" in check.message


# --- How often it is wrong ---


def test_the_interval_holds_the_truth_as_often_as_it_says() -> None:
    drawn = random.Random(1)
    truth, trials, held = math.log(1.23), 4_000, 0
    for _ in range(trials):
        known = estimate([drawn.gauss(truth, 0.08) for _ in range(4)], NOTHING)
        held += known.lowest(0.025) <= truth <= known.highest(0.025)

    low, high = wilson_interval(held, trials, 0.999) or (1.0, 0.0)
    assert low <= 0.95 <= high


@pytest.fixture(scope="module")
def simulation() -> Any:
    spec = importlib.util.spec_from_file_location("side_by_side", ROOT / "benchmarks" / "side_by_side.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("host", [0.0, 0.046, 0.08])
def test_a_run_of_what_is_alike_hardly_ever_raises_an_alarm(simulation: Any, host: float) -> None:
    found = simulation.side_by_side(simulation.World(host=host), 150, 7)

    assert found["any_false"] == 0.0, "what is alike is 10 % away from the tolerance"


@pytest.mark.parametrize(("endpoints", "trials", "most"), [(1, 3_000, 40), (21, 300, 7)])
def test_even_if_all_are_as_slow_as_may_be_a_run_raises_about_as_few_alarms_as_stated(
    simulation: Any, endpoints: int, trials: int, most: int
) -> None:
    world = simulation.World(endpoints=endpoints, containers=5, pairs=2)
    found = simulation.side_by_side(world, trials, 7, slower=1.1)

    # Twice as many as stated would be 2 %: of 3,000 so few as are left have a chance of 3 in 1,000 then.
    assert found["any_false"] <= most / trials


def test_without_containers_what_hosts_may_explain_is_a_warning(simulation: Any) -> None:
    found = simulation.side_by_side(simulation.World(containers=0, pairs=10), 100, 7)

    assert found["any_false"] <= 0.05
    assert found["any_flagged"] > 0.1, "over calls alone, hosts look like deploys"


@pytest.mark.parametrize("containers", [0, 3, 10])
def test_what_it_would_have_noticed_is_found_nine_times_of_ten(simulation: Any, containers: int) -> None:
    found = simulation.side_by_side(simulation.World(containers=containers, pairs=4), 100, 7)

    assert found["noticed_is_found"] == pytest.approx(0.9, abs=0.03)


def test_it_sees_what_the_history_rule_does_not_where_the_hour_is_what_differs(simulation: Any) -> None:
    world = simulation.World(shared=0.1, host=0.02, containers=5, pairs=2)

    assert simulation.side_by_side(world, 40, 7)["power_30%"] > 0.85
    assert simulation.history(world, 40, 7)["power_30%"] < 0.2
