from __future__ import annotations

from statistics import median
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from measure_answers import endpoint
from msgspec import structs
from report_runs import result, sample

from pytest_modal_bench.cost.prices import Rates, from_live, table
from pytest_modal_bench.cost.pricing import Pricing
from pytest_modal_bench.model import Sample, Streamed

L40S, H100 = table().gpu["L40S"], table().gpu["H100"]
COSTS = st.none() | st.tuples(st.sampled_from(["measured", "estimated"]), st.floats(0, 10))


def pricing(*, provider: str | None = None, rates: Rates | None = None, **fields: Any) -> Pricing:
    return Pricing(endpoint(**fields), rates=lambda: rates or table(), provider_gpu=lambda: provider)


def measured(usd: float, start: Any = "warm", **more: Any) -> Sample:
    return sample(start, cost_usd=usd, cost_basis="measured", cost_source="the endpoint's own header", **more)


def estimated(usd: float, start: Any = "warm", **more: Any) -> Sample:
    return sample(start, cost_usd=usd, cost_basis="estimated", **more)


def test_a_containers_second_has_the_price_of_the_machine_that_answered() -> None:
    known = pricing(gpu="H100", cpu=2.0)
    of_gpu = known.total(result(gpu_type="NVIDIA L40S", samples=[sample()])).container_usd_per_sec

    assert of_gpu == pytest.approx(L40S + 2 * (table().cpu or 0))
    assert pricing().total(result(samples=[sample()])).container_usd_per_sec is None
    scaled = Pricing(endpoint(gpu="L40S"), rates=table, provider_gpu=lambda: None, simulated=True)
    assert scaled.total(result(samples=[sample()])).container_usd_per_sec is None


# --- A sample ---


def test_seconds_times_a_price_are_an_estimate_and_say_so() -> None:
    priced = pricing(gpu="L40S").price(sample(elapsed_sec=10.0))

    assert priced.cost_usd == pytest.approx(10 * L40S)
    assert priced.cost_basis == "estimated"
    assert priced.cost_source == "the client's seconds at prices of 2026-08 of the GPU alone, an upper bound"


def test_the_endpoints_own_word_stays() -> None:
    said = measured(0.5, gpu_type="L40S")
    by_itself = pricing(gpu="L40S", cpu=1.0)

    assert by_itself.price(said) == said
    assert by_itself.price(by_itself.price(said)) == said


def test_an_estimate_is_made_anew_when_more_is_known() -> None:
    own = pricing(gpu="L40S")
    early = own.price(sample(elapsed_sec=10.0))
    late = own.price(
        Sample(**{name: getattr(early, name) for name in early.__struct_fields__} | {"execution_sec": 4.0})
    )

    assert late.cost_usd == pytest.approx(4 * L40S)
    assert late.cost_source is not None
    assert late.cost_source.startswith("the server's seconds")
    assert own.price(early) == early


@pytest.mark.parametrize(
    ("provider", "told", "claimed", "per_second"),
    [
        ("H100", "L40S", "T4", H100),
        ("H100:2", "L40S", "T4", 2 * H100),
        (None, "L40S", "T4", L40S),
        (None, "NVIDIA L40S", None, L40S),
        (None, None, "L40S", L40S),
    ],
)
def test_the_provider_knows_the_gpu_before_the_endpoint_and_that_before_the_catalogue(
    provider: str | None, told: str | None, claimed: str | None, per_second: float
) -> None:
    priced = pricing(provider=provider, gpu=claimed).price(sample(elapsed_sec=10.0, gpu_type=told))

    assert priced.cost_usd == pytest.approx(10 * per_second)


@pytest.mark.parametrize(
    ("fields", "of", "why"),
    [
        ({}, sample(), "its machine is not known"),
        ({"gpu": "Z9000"}, sample(), "no price for its machine"),
        ({"gpu": "L40S"}, sample(ok=False), "nobody says how long a call that failed was worked on"),
    ],
    ids=["machine", "price", "seconds"],
)
def test_what_is_not_known_stays_so_and_says_why(fields: dict[str, Any], of: Sample, why: str) -> None:
    priced = pricing(**fields).price(of)

    assert (priced.cost_usd, priced.cost_basis, priced.cost_source) == (None, None, why)


def test_the_machine_is_all_that_the_catalogue_claims() -> None:
    fields: dict[str, Any] = {"cpu": 2.0, "memory": 8.0, "region": "narrow", "nonpreemptible": True}
    prices = table()
    assert prices.cpu is not None
    assert prices.memory is not None
    per_second = prices.factors.narrow * (
        L40S + prices.factors.nonpreemptible * (2 * prices.cpu + 8 * prices.memory)
    )

    assert pricing(gpu="L40S", **fields).price(sample(elapsed_sec=10.0)).cost_usd == pytest.approx(
        10 * per_second
    )


def test_live_prices_are_named() -> None:
    priced = pricing(gpu="L40S", rates=from_live({"gpu_hour_cost_l40s": "3.6"})).price(
        sample(elapsed_sec=10.0)
    )

    assert priced.cost_usd == pytest.approx(0.01)
    assert "live rates" in (priced.cost_source or "")


