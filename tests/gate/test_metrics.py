from __future__ import annotations

from typing import Any, get_args, get_type_hints

import pytest
from report_runs import result, sample, streamed

from pytest_modal_bench.gate.metrics import METRICS, Name, is_metric
from pytest_modal_bench.model import Check

STREAM = streamed(0.2)


def test_every_metric_of_a_check_but_the_share_of_successes_and_those_under_load_is_here() -> None:
    every = {*get_args(get_type_hints(Check)["metric"])}
    others = {"success", *(name for name in every if name.startswith("load_"))}

    assert {*METRICS} == {*get_args(Name)} == every - others
    assert {name for name in every if is_metric(name)} == {*METRICS}


@pytest.mark.parametrize(
    ("name", "value"),
    [("cold", 3.0), ("warm", 3.0), ("cost", 0.1), ("ttft", 0.2), ("itl", 0.03), ("tokens_per_sec", 40.0)],
)
def test_a_metric_is_read_off_a_call(name: Name, value: float) -> None:
    one = sample("warm", 3.0, stream=STREAM, cost_usd=0.1, cost_basis="measured")

    assert METRICS[name].of_call(one, "measured") == value


@pytest.mark.parametrize("name", get_args(Name))
def test_a_call_that_failed_says_nothing(name: Name) -> None:
    failed = sample("warm", 3.0, ok=False, stream=STREAM, cost_usd=0.1)

    assert METRICS[name].of_call(failed, None) is None


@pytest.mark.parametrize("name", get_args(Name))
def test_one_that_timed_out_took_its_deadline_at_least_and_says_nothing_else(name: Name) -> None:
    late = sample("warm", 60.0, ok=False, cause="timeout", stream=STREAM)

    assert METRICS[name].of_call(late, None) == (60.0 if METRICS[name].is_duration_of_call else None)


def test_a_cost_of_another_basis_is_none_of_the_results() -> None:
    estimated = sample(cost_usd=0.1, cost_basis="estimated")

    assert METRICS["cost"].of_call(estimated, "measured") is None


@pytest.mark.parametrize("name", get_args(Name))
def test_its_median_is_a_field_of_the_result(name: Name) -> None:
    field = METRICS[name].field

    known: dict[str, Any] = {field: 7.0}

    assert METRICS[name].median(result(**known)) == 7.0
    assert METRICS[name].median(result()) is None
