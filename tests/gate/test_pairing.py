from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_runs import result, sample, streamed

from pytest_modal_bench.gate.metrics import METRICS
from pytest_modal_bench.gate.pairing import Ratios, ratios

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_modal_bench.model import EndpointResult


def paired(
    calls: Sequence[dict[str, Any]], others: Sequence[dict[str, Any]], **fields: Any
) -> EndpointResult:
    """A result whose calls are pairs with those of its base, in their order."""

    def samples(given: Sequence[dict[str, Any]]) -> list[Any]:
        numbered: list[dict[str, Any]] = [{"pair": number} | each for number, each in enumerate(given, 1)]
        return [sample(**each) for each in numbered]

    return result(samples=samples(calls), base=result(samples=samples(others)), **fields)


def seconds(*values: float, **fields: Any) -> list[dict[str, Any]]:
    return [{"elapsed_sec": value} | fields for value in values]


def in_containers(names: str) -> list[dict[str, Any]]:
    return [{"elapsed_sec": 2.0, "container": name} for name in names]


TIMES = st.lists(st.floats(0.01, 600), min_size=2, max_size=8)


@given(TIMES, st.data())
def test_swapping_the_sides_inverts_the_ratio(own: list[float], data: st.DataObject) -> None:
    base = data.draw(st.lists(st.floats(0.01, 600), min_size=len(own), max_size=len(own)))
    there, back = (
        ratios("warm", paired(seconds(*own), seconds(*base))),
        ratios("warm", paired(seconds(*base), seconds(*own))),
    )

    assert there is not None
    assert back is not None
    assert there.values == pytest.approx([-value for value in back.values])
    assert there.values == pytest.approx([math.log(a / b) for a, b in zip(own, base, strict=True)])


def test_without_containers_each_pair_of_calls_stands_for_itself() -> None:
    assert ratios("warm", paired(seconds(2, 4), seconds(1, 1))) == Ratios(
        (math.log(2), math.log(4)), 2, by_container=False
    )


def test_one_side_of_which_the_containers_are_not_known_is_as_none() -> None:
    found = ratios("warm", paired(in_containers("abc"), seconds(1, 1, 1)))

    assert found is not None
    assert not found.by_container


@pytest.mark.parametrize(
    ("own", "base", "units"),
    [
        ("aabb", "xxyy", 2),
        ("aabb", "xxxx", 1),
        ("abab", "xyxy", 2),
        ("abcd", "xyzz", 3),
        ("abca", "xyzw", 3),
        ("ab", "ab", 2),
    ],
)
def test_pairs_that_share_a_container_on_either_side_are_averaged(own: str, base: str, units: int) -> None:
    found = ratios("warm", paired(in_containers(own), in_containers(base)))

    assert found is not None
    assert (len(found.values), found.pairs, found.by_container) == (units, len(own), True)


def test_a_pair_of_containers_stands_for_the_mean_of_its_calls() -> None:
    own = [{"elapsed_sec": value, "container": "a"} for value in (2.0, 8.0)]

    found = ratios("warm", paired(own, in_containers("xx")))

    assert found is not None
    assert found.values == pytest.approx([math.log(2)])


def test_a_proven_cold_start_has_a_container_of_its_own_even_if_nothing_names_it() -> None:
    colds = seconds(9, 9, 9, start="cold", proof="no container before")

    found = ratios("cold", paired(colds, colds))

    assert found is not None
    assert (len(found.values), found.by_container) == (3, True)


def test_a_pair_needs_an_answer_of_both_sides_but_a_candidates_timeout_stands_for_its_deadline() -> None:
    failed = {"elapsed_sec": 1.0, "ok": False, "cause": "application"}
    timeout = {"elapsed_sec": 10.0, "ok": False, "cause": "timeout"}
    dropped = {"elapsed_sec": 1.0, "dropped": "it ran in a new container"}
    fine = {"elapsed_sec": 1.0}

    found = ratios(
        "warm",
        paired([failed, timeout, dropped, fine, fine, fine], [fine, fine, fine, timeout, dropped, fine]),
    )

    assert found is not None
    assert found.values == pytest.approx([math.log(10), 0.0])


def test_calls_without_a_pair_say_nothing() -> None:
    assert ratios("warm", paired(seconds(1, pair=None), seconds(1, pair=None))) is None
    assert ratios("warm", paired(seconds(1, pair=1), seconds(1, pair=2))) is None
    assert ratios("warm", result(samples=[sample(pair=1)])) is None


def test_fewer_tokens_a_second_are_worse_and_what_only_one_side_knows_is_not_compared() -> None:
    fast, slow = ([{"stream": streamed(tokens_per_sec=rate)}] for rate in (40.0, 20.0))

    found = ratios("tokens_per_sec", paired(slow, fast))
    assert found is not None
    assert found.values == pytest.approx([math.log(2)])
    assert METRICS["tokens_per_sec"].ratio(found.values[0]) == pytest.approx(0.5)
    assert ratios("tokens_per_sec", paired(slow, seconds(1))) is None


def test_a_measured_cost_is_not_compared_with_an_estimated_one() -> None:
    calls = [{"cost_usd": 0.002, "cost_basis": "measured"}]
    found = paired(calls, [{"cost_usd": 0.001, "cost_basis": "estimated"}], cost_basis="measured")
    assert found.base is not None
    found.base.cost_basis = "estimated"

    assert ratios("cost", found) is None
