from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from pytest_modal_bench.model import Budget, Endpoint, Expect, Level

METRICS = Budget.__struct_fields__

bounds = st.none() | st.floats(0.001, 1000)
levels = st.none() | st.builds(Level, warn=bounds, fail=bounds)
budgets = st.builds(Budget, **dict.fromkeys(METRICS, levels))


def endpoint() -> Endpoint:
    return Endpoint(
        id="flux",
        name="Flux",
        path="/flux",
        app="flux",
        url="https://flux.example",
        pool="https://flux.example",
        category="Flux",
    )


def test_a_more_specific_budget_replaces_whole_metrics_and_leaves_the_others() -> None:
    general = Budget(max_warm=Level(warn=4, fail=5), max_cold=Level(fail=60), min_success=Level(fail=1))
    specific = Budget(max_warm=Level(fail=9), max_cost=Level(warn=0.1))

    assert general.under(specific) == Budget(
        max_warm=Level(fail=9),
        max_cold=Level(fail=60),
        max_cost=Level(warn=0.1),
        min_success=Level(fail=1),
    )


@given(budgets, budgets)
def test_each_metric_is_that_of_the_specific_budget_or_else_of_the_general_one(
    general: Budget, specific: Budget
) -> None:
    both = general.under(specific)

    for metric in METRICS:
        own = getattr(specific, metric)
        assert getattr(both, metric) == (getattr(general, metric) if own is None else own)


@given(budgets)
def test_an_empty_budget_changes_nothing_on_either_side(budget: Budget) -> None:
    assert budget.under(Budget()) == Budget().under(budget) == budget.under(budget) == budget


@given(budgets, budgets, budgets)
def test_three_budgets_come_out_the_same_whichever_two_are_combined_first(
    general: Budget, category: Budget, own: Budget
) -> None:
    assert general.under(category).under(own) == general.under(category.under(own))


def test_an_endpoint_is_called_with_post_within_ten_minutes_and_has_no_limits_unless_it_says_so() -> None:
    made = endpoint()

    assert (made.method, made.timeout, made.payload, made.form) == ("POST", 600, None, None)
    assert (made.budget, made.quarantine, made.expect, made.cold) == (Budget(), None, None, None)


def test_endpoints_do_not_share_their_query_and_headers() -> None:
    one, other = endpoint(), endpoint()
    one.query["seed"] = "1"
    one.headers["X-Mine"] = "yes"

    assert (other.query, other.headers) == ({}, {})


def test_an_expectation_refuses_a_field_and_a_kind_that_it_does_not_know() -> None:
    with pytest.raises(msgspec.ValidationError, match="unknown field `heigth`"):
        msgspec.convert({"heigth": 512}, Expect)
    with pytest.raises(msgspec.ValidationError, match="Invalid enum value 'film'"):
        msgspec.convert({"kind": "film"}, Expect)


def test_an_endpoints_repr_shows_what_is_set_and_no_headers_value() -> None:
    plain = Endpoint(
        id="flux", name="Flux", path="/flux", app="app", url="https://a.run", pool="p", category="c"
    )
    endpoint = structs.replace(
        plain, headers={"X-Custom-Token": "s3cret", "Modal-Key": "{env:K}"}, timeout=5.0
    )
    assert repr(endpoint) == (
        "Endpoint(id='flux', name='Flux', path='/flux', app='app', url='https://a.run', pool='p', category='c', "
        "timeout=5.0, headers={'X-Custom-Token': ***, 'Modal-Key': ***})"
    )
    assert "headers" not in repr(plain)
