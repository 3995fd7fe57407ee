"""The gate's error rates, by the simulation in `benchmarks/` with fewer trials."""

from __future__ import annotations

import importlib.util
import sys
from typing import Any

import pytest
from project import ROOT

STATED = 0.01
"""Any of a run's endpoints, where the second measurement meets the same pace as the first: the worst case."""


@pytest.fixture(scope="module")
def simulation() -> Any:
    spec = importlib.util.spec_from_file_location("gate_errors", ROOT / "benchmarks" / "gate_errors.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["gate_errors"] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("noise", [0.046, 0.08])
def test_the_rule_cries_wolf_no_more_often_than_stated(simulation: Any, noise: float) -> None:
    (tally,) = simulation.simulate(simulation.World(noise=noise), 1200, 7, [1.0])
    found = tally.row()

    # Twice as many as stated would be 24 of 1,200: so few as are left have a chance of 3 in 10,000 then.
    assert found["any_false"] <= 2 * STATED * 0.55
    assert found["any_false_low"] <= STATED


def test_with_heavy_tails_and_half_of_the_pace_shared_it_is_seldom_wrong(simulation: Any) -> None:
    (tally,) = simulation.simulate(simulation.World(noise=0.08, tails="t3"), 600, 7, [0.5])

    assert tally.row()["any_false"] <= 0.03


def test_what_it_would_have_noticed_is_found_nine_times_of_ten(simulation: Any) -> None:
    for world in (simulation.World(), simulation.World(runs=20), simulation.World(endpoints=1)):
        (tally,) = simulation.simulate(world, 4000 // world.endpoints, 7)
        assert tally.row()["noticed_is_found"] == pytest.approx(0.9, abs=0.03)


def test_it_is_not_deaf(simulation: Any) -> None:
    quiet, usual = (
        simulation.simulate(world, 100, 7)[0].row()
        for world in (simulation.World(noise=0.02), simulation.World(runs=20))
    )

    assert quiet["power_30"] > 0.95
    assert usual["power_30"] > 0.6
    assert usual["would_have_noticed"] < 0.4
