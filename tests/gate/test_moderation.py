from __future__ import annotations

import math
import random
from statistics import median, variance

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_modal_bench.gate.moderation import (
    NOTHING,
    Spread,
    digamma,
    prior,
    trigamma,
    trigamma_inverse,
)

special = pytest.importorskip("scipy.special")


@given(st.floats(1e-3, 1e6))
def test_digamma_and_trigamma_are_scipys(x: float) -> None:
    assert digamma(x) == pytest.approx(float(special.digamma(x)), rel=1e-9, abs=1e-9)
    assert trigamma(x) == pytest.approx(float(special.polygamma(1, x)), rel=1e-9)


@given(st.floats(1e-4, 1e5))
def test_the_inverse_undoes_trigamma(x: float) -> None:
    assert trigamma_inverse(trigamma(x)) == pytest.approx(x, rel=1e-6)


def simulated(unlike: float, endpoints: int = 400, runs: int = 6, seed: int = 1) -> list[Spread]:
    drawn = random.Random(seed)
    spreads = []
    for _ in range(endpoints):
        own = 0.05 * math.exp(unlike * drawn.gauss(0, 1))
        spreads.append(Spread(variance([drawn.gauss(0, own) for _ in range(runs)]), runs - 1))
    return spreads


def test_endpoints_that_are_alike_have_one_variance_and_it_is_well_known() -> None:
    found = prior(simulated(0.0))

    assert math.sqrt(found.variance) == pytest.approx(0.05, rel=0.1)
    assert found.degrees > 15


def test_the_more_unlike_endpoints_are_the_less_the_others_say() -> None:
    alike, unlike, strangers = (prior(simulated(each)).degrees for each in (0.2, 0.6, 1.2))

    assert alike > unlike > strangers > 0


def test_the_priors_weight_is_below_its_best_guess() -> None:
    # Of variances that are drawn from the model itself, with 8 degrees of freedom.
    drawn = random.Random(3)
    found = []
    for _ in range(60):
        spreads = []
        for _ in range(21):
            own = 8 * 0.0025 / drawn.gammavariate(4, 2)
            spreads.append(Spread(own * drawn.gammavariate(2, 2) / 4, 4))
        found.append(prior(spreads).degrees)
    assert 2 < median(found) < 8


def test_a_single_endpoint_has_no_prior_and_none_has_either() -> None:
    assert prior([]) == prior([Spread(0.1, 4)]) == NOTHING
    assert Spread(0.1, 4).moderated(NOTHING) == Spread(0.1, 4)
    assert NOTHING.moderated(NOTHING) == NOTHING


def test_variances_of_nothing_say_nothing_of_the_others() -> None:
    some = simulated(0.6, endpoints=5)
    assert prior([*some, Spread(0.0, 5)]) == prior(some)


spreads = st.builds(Spread, st.floats(1e-8, 1.0), st.floats(1, 50))


@given(spreads, spreads)
def test_a_moderated_variance_lies_between_both_and_is_known_better_than_either(
    own: Spread, of_all: Spread
) -> None:
    both = own.moderated(of_all)

    low, high = sorted((own.variance, of_all.variance))
    assert low * (1 - 1e-9) <= both.variance <= high * (1 + 1e-9)
    assert both.degrees == own.degrees + of_all.degrees


@given(st.lists(spreads, max_size=30))
def test_any_variances_have_a_prior(given_spreads: list[Spread]) -> None:
    found = prior(given_spreads)

    assert found.variance >= 0
    assert found.degrees >= 0
    assert not math.isnan(found.variance + found.degrees)
