"""The gate's error rates, by the simulation in `benchmarks/` with fewer trials."""

from __future__ import annotations

import importlib.util
from typing import Any

import pytest
from project import ROOT

# Here and not in a test: pytester forgets what a test imports, and numpy can't be imported twice.
pytest.importorskip("scipy.stats")


@pytest.fixture(scope="module")
def simulation() -> Any:
    spec = importlib.util.spec_from_file_location("gate_errors", ROOT / "benchmarks" / "gate_errors.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_warm_rule_cries_wolf_seldom_and_is_not_deaf(simulation: Any) -> None:
    alarm, power = simulation.warm_rule(3000, 7)

    # Any of 21 endpoints under 1 % means under 0.048 % each: as good as certain where it is refuted.
    assert alarm.low < 1 - 0.99 ** (1 / 21)
    assert power.high > 0.90


def test_the_cold_rule_likewise(simulation: Any) -> None:
    alarm, power = simulation.cold_rule(3000, 7)

    assert alarm.low < 0.0012
    assert power.high > 0.85


def test_one_run_against_one_is_wrong_every_third_time(simulation: Any) -> None:
    simulator = simulation.RunSimulator(7)
    alarm = simulation.rate(lambda: simulation.one_against_one(simulator, 1.0), 2000)

    assert 0.25 < alarm.share < 0.37
