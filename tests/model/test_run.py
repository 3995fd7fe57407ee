from __future__ import annotations

from typing import TYPE_CHECKING, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_runs import result, sample

from pytest_modal_bench.model import CostBasis, Status, Summary

if TYPE_CHECKING:
    from pytest_modal_bench.model import EndpointResult

samples = st.builds(
    sample, cost_usd=st.none() | st.floats(0, 10), cost_basis=st.none() | st.sampled_from(get_args(CostBasis))
)
results = st.lists(
    st.builds(result, status=st.sampled_from(get_args(Status)), samples=st.lists(samples, max_size=4)),
    max_size=6,
)


def test_it_counts_endpoints_by_status_and_calls_by_whether_their_cost_is_known() -> None:
    summary = Summary.of(
        [
            result(samples=[sample(cost_usd=0.25, cost_basis="measured"), sample(ok=False)]),
            result(samples=[sample(cost_usd=0.5, cost_basis="measured")]),
            result(status="failed", samples=[sample(ok=False)]),
            result(status="skipped"),
            result(status="not_run"),
        ]
    )

    assert summary == Summary(
        total=5,
        successful=2,
        failed=1,
        skipped=1,
        not_run=1,
        calls=4,
        calls_with_cost=2,
        total_cost_usd=0.75,
    )


@given(results)
def test_every_endpoint_is_counted_under_one_status(made: list[EndpointResult]) -> None:
    summary = Summary.of(made)

    assert summary.total == len(made)
    assert summary.successful + summary.failed + summary.skipped + summary.not_run == summary.total
    assert summary.failed == sum(each.status == "failed" for each in made)


@given(results, results)
def test_two_runs_together_have_the_counts_and_the_cost_of_both(
    one: list[EndpointResult], other: list[EndpointResult]
) -> None:
    first, second, both = Summary.of(one), Summary.of(other), Summary.of([*one, *other])

    assert both.calls == first.calls + second.calls
    assert both.calls_with_cost == first.calls_with_cost + second.calls_with_cost <= both.calls
    assert (both.total_cost_usd or 0) == pytest.approx(
        (first.total_cost_usd or 0) + (second.total_cost_usd or 0)
    )
    assert both.estimated == (first.estimated or second.estimated)


@given(results)
def test_the_cost_is_unknown_exactly_if_no_call_has_one(made: list[EndpointResult]) -> None:
    summary = Summary.of(made)

    assert (summary.total_cost_usd is None) == (summary.calls_with_cost == 0)


def test_a_cost_of_zero_is_a_known_cost() -> None:
    summary = Summary.of([result(samples=[sample(cost_usd=0.0)])])

    assert (summary.calls_with_cost, summary.total_cost_usd) == (1, 0.0)


def test_one_estimated_call_makes_the_sum_an_estimate() -> None:
    measured = sample(cost_usd=0.25, cost_basis="measured")

    assert not Summary.of([result(samples=[measured])]).estimated
    assert Summary.of(
        [result(samples=[measured]), result(samples=[sample(cost_usd=0.5, cost_basis="estimated")])]
    ).estimated