def test_nobody_is_asked_for_what_a_measured_cost_does_not_need() -> None:
    def refuse() -> Any:
        raise AssertionError("not needed")

    assert Pricing(endpoint(), rates=refuse, provider_gpu=refuse).price(measured(0.5)) == measured(0.5)


# --- A result ---


def test_a_result_costs_what_its_median_call_does() -> None:
    costs = [measured(usd) for usd in (0.1, 0.2, 0.9)] + [measured(4.0, "cold"), measured(9.0, "first")]
    total = pricing().total(result(samples=costs))

    assert (total.cost_usd, total.cost_basis) == (0.2, "measured")
    assert (total.cold_cost_usd, total.cold_cost_basis) == (4.0, "measured")


def test_a_median_is_of_one_basis_and_rather_of_measured_ones() -> None:
    total = pricing().total(
        result(samples=[measured(0.1), estimated(5.0), estimated(6.0), estimated(1.0, "cold")])
    )

    assert (total.cost_usd, total.cost_basis) == (0.1, "measured")
    assert (total.cold_cost_usd, total.cold_cost_basis) == (1.0, "estimated")


def test_calls_that_do_not_count_have_no_part_in_it() -> None:
    total = pricing().total(
        result(samples=[measured(0.1, ok=False), measured(0.2, dropped="in another container")])
    )

    assert (total.cost_usd, total.cost_basis, total.cold_cost_usd) == (None, None, None)


@given(st.lists(COSTS, max_size=8))
def test_unknown_costs_are_never_zero(costs: list[tuple[Any, float] | None]) -> None:
    samples = [sample() if each is None else sample(cost_basis=each[0], cost_usd=each[1]) for each in costs]
    total = pricing().total(result(samples=samples))
    known = [each for each in costs if each is not None]
    basis = "measured" if any(name == "measured" for name, _ in known) else "estimated" if known else None
    alike = [usd for name, usd in known if name == basis]

    assert total.cost_basis == basis
    assert total.cost_usd == (median(alike) if alike else None)


# --- The idle tail ---


def test_a_container_costs_until_it_scales_down() -> None:
    tail = pricing(gpu="L40S", scaledown_window=300.0).total(result(samples=[sample()])).idle_tail_usd

    assert tail == pytest.approx(300 * L40S)


def test_the_idle_tail_is_that_of_the_gpu_that_answered() -> None:
    answered = result(samples=[sample()], gpu_type="H100")

    assert pricing(gpu="L40S", scaledown_window=300.0).total(answered).idle_tail_usd == pytest.approx(
        300 * H100
    )


@pytest.mark.parametrize(
    ("fields", "samples"),
    [
        ({"gpu": "L40S"}, [sample()]),
        ({"scaledown_window": 300.0}, [sample()]),
        ({"gpu": "L40S", "scaledown_window": 300.0}, []),
    ],
    ids=["window unknown", "machine unknown", "never called"],
)
def test_there_is_no_idle_tail_that_nobody_knows(fields: dict[str, Any], samples: list[Sample]) -> None:
    assert pricing(**fields).total(result(samples=samples)).idle_tail_usd is None


def test_what_so_many_seconds_cost_before_it_is_called() -> None:
    assert pricing(gpu="L40S").of_seconds(600.0) == pytest.approx(600 * L40S)
    assert pricing(provider="H100", gpu="L40S").of_seconds(600.0) == pytest.approx(600 * H100)
    assert pricing().of_seconds(600.0) is None


# --- Tokens ---


def stream(tokens: int | None) -> Streamed:
    return Streamed(chunks=3, output_tokens=tokens)


def test_a_million_tokens_cost_what_the_median_warm_call_makes_of_them() -> None:
    samples = [measured(0.002, stream=stream(tokens)) for tokens in (1000, 500, 2000)]
    cold = measured(9.0, "cold", proof="new", stream=stream(10))
    total = pricing().total(result(samples=[cold, *samples]))

    assert total.usd_per_million_tokens == pytest.approx(2.0)


def test_calls_of_which_cost_or_tokens_are_not_known_have_no_part_in_it() -> None:
    one = measured(0.002, stream=stream(1000))
    others = [measured(5.0, stream=stream(None)), measured(5.0), structs.replace(one, cost_usd=None)]
    failed = structs.replace(measured(5.0, stream=stream(1)), ok=False)

    assert pricing().total(result(samples=[one, *others, failed])).usd_per_million_tokens == pytest.approx(
        2.0
    )
    assert pricing().total(result(samples=others)).usd_per_million_tokens is None


def test_it_is_by_the_basis_that_the_cost_has() -> None:
    both = [measured(0.002, stream=stream(1000)), estimated(5.0, stream=stream(1000))]
    total = pricing().total(result(samples=both))

    assert total.cost_basis == "measured"
    assert total.usd_per_million_tokens == pytest.approx(2.0)
