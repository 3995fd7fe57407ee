"""What a call costs, checked against figures worked out by hand; what is not known never costs nothing."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_modal_bench.cost import prices
from pytest_modal_bench.cost.prices import Machine, Rates
from pytest_modal_bench.model import Provider, Sample, Start

TABLE = prices.table()
L40S = Machine(gpu="L40S")
LIVE = prices.from_live(
    {"gpu_hour_cost_l40s": "3.6", "cpu_hour_cost": Decimal("0.036"), "mem_gib_hour_cost": "0.0036"}
)


def sample(start: Start = "warm", *, ok: bool = True, elapsed_sec: float = 10.0, **known: Any) -> Sample:
    return Sample(start=start, ok=ok, elapsed_sec=elapsed_sec, started_at="2026-08-01T00:00:00Z", **known)


# --- Prices ---


def test_the_table_says_where_it_is_from_and_of_when() -> None:
    assert (TABLE.source, TABLE.date, TABLE.live) == ("Modal's pricing page, 2026", "2026-08", False)


@pytest.mark.parametrize(
    ("gpu", "usd"),
    [
        ("T4", 0.000164),
        ("L4", 0.000222),
        ("A10", 0.000306),
        ("L40S", 0.000542),
        ("A100-40GB", 0.000583),
        ("A100-80GB", 0.000694),
        ("RTX-PRO-6000", 0.000842),
        ("H100", 0.001097),
        ("H200", 0.001261),
        ("B200", 0.001736),
    ],
)
def test_a_second_of_a_gpu(gpu: str, usd: float) -> None:
    assert prices.rate(Machine(gpu=gpu), TABLE) == usd


@pytest.mark.parametrize(
    ("written", "like"),
    [
        ("l40s", "L40S"),
        (" NVIDIA L40S ", "L40S"),
        ("NVIDIA L4", "L4"),
        ("Tesla T4", "T4"),
        ("NVIDIA A10G", "A10"),
        ("A10G", "A10"),
        ("A100", "A100-40GB"),
        ("a100_40gb", "A100-40GB"),
        ("NVIDIA A100-SXM4-40GB", "A100-40GB"),
        ("NVIDIA A100-SXM4-80GB", "A100-80GB"),
        ("NVIDIA A100 80GB", "A100-80GB"),
        ("NVIDIA RTX PRO 6000 Blackwell Server Edition", "RTX-PRO-6000"),
        ("H100!", "H100"),
        ("NVIDIA H100 80GB HBM3", "H100"),
        ("NVIDIA H200", "H200"),
        ("NVIDIA B200", "B200"),
    ],
)
def test_one_gpu_has_many_names(written: str, like: str) -> None:
    assert prices.rate(Machine(gpu=written), TABLE) == TABLE.gpu[like]


@pytest.mark.parametrize(("gpu", "usd"), [("H100:2", 0.002194), ("H100!:8", 0.008776), ("L40S:1", 0.000542)])
def test_several_gpus_cost_several_times_as_much(gpu: str, usd: float) -> None:
    assert prices.rate(Machine(gpu=gpu), TABLE) == pytest.approx(usd)


@pytest.mark.parametrize(
    "gpu",
    [
        "",
        "GPU",
        "any",
        "V100",
        "L40",
        "NVIDIA A100",
        "Quadro RTX 6000",
        "NVIDIA RTX 6000 Ada Generation",
        "B300",
        "L40S:0",
        "L40S:two",
        "L40S:2:2",
        "L40S, H100",
    ],
)
def test_a_gpu_that_is_not_known_has_no_price(gpu: str) -> None:
    assert prices.rate(Machine(gpu=gpu, cpu=1, memory_gib=1), TABLE) is None


def test_cpu_and_memory() -> None:
    assert prices.rate(Machine(cpu=4), TABLE) == pytest.approx(0.0000524)
    assert prices.rate(Machine(memory_gib=32), TABLE) == pytest.approx(0.00007104)
    assert prices.rate(Machine(gpu="L40S", cpu=4, memory_gib=32), TABLE) == pytest.approx(0.00066544)


@pytest.mark.parametrize(
    ("region", "usd"), [(None, 0.00066544), ("broad", 0.00099816), ("narrow", 0.00116452)]
)
def test_a_region_that_is_chosen_costs_more_on_all(
    region: Literal["broad", "narrow"] | None, usd: float
) -> None:
    machine = Machine(gpu="L40S", cpu=4, memory_gib=32, region=region)
    assert prices.rate(machine, TABLE) == pytest.approx(usd)


def test_one_that_is_never_preempted_costs_thrice_on_cpu_and_memory_alone() -> None:
    machine = Machine(gpu="L40S", cpu=4, memory_gib=32, nonpreemptible=True)
    assert prices.rate(machine, TABLE) == pytest.approx(0.00091232)
    assert prices.rate(Machine(gpu="L40S", nonpreemptible=True), TABLE) == 0.000542
    assert prices.rate(msgspec.structs.replace(machine, region="narrow"), TABLE) == pytest.approx(0.00159656)


def test_a_machine_of_which_nothing_is_known_has_no_price() -> None:
    assert prices.rate(Machine(), TABLE) is None
    assert prices.rate(Machine(region="narrow", nonpreemptible=True), TABLE) is None


# --- Live prices ---


def test_live_prices_are_by_the_hour_and_by_other_names() -> None:
    rates = prices.from_live(
        {
            "gpu_hour_cost_l40s": "1.9512",
            "gpu_hour_cost_a10g": "1.1016",
            "gpu_hour_cost_a100_40gb": Decimal("2.0988"),
            "gpu_hour_cost_a100_80gb": "2.4984",
            "gpu_hour_cost_rtx6000": "3.0312",
            "cpu_hour_cost": "0.04716",
            "mem_gib_hour_cost": "0.007992",
            "volume_gib_month_cost": "0.1",
        }
    )
    assert {name: round(usd, 9) for name, usd in rates.gpu.items()} == {
        name: TABLE.gpu[name] for name in ("L40S", "A10", "A100-40GB", "A100-80GB", "RTX-PRO-6000")
    }
    assert rates.cpu == pytest.approx(TABLE.cpu)
    assert rates.memory == pytest.approx(TABLE.memory)
    assert (rates.factors, rates.live) == (TABLE.factors, True)
    assert dt.date.fromisoformat(rates.date)


def test_a_gpu_that_only_modal_knows_has_its_price_by_that_name() -> None:
    rates = prices.from_live({"gpu_hour_cost_b300": "7.2"})
    assert prices.rate(Machine(gpu="B300:2"), rates) == 0.004
    assert prices.rate(Machine(gpu="B200"), rates) is None


@pytest.mark.parametrize("price", ["", "n/a", "-1", "nan", "inf", "1,5"])
def test_a_live_price_that_is_no_price_is_not_known(price: str) -> None:
    rates = prices.from_live(
        {"gpu_hour_cost_l40s": price, "cpu_hour_cost": price, "mem_gib_hour_cost": price}
    )
    assert (rates.gpu, rates.cpu, rates.memory) == ({}, None, None)


def test_a_part_without_a_price_is_not_left_out() -> None:
    rates = prices.from_live({"gpu_hour_cost_l40s": "1.9512"})
    assert prices.rate(Machine(gpu="L40S", cpu=1), rates) is None
    assert prices.rate(Machine(gpu="L40S", memory_gib=1), rates) is None


# --- A call, in order of trust ---


ALL_KNOWN: dict[str, Any] = {
    "cost_usd": 0.5,
    "provider": Provider(boot_sec=2.0, execution_sec=3.0),
    "execution_sec": 4.0,
    "handler_sec": 7.0,
}


@pytest.mark.parametrize(
    ("without", "rates", "usd", "words"),
    [
        ((), LIVE, 0.5, "the endpoint's own header"),
        (("cost_usd",), LIVE, 0.005, "the provider's seconds at live rates of the GPU alone"),
        (("cost_usd",), TABLE, 0.00271, "the provider's seconds at prices of 2026-08 of the GPU alone"),
        (("cost_usd", "provider"), LIVE, 0.004, "the server's seconds at live rates of the GPU alone"),
        (
            ("cost_usd", "provider"),
            TABLE,
            0.002168,
            "the server's seconds at prices of 2026-08 of the GPU alone",
        ),
        (
            ("cost_usd", "provider", "execution_sec"),
            TABLE,
            0.003794,
            "the server's seconds at prices of 2026-08 of the GPU alone",
        ),
        (
            tuple(ALL_KNOWN),
            TABLE,
            0.00542,
            "the client's seconds at prices of 2026-08 of the GPU alone, an upper bound",
        ),
    ],
)
def test_the_most_trusted_that_is_known_counts(
    without: tuple[str, ...], rates: Rates, usd: float, words: str
) -> None:
    known = {name: value for name, value in ALL_KNOWN.items() if name not in without}
    found, basis, said = prices.of_call(sample(**known), L40S, rates)
    assert found is not None
    assert round(found, 6) == round(usd, 6)
    assert (basis, said) == ("measured" if "cost_usd" in known else "estimated", words)


def test_what_cpu_and_memory_cost_is_in_it_where_they_are_known() -> None:
    machine = Machine(gpu="L40S", cpu=4, memory_gib=32)
    found, _, said = prices.of_call(sample(execution_sec=30.0), machine, TABLE)
    assert (round(found or 0, 6), said) == (0.019963, "the server's seconds at prices of 2026-08")


def test_a_container_that_was_there_already_has_no_start_to_pay_for() -> None:
    found, *_ = prices.of_call(sample(provider=Provider(execution_sec=3.0)), L40S, TABLE)
    assert round(found or 0, 6) == 0.001626


def test_a_record_that_does_not_say_how_long_it_ran_is_no_help() -> None:
    silent = sample(provider=Provider(boot_sec=2.0), handler_sec=1.0)
    assert prices.of_call(silent, L40S, TABLE)[2].startswith("the server's seconds")


def test_a_server_can_not_see_its_containers_start() -> None:
    _, _, said = prices.of_call(sample("cold", execution_sec=3.0), L40S, TABLE)
    assert said.endswith(", its container's start not included")


def test_a_price_that_live_rates_lack_is_that_of_the_table() -> None:
    found, basis, said = prices.of_call(sample(execution_sec=10.0), Machine(gpu="H100"), LIVE)
    assert (round(found or 0, 6), basis) == (0.01097, "estimated")
    assert "prices of 2026-08" in said


def test_free_by_its_own_word_is_free() -> None:
    assert prices.of_call(sample(cost_usd=0.0), Machine(), TABLE)[:2] == (0.0, "measured")


@pytest.mark.parametrize(
    ("machine", "why"),
    [
        (Machine(), "its machine is not known"),
        (Machine(gpu="V100"), "no price for its machine"),
        (Machine(gpu="V100", cpu=2.0), "no price for its machine"),
    ],
)
@pytest.mark.parametrize("rates", [TABLE, LIVE])
def test_a_machine_without_a_price_leaves_the_cost_unknown(machine: Machine, why: str, rates: Rates) -> None:
    assert prices.of_call(sample(execution_sec=1.0), machine, rates) == (None, None, why)


def test_a_call_that_failed_costs_what_the_provider_says_or_nobody_knows() -> None:
    unanswered = sample(ok=False)
    assert prices.of_call(unanswered, L40S, TABLE) == (
        None,
        None,
        "nobody says how long a call that failed was worked on",
    )
    recorded = sample(ok=False, provider=Provider(boot_sec=1.0, execution_sec=9.0))
    assert round(prices.of_call(recorded, L40S, TABLE)[0] or 0, 6) == 0.00542


# --- Idling ---


def test_a_container_that_idles_is_paid_for() -> None:
    assert round(prices.idle_tail(300.0, L40S, TABLE) or 0, 6) == 0.1626
    assert prices.idle_tail(None, L40S, TABLE) is None
    assert prices.idle_tail(300.0, Machine(), TABLE) is None
    assert prices.idle_tail(300.0, L40S, prices.from_live({})) == prices.idle_tail(300.0, L40S, TABLE)


# --- What holds of all of them ---


amounts = st.none() | st.floats(0.125, 128)
gpus = st.none() | st.builds("{}:{}".format, st.sampled_from(sorted(TABLE.gpu)), st.integers(1, 8))
machines = st.builds(
    Machine,
    gpu=gpus,
    cpu=amounts,
    memory_gib=amounts,
    region=st.sampled_from([None, "broad", "narrow"]),
    nonpreemptible=st.booleans(),
)
seconds = st.floats(0.001, 3600)


@given(machines, seconds)
def test_what_is_not_known_is_never_zero(machine: Machine, elapsed_sec: float) -> None:
    usd, basis, words = prices.of_call(sample(elapsed_sec=elapsed_sec), machine, TABLE)
    assert (usd is None) == (basis is None) == (prices.rate(machine, TABLE) is None)
    assert usd is None or usd > 0
    assert words


@given(machines, seconds, seconds)
def test_longer_calls_cost_more_and_two_cost_what_both_cost(
    machine: Machine, one: float, other: float
) -> None:
    first, second, both = (
        prices.of_call(sample(execution_sec=each), machine, TABLE)[0] for each in (one, other, one + other)
    )
    if first is not None and second is not None:
        assert both == pytest.approx(first + second)
        assert (first <= second) == (one <= other)


@given(gpus, amounts, amounts)
def test_a_machine_costs_what_its_parts_cost(
    gpu: str | None, cpu: float | None, memory_gib: float | None
) -> None:
    parts = [
        prices.rate(machine, TABLE)
        for machine in (Machine(gpu=gpu), Machine(cpu=cpu), Machine(memory_gib=memory_gib))
    ]
    known = [part for part in parts if part is not None]
    whole = prices.rate(Machine(gpu=gpu, cpu=cpu, memory_gib=memory_gib), TABLE)
    assert whole == (pytest.approx(sum(known)) if known else None)


@given(machines)
def test_a_choice_never_makes_it_cheaper(machine: Machine) -> None:
    plain = prices.rate(msgspec.structs.replace(machine, region=None, nonpreemptible=False), TABLE)
    chosen = prices.rate(machine, TABLE)
    assert (plain is None) == (chosen is None)
    if plain is not None and chosen is not None:
        assert plain <= chosen <= plain * 5.2500001, "thrice, in a narrow region"


@given(st.text())
def test_no_text_is_priced_by_chance(gpu: str) -> None:
    usd = prices.rate(Machine(gpu=gpu), TABLE)
    assert usd is None or any(name[:2] in gpu.upper() for name in TABLE.gpu)


@given(st.dictionaries(st.text() | st.sampled_from(["gpu_hour_cost_", "cpu_hour_cost"]), st.text()))
def test_live_prices_may_be_anything(mapping: dict[str, str]) -> None:
    assert all(usd >= 0 for usd in prices.from_live(mapping).gpu.values())
