from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from report_runs import result, sample

from pytest_modal_bench.model import Budget, Check, Endpoint, EndpointResult, Level
from pytest_modal_bench.run import closing

LIMITED = Budget(max_warm=Level(fail=1.0))


def endpoint(**fields: Any) -> Endpoint:
    return Endpoint(id="a", name="A", path="/a", app="a", url="", pool="p", category="C", **fields)


def notes(*results: EndpointResult, unknown: int | None = None, **given: Any) -> list[str]:
    settings: Any = SimpleNamespace(
        **{"baseline": None, "against": None, "auto": False, "budget": Budget()} | given
    )
    ledger: Any = None if unknown is None else SimpleNamespace(unknown_calls=unknown)
    return list(closing.notes([endpoint()], results, settings, ledger))


def check(against: Any) -> Check:
    return Check(metric="warm", against=against, verdict="PASS", message="")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, ["no baseline and no budgets: an endpoint passes if it answers as it should"]),
        ({"budget": LIMITED}, ["no baseline: held against absolute budgets only"]),
        ({"against": "staging"}, []),
        ({"baseline": "history"}, ["nothing was compared with earlier runs"]),
    ],
)
def test_it_is_said_what_verdicts_rest_on_where_that_is_little(
    given: dict[str, Any], said: list[str]
) -> None:
    assert notes(result(), **given) == said


def test_a_run_that_was_compared_needs_no_word() -> None:
    assert notes(result(checks=[check("budget"), check("baseline")]), baseline="history") == []
    assert notes(result(checks=[check("budget")]), baseline="history") != []


def test_an_endpoint_with_a_budget_of_its_own_is_limited_too() -> None:
    settings: Any = SimpleNamespace(baseline=None, against=None, auto=False, budget=Budget())
    said = closing.notes([endpoint(budget=LIMITED)], [result()], settings, None)
    assert list(said) == ["no baseline: held against absolute budgets only"]


def test_costs_that_are_not_known_are_not_in_the_limit() -> None:
    assert notes(against="staging", unknown=2) == [
        "the cost of 2 calls is not known, and not in what the limit was held against"
    ]
    assert notes(against="staging", unknown=0) == []


def test_what_was_spared_is_told_where_nobody_said_how_many_calls() -> None:
    few = result(samples=[sample()] * 8)
    assert notes(few, against="staging") == []
    assert notes(few, against="staging", auto=True) == ["8 warm calls were enough, of up to 30"]
