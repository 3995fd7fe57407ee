from __future__ import annotations

from typing import Any

import pytest
from report_runs import result

from pytest_modal_bench.gate.comparability import SAME, difference, other_cost, other_simulation


@pytest.mark.parametrize(
    ("before", "now", "said"),
    [
        (None, None, None),
        ("times", "times", None),
        (None, "times", "another kind of workspace: real"),
        ("times", None, "another kind of workspace: simulated"),
        ("times", "others", "another simulation: times"),
    ],
)
def test_simulated_and_real_runs_are_apart(before: str | None, now: str | None, said: str | None) -> None:
    assert other_simulation(before, now) == said


@pytest.mark.parametrize(
    ("before", "now", "said"),
    [
        ({"gpu_type": "L40S"}, {"gpu_type": "H100"}, "another GPU: L40S, now H100"),
        ({"region": "us"}, {"region": "eu"}, "another region: us, now eu"),
        ({"payload_sha256": "a"}, {"payload_sha256": "b"}, "another payload"),
        ({"gpu_type": None}, {"gpu_type": "H100"}, None),
        ({"gpu_type": "H100"}, {"gpu_type": None}, None),
        ({"gpu_type": "H100"}, {"gpu_type": "H100"}, None),
    ],
)
def test_what_is_known_of_both_must_be_the_same(
    before: dict[str, Any], now: dict[str, Any], said: str | None
) -> None:
    assert difference(result(**before), result(**now)) == said


def test_each_of_them_keeps_two_results_apart() -> None:
    for field in SAME:
        assert difference(result(**{field: "a"}), result(**{field: "b"})) is not None


@pytest.mark.parametrize(
    ("before", "now", "apart"),
    [
        ("measured", "estimated", True),
        ("measured", "measured", False),
        (None, "measured", False),
        (None, None, False),
    ],
)
def test_measured_and_estimated_costs_are_apart(before: str | None, now: str | None, apart: bool) -> None:
    assert other_cost(result(cost_basis=before), result(cost_basis=now)) is apart
